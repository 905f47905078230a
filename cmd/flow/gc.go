package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// collectOptions is the words of `flow gc`.
type collectOptions struct {
	workspace  bool
	scope      project.DataScope
	dry, force bool
	noRuns     bool
	grace      time.Duration
	forget     []string
	cloudOptions
}

// newCollectCmd returns `flow gc`.
func newCollectCmd(a *app) *cobra.Command {
	o := &collectOptions{}
	cmd := &cobra.Command{
		Use: "gc",
		Long: `Remove the objects of the cache that none of the named lock files tells of, and the
remembered runs that need them. Say what to keep: the workspace's lock (-w), and those
of all branches (-a), tags (-T) or commits (-A), of single revisions, or of the commits
since a day. What the workspace's lock tells of is kept in any case, and so is what is
newer than --grace: hand edits that flow has saved are among it. What the runs of the
history need to be had back is kept, too, unless --no-runs says otherwise; flow runs rm
removes runs.

Where several projects share the cache, what each of them needs stays. One that is not where
it was stops gc, until it is back, or --forget names it, which may be all that is asked for.

With --dry, say who needs how much of the cache, and whose the rest was.

With --cloud it is the remote from which is removed what the same scope, the runs of the
history here and there, and those who pushed within --grace (a day) don't need. What other
projects push to the same remote must be named with --projects. While it goes on, pushes
wait, and it waits for those that are under way.`,
		Example: `  flow gc -w --dry
  flow gc -a -T
  flow gc -a -T --cloud -r store --dry
  flow gc --rev HEAD~1 --date 2026-01-31 --grace 0s
  flow gc --forget /home/ada/old-clone`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !o.cloud {
				return runCollect(cmd.Context(), a, o)
			}
			if !cmd.Flags().Changed("grace") {
				o.grace = cloudGrace
			}
			if err := o.check(); err != nil {
				return err
			}
			return runCollectRemote(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.workspace, "workspace", "w", false, "keep only what the workspace's lock tells of")
	flags.BoolVarP(&o.scope.Branches, "all-branches", "a", false, "keep what the locks of all branches tell of")
	flags.BoolVarP(&o.scope.Tags, "all-tags", "T", false, "keep what the locks of all tags tell of")
	flags.BoolVarP(&o.scope.Commits, "all-commits", "A", false, "keep what the locks of all commits tell of, of any branch or tag")
	flags.StringSliceVar(&o.scope.Revs, "rev", nil, "keep what the locks of these `revisions` tell of")
	_ = cmd.RegisterFlagCompletionFunc("rev", a.completeRevisions)
	flags.StringVar(&o.scope.Since, "date", "", "keep what the locks of the commits of this `day` and later tell of: 2006-01-31")
	flags.BoolVar(&o.noRuns, "no-runs", false, "do not keep what only runs of the history need")
	flags.BoolVar(&o.dry, "dry", false, "only say how much would go")
	flags.BoolVarP(&o.force, "force", "f", false, "do not ask")
	flags.DurationVar(&o.grace, "grace", 14*24*time.Hour, "keep what is newer than this; with --cloud a day")
	flags.StringArrayVar(&o.forget, "forget", nil, "forget that the project in this `folder` uses the cache: it is gone for good")
	_ = cmd.RegisterFlagCompletionFunc("forget", a.completeClaims)
	a.jsonFlag(cmd)
	a.addCloudFlags(cmd, &o.cloudOptions)
	return cmd
}

// check refuses words that don't say what to keep.
func (o *collectOptions) check() error {
	scope := o.scope
	if o.cloud && len(o.forget) > 0 {
		return wordsError{errors.New("--forget is for the cache, not for --cloud")}
	}
	if !o.hasScope() && len(o.forget) == 0 {
		return wordsError{errors.New("say what to keep: -w (workspace), -a (branches), -T (tags), -A (commits), --rev or --date")}
	}
	if !o.cloud && (o.Remote != "" || len(o.projects) > 0 || o.Jobs != 0) {
		return wordsError{errors.New("--remote, --projects and --jobs are for --cloud")}
	}
	if _, err := time.Parse(time.DateOnly, scope.Since); err != nil && scope.Since != "" {
		return wordsError{fmt.Errorf("--date %s is no day; write it as 2006-01-31", scope.Since)}
	}
	return nil
}

// hasScope reports whether the words say what to keep.
func (o *collectOptions) hasScope() bool {
	scope := o.scope
	return o.workspace || scope.Branches || scope.Tags || scope.Commits || len(scope.Revs) > 0 || scope.Since != ""
}

// completeClaims offers the projects that use the cache to the shell.
func (a *app) completeClaims(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := p.ClaimNames()
	return names, cobra.ShellCompDirectiveNoFileComp
}

func runCollect(ctx context.Context, a *app, o *collectOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	p, err := a.open()
	if err != nil {
		return err
	}
	for i, folder := range o.forget {
		o.forget[i] = a.claimed(folder)
	}
	forgotten, err := p.Registered(o.forget)
	if err != nil {
		return err
	}
	if !o.hasScope() {
		if err := a.forget(p, forgotten, o.dry); err != nil || !a.json {
			return err
		}
		return ui.WriteJSON(a.out, collectTold{Dry: o.dry, Forgot: o.forget})
	}
	doomed := map[digest.ID]int64{}
	options := cache.CollectOptions{Dry: true, Doomed: func(id digest.ID, size int64) { doomed[id] = size }, Grace: o.grace, Owner: "flow gc", Waiting: func(holder string) {
		a.say("waiting for %s", holder)
	}}
	options.Scratch = []cache.Scratch{p.Scratch()}
	var keepers, others []project.Keeper
	keep := func(ctx context.Context) (_ []digest.Content, err error) {
		if keepers, err = o.keepers(ctx, p); err != nil {
			return nil, err
		}
		if others, err = p.Others(ctx, forgotten); err != nil {
			return nil, err
		}
		if !options.Dry { // nobody else uses the cache now
			if err := p.LockGone(ctx, o.scope); err != nil {
				return nil, err
			}
			err = p.Reclaim(keepers)
		}
		return project.Contents(slices.Concat(keepers, others)), err
	}
	would, err := p.Cache.Collect(ctx, keep, options)
	if err != nil {
		return err
	}
	some := would.Objects+would.Actions+would.Left > 0
	if some {
		if err := p.LockGone(ctx, o.scope); err != nil {
			return err
		}
		if asks := would.Objects+would.Actions > 0; asks && !o.dry && !o.force && !a.confirm(fmt.Sprintf("remove %s?", describeCollected(would))) {
			return errors.New("nothing was removed: not confirmed; --force does not ask")
		}
	}
	switch options.Dry = o.dry; {
	case o.dry:
	case some:
		if would, err = p.Cache.Collect(ctx, keep, options); err != nil {
			return err
		}
	case p.SharesCache() && p.LockGone(ctx, o.scope) == nil:
		// What this project no longer needs, the others may remove.
		guard, err := p.Cache.LockExclusive(ctx, options.Owner, options.Waiting)
		if err != nil {
			return err
		}
		_, err = keep(ctx)
		guard.Unlock()
		if err != nil {
			return err
		}
	}
	if err := a.forget(p, forgotten, o.dry); err != nil {
		return err
	}
	if would.Stuck != nil && !o.dry {
		a.note("some leftovers of killed processes stay: %s", would.Stuck)
	}
	told := collectTold{Dry: o.dry, Objects: would.Objects, Bytes: would.Bytes, Runs: would.Actions, Left: would.Left, Leaving: would.Leaving, Forgot: o.forget}
	if o.dry {
		if err := told.account(ctx, p, slices.Concat(keepers, others), doomed); err != nil {
			return err
		}
	}
	return a.tellCollected(told, would)
}

// keepers returns who needs objects of the cache, in this project.
func (o *collectOptions) keepers(ctx context.Context, p *project.Project) ([]project.Keeper, error) {
	keepers, err := p.Keepers(ctx, o.scope)
	if err != nil || o.noRuns {
		return keepers, err
	}
	runs, err := p.RunKeepers(ctx)
	return append(keepers, runs...), err
}

// forget drops what a shared cache knows of projects that are gone.
func (a *app) forget(p *project.Project, claims []cache.Claim, dry bool) error {
	for _, claim := range claims {
		if dry {
			a.note("project %s would be forgotten, and what only it needed not kept", claim.Path)
			continue
		}
		if err := p.Cache.Disclaim(claim); err != nil {
			return err
		}
		a.note("project %s is forgotten, and what only it needed is not kept", claim.Path)
	}
	return nil
}

// claimed returns a project's folder as a claim has it. One on another machine is HOST:PATH.
func (a *app) claimed(typed string) string {
	if host, at, found := strings.Cut(typed, ":"); found && host != "" && filepath.IsAbs(at) {
		return typed
	}
	if !filepath.IsAbs(typed) {
		typed = filepath.Join(a.absolute(), typed)
	}
	if resolved, err := filepath.EvalSymlinks(typed); err == nil {
		return resolved
	}
	return filepath.Clean(typed)
}

// collectTold is what `flow gc --json` prints.
type collectTold struct {
	Dry     bool            `json:"dry"`
	Objects int             `json:"objects"`
	Bytes   int64           `json:"bytes"`
	Runs    int             `json:"runs"`
	Left    int             `json:"left,omitempty"` // unfinished files and folders of killed processes
	Leaving int64           `json:"left_bytes,omitempty"`
	Forgot  []string        `json:"forgot,omitempty"` // projects
	Keeps   []project.Share `json:"keeps,omitempty"`  // with --dry: who needs what, each object once
	Recent  *project.Share  `json:"recent,omitempty"`
	Goes    []project.Share `json:"goes,omitempty"` // whose it was that would go
	Nobodys *project.Share  `json:"nobodys,omitempty"`
}

// account finds who needs what, and, from all of the history, whose the rest was.
func (t *collectTold) account(ctx context.Context, p *project.Project, keepers []project.Keeper, doomed map[digest.ID]int64) error {
	objects, err := p.CachedObjects(ctx)
	if err != nil {
		return err
	}
	return t.accountFor(ctx, p, keepers, objects, doomed)
}

// accountFor is account for objects that are anywhere.
func (t *collectTold) accountFor(ctx context.Context, p *project.Project, keepers []project.Keeper, objects, doomed map[digest.ID]int64) error {
	for id := range doomed {
		delete(objects, id)
	}
	keeps, recent, err := p.Shares(ctx, keepers, objects)
	if err != nil {
		return err
	}
	t.Keeps, t.Recent = keeps, &recent
	var past []project.Keeper
	if len(doomed) > 0 && p.Git {
		// A history that can't be read whole tells less, and nothing wrong.
		past, _ = p.Keepers(ctx, project.DataScope{Commits: true})
	}
	goes, nobodys, err := p.Shares(ctx, past, doomed)
	if err != nil {
		return err
	}
	t.Goes, t.Nobodys = goes, &nobodys
	return nil
}

func (a *app) tellCollected(told collectTold, would cache.Collected) error {
	if a.json {
		return ui.WriteJSON(a.out, told)
	}
	a.printShares("keeps", told.Keeps, told.Recent, "of late, or of a remembered run of late")
	a.printShares("frees", told.Goes, told.Nobodys, "nobody's, as far as the history tells")
	switch {
	case would.Objects+would.Actions+would.Left == 0:
		a.print("nothing to remove")
	case told.Dry:
		a.print("would remove %s", describeCollected(would))
	default:
		a.print("removed %s", describeCollected(would))
	}
	return nil
}

// printShares prints a line for each share, and one for what is left.
func (a *app) printShares(verb string, shares []project.Share, rest *project.Share, restIs string) {
	for _, share := range shares {
		revision := share.Revision
		if len(revision) == 40 {
			revision = revision[:8]
		}
		a.print("%s %9s  %s: %s (%s)", verb, ui.Bytes(share.Bytes), revision, share.Owner, ui.Count(share.Objects, "object"))
	}
	if rest != nil && rest.Objects > 0 {
		a.print("%s %9s  %s (%s)", verb, ui.Bytes(rest.Bytes), restIs, ui.Count(rest.Objects, "object"))
	}
}

func describeCollected(c cache.Collected) string {
	var parts []string
	if c.Objects+c.Actions > 0 {
		parts = append(parts, fmt.Sprintf("%s (%s) and %s", ui.Count(c.Objects, "object"), ui.Bytes(c.Bytes), ui.Count(c.Actions, "remembered run")))
	}
	if c.Left > 0 {
		parts = append(parts, fmt.Sprintf("%s of killed processes (%s)", ui.Count(c.Left, "leftover"), ui.Bytes(c.Leaving)))
	}
	return strings.Join(parts, ", and ")
}
