package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/bucket"
	"flow/pkg/diag"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// newRemoteCmd returns `flow remote`.
func newRemoteCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "remote",
		Long: `Say where data is pushed to and pulled from. A remote is a name with a URL and
settings; it stands in .flow/config, which git shares, in .flow/config.local, or in
your own config.`,
		Example: "  flow remote add -d store s3://bucket/project\n  flow remote list",
	}
	cmd.AddCommand(newRemoteAddCmd(a), newRemoteListCmd(a), newRemoteDefaultCmd(a), newRemoteModifyCmd(a), newRemoteRemoveCmd(a))
	return cmd
}

// scopeFlags adds the flags that say which config file is meant.
func scopeFlags(cmd *cobra.Command) func() project.Scope {
	var local, user bool
	cmd.Flags().BoolVar(&local, "local", false, "in .flow/config.local, on this machine only")
	cmd.Flags().BoolVar(&user, "user", false, "in your own config, for all your projects")
	cmd.MarkFlagsMutuallyExclusive("local", "user")
	return func() project.Scope {
		switch {
		case local:
			return project.Local
		case user:
			return project.User
		}
		return project.Shared
	}
}

func newRemoteAddCmd(a *app) *cobra.Command {
	var chosen, force bool
	cmd := &cobra.Command{
		Use:   "add NAME URL",
		Short: "Add a remote",
		Long: `Add a remote: a name, and where it is. A folder is relative to where you are, and kept
relative to the project. The kinds:

` + bucket.Usage() + `
The first remote is the default one.`,
		Example: `  flow remote add store s3://bucket/project
  flow remote add -d disk ../flow-storage
  flow remote add --local lab sftp://me@host/srv/flow`,
		Args: cobra.ExactArgs(2),
	}
	scope := scopeFlags(cmd)
	cmd.Flags().BoolVarP(&chosen, "default", "d", false, "make it the default remote")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace one of that name")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		return runRemoteAdd(a, args[0], args[1], addOptions{scope: scope(), chosen: chosen, force: force})
	}
	return cmd
}

// addOptions is the words of `flow remote add`.
type addOptions struct {
	scope         project.Scope
	chosen, force bool
}

func runRemoteAdd(a *app, name, address string, o addOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	address, err = a.remoteURL(p, address)
	if err != nil {
		return err
	}
	c := p.Config
	for _, info := range c.Remotes() {
		if info.Name == name && !o.force {
			return diag.At(diag.Pos{}, "there is a remote %q already: %s", name, info.URL).
				WithHint("change it: flow remote modify %s url %s; or replace it with --force", name, address)
		}
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	if err := project.CheckRemoteName(name); err != nil {
		return err
	}
	if _, err := c.RemoveRemote(o.scope, name); err != nil {
		return err
	}
	if err := c.SetRemote(o.scope, name, "url", address); err != nil {
		return err
	}
	if o.chosen || c.DefaultRemote() == "" && len(c.Remotes()) == 1 {
		if err := c.SetDefaultRemote(o.scope, name); err != nil {
			return err
		}
	}
	a.say("added remote %s: %s, in %s", name, bucket.Redacted(address), c.File(o.scope))
	return nil
}

// remoteURL checks a URL; a folder, which is typed relative to where the person is, is
// kept relative to the project's root.
func (a *app) remoteURL(p *project.Project, address string) (string, error) {
	if err := bucket.Check(address); err != nil {
		return "", err
	}
	if bucket.Kind(address) != "folder" || strings.HasPrefix(address, "file:") || strings.HasPrefix(address, "~/") || filepath.IsAbs(address) {
		return address, nil
	}
	from, err := filepath.Abs(a.dir)
	if err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(from); err == nil {
		from = resolved
	}
	relative, err := filepath.Rel(p.Root.Dir(), filepath.Join(from, address))
	if err != nil {
		return "", err
	}
	return filepath.ToSlash(relative), nil
}

func newRemoteListCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the remotes", Example: "  flow remote list",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := a.open()
			if err != nil {
				return err
			}
			all := p.Config.Remotes()
			if a.json {
				if all == nil {
					all = []project.RemoteInfo{}
				}
				return ui.WriteJSON(a.out, all)
			}
			if len(all) == 0 {
				a.say("there are no remotes; add one: flow remote add NAME URL")
			}
			for _, info := range all {
				mark := ""
				if info.Default {
					mark = "\t(default)"
				}
				a.print("%s\t%s%s", info.Name, info.URL, mark)
			}
			return nil
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func newRemoteDefaultCmd(a *app) *cobra.Command {
	var unset bool
	cmd := &cobra.Command{
		Use: "default [NAME]", Short: "Say or choose which remote is meant when none is named",
		Example: "  flow remote default store",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: a.completeRemotes,
	}
	scope := scopeFlags(cmd)
	cmd.Flags().BoolVarP(&unset, "unset", "u", false, "have no default")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		p, err := a.open()
		if err != nil {
			return err
		}
		switch {
		case unset:
			return p.Config.SetDefaultRemote(scope(), "")
		case len(args) == 1:
			if _, err := p.RemoteSpec(args[0]); err != nil {
				return err
			}
			return p.Config.SetDefaultRemote(scope(), args[0])
		}
		spec, err := p.RemoteSpec("")
		if err == nil {
			a.print("%s", spec.Name)
		}
		return err
	}
	return cmd
}

func newRemoteModifyCmd(a *app) *cobra.Command {
	var unset bool
	cmd := &cobra.Command{
		Use:   "modify NAME SETTING [VALUE]",
		Short: "Change a setting of a remote",
		Long: `Change a setting of a remote. Without a value it is read from the terminal, unseen, or
from standard input. Settings marked * are credentials, or run or read something of
yours: they go with --local or --user only, and are for the URL that the remote has.

` + bucket.SettingsUsage(),
		Example: `  flow remote modify store endpoint https://s3.example.org
  flow remote modify --local store secret_access_key
  flow remote modify --unset store jobs`,
		Args: cobra.RangeArgs(2, 3), ValidArgsFunction: a.completeRemoteSettings,
	}
	scope := scopeFlags(cmd)
	cmd.Flags().BoolVarP(&unset, "unset", "u", false, "remove the setting")
	cmd.RunE = func(_ *cobra.Command, args []string) error { return runRemoteModify(a, scope(), args, unset) }
	return cmd
}

func runRemoteModify(a *app, scope project.Scope, args []string, unset bool) error {
	if unset && len(args) == 3 {
		return wordsError{errors.New("--unset takes no value")}
	}
	p, err := a.open()
	if err != nil {
		return err
	}
	if err := p.KnowsRemote(args[0]); err != nil {
		return err
	}
	value := ""
	switch {
	case len(args) == 3 && args[1] == "url":
		value, err = a.remoteURL(p, args[2])
	case len(args) == 3:
		value = args[2]
	case !unset:
		value, err = a.readSecret(args[1])
	}
	if err != nil {
		return err
	}
	if value == "" && !unset {
		return wordsError{fmt.Errorf("the value is empty; to remove the setting: flow remote modify --unset %s %s", args[0], args[1])}
	}
	if err := p.Config.SetRemote(scope, args[0], args[1], value); err != nil {
		return err
	}
	a.say("%s %s of remote %s in %s", map[bool]string{true: "removed", false: "set"}[unset], args[1], args[0], p.Config.File(scope))
	return nil
}

// readSecret reads a value that need not be seen.
func (a *app) readSecret(setting string) (string, error) {
	if ui.IsTerminal(os.Stdin) {
		fmt.Fprintf(a.err, "%s: ", setting)
		secret, err := ui.ReadSecret(os.Stdin)
		fmt.Fprintln(a.err)
		return secret, err
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err == io.EOF {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

func newRemoteRemoveCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Remove a remote from the config; what it holds stays",
		Example: "  flow remote remove store",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeRemotes,
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		p, err := a.open()
		if err != nil {
			return err
		}
		if err := p.KnowsRemote(args[0]); err != nil {
			return err
		}
		files, err := p.Config.ForgetRemote(args[0])
		if err == nil {
			a.say("removed remote %s from %s; what it holds is still there", args[0], strings.Join(files, " and "))
		}
		return err
	}
	return cmd
}
