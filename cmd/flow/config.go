package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/project"
	"flow/pkg/ui"
)

// newConfigCmd returns `flow config`.
func newConfigCmd(a *app) *cobra.Command {
	var list, unset, local, user, origin bool
	cmd := &cobra.Command{
		Use:  "config [KEY [VALUE]]",
		Long: configLong(),
		Example: `  flow config --list
  flow config cache.type hardlink,copy
  flow config --local cache.dir /mnt/shared/flow-cache`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: completeConfig,
		RunE: func(_ *cobra.Command, args []string) error {
			scope := project.Shared
			switch {
			case local:
				scope = project.Local
			case user:
				scope = project.User
			}
			switch {
			case unset && len(args) != 1:
				return wordsError{errors.New("--unset takes one key")}
			case unset:
				return runConfigUnset(a, scope, args[0])
			case list || len(args) == 0:
				return runConfigList(a, origin)
			case len(args) == 1:
				return runConfigGet(a, args[0])
			case args[1] == "":
				return wordsError{fmt.Errorf("the value is empty; to remove the key: flow config --unset %s", args[0])}
			}
			return runConfigSet(a, scope, args[0], args[1])
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&list, "list", "l", false, "list all settings")
	flags.BoolVarP(&unset, "unset", "u", false, "remove the key")
	flags.BoolVar(&local, "local", false, "write .flow/config.local, on this machine only")
	flags.BoolVar(&user, "user", false, "write your own config, for all your projects")
	flags.BoolVar(&origin, "show-origin", false, "with --list, also the file that each stands in")
	cmd.MarkFlagsMutuallyExclusive("local", "user")
	a.jsonFlag(cmd)
	return cmd
}

func configLong() string {
	var b strings.Builder
	b.WriteString("Read and write settings. A value in .flow/config.local counts before one in\n.flow/config, which git shares, and that before your own.\n\nThe keys:\n")
	for _, key := range project.Keys() {
		fmt.Fprintf(&b, "  %-13s %s\n", key.Name, key.Desc)
	}
	return strings.TrimRight(b.String(), "\n")
}

func runConfigList(a *app, origin bool) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	settings := p.Config.All()
	if a.json {
		if settings == nil {
			settings = []project.Setting{}
		}
		return ui.WriteJSON(a.out, settings)
	}
	if len(settings) == 0 {
		a.say("nothing is set; `flow config --help` lists the keys")
	}
	for _, setting := range settings {
		if origin {
			a.print("%s\t%s=%s", setting.Origin, setting.Key, setting.Value)
			continue
		}
		a.print("%s=%s", setting.Key, setting.Value)
	}
	return nil
}

func runConfigGet(a *app, key string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	if err := project.CheckKey(key); err != nil {
		return err
	}
	setting, found := p.Config.Get(key)
	if !found {
		a.say("%s is not set; `flow config --help` tells the default", key)
		return errSilent
	}
	if a.json {
		return ui.WriteJSON(a.out, setting)
	}
	a.print("%s", setting.Value)
	return nil
}

func runConfigSet(a *app, scope project.Scope, key, value string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	if err := p.Config.Set(scope, key, value); err != nil {
		return err
	}
	a.say("set %s in %s", key, p.Config.File(scope))
	if stronger, found := p.Config.Get(key); found && stronger.Scope != scope {
		a.say("%s %s says %s=%s, and that counts", ui.StyleFor(a.err).Yellow("note:"), stronger.Origin, key, stronger.Value)
	}
	if key == "cache.type" {
		a.say("files that are there already stay as they are; to make them anew: flow checkout --relink")
	}
	return nil
}

func runConfigUnset(a *app, scope project.Scope, key string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	if err := project.CheckKey(key); err != nil {
		return err
	}
	if !p.Config.IsSet(scope, key) {
		a.say("%s is not set in %s", key, p.Config.File(scope))
		return nil
	}
	if err := p.Config.Set(scope, key, ""); err != nil {
		return err
	}
	a.say("removed %s from %s", key, p.Config.File(scope))
	return nil
}
