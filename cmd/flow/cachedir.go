package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/project"
	"flow/pkg/ui"
)

// newCacheCmd returns `flow cache`.
func newCacheCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cache",
		Example: "  flow cache dir --local /mnt/team/flow-cache",
	}
	cmd.AddCommand(newCacheDirCmd(a))
	return cmd
}

func newCacheDirCmd(a *app) *cobra.Command {
	var local, user, unset bool
	cmd := &cobra.Command{
		Use:   "dir [FOLDER]",
		Short: "Show where the cache is, or choose a folder for it",
		Long: `Show where the cache is, or choose a folder, which several projects may share. What is in
the cache that was used before stays there.

Where several people share it, set cache.shared to group: what is made in the cache is then
the group's, too, whatever the umask.`,
		Example: `  flow cache dir
  flow cache dir --local /mnt/team/flow-cache
  flow config cache.shared group`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			scope := project.Shared
			switch {
			case local:
				scope = project.Local
			case user:
				scope = project.User
			}
			return runCacheDir(a, scope, args, unset)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&local, "local", false, "write .flow/config.local, on this machine only")
	flags.BoolVar(&user, "user", false, "write your own config, for all your projects")
	flags.BoolVarP(&unset, "unset", "u", false, "use .flow/cache again")
	cmd.MarkFlagsMutuallyExclusive("local", "user")
	a.jsonFlag(cmd)
	return cmd
}

func runCacheDir(a *app, scope project.Scope, args []string, unset bool) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	if len(args) == 0 && !unset {
		if a.json {
			return ui.WriteJSON(a.out, map[string]any{"dir": p.CacheDir(), "shared": p.Config.SharedCache()})
		}
		a.print("%s", p.CacheDir())
		return nil
	}
	before, dir := p.CacheDir(), ""
	if len(args) == 1 {
		dir = a.configured(p, scope, args[0])
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	if err := p.Config.Set(scope, "cache.dir", dir); err != nil {
		return err
	}
	a.say("the cache is %s", p.CacheDir())
	// Opened anew, as the cache that p has open is the one before.
	if now, err := project.Open(p.Root.Dir()); err == nil && now.CacheOwner() != "" {
		a.say("  it is also project %s's own: flow gc in either keeps what both need", now.CacheOwner())
	}
	if before != p.CacheDir() {
		a.say("  what is in %s stays there; to take it along: cp -Rn %s/. %s", before, before, p.CacheDir())
	}
	return nil
}

// configured returns a folder as the config has it: relative to the project's root, but
// in a file that is for all projects.
func (a *app) configured(p *project.Project, scope project.Scope, typed string) string {
	if filepath.IsAbs(typed) || strings.HasPrefix(typed, "~/") {
		return typed
	}
	absolute := filepath.Join(a.absolute(), typed)
	if rel, err := filepath.Rel(p.Root.Dir(), absolute); err == nil && scope != project.User {
		return filepath.ToSlash(rel)
	}
	return absolute
}
