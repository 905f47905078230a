package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// collectOptions is the words of `flow gc`.
type collectOptions struct {
	workspace, branches, tags, commits bool
	revs                               []string
	dry, force                         bool
	grace                              time.Duration
}

// newCollectCmd returns `flow gc`.
func newCollectCmd(a *app) *cobra.Command {
	o := &collectOptions{}
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove from the cache what nothing needs",
		Long: `Remove the objects of the cache that none of the named lock files tells of, and the
remembered runs that need them. Say what to keep: the workspace's lock (-w), and those
of all branches (-a), tags (-T) or commits (-A), or of single revisions. What the
workspace's lock tells of is kept in any case, and so is what is newer than --grace:
hand edits that flow has saved are among it.`,
		Example: `  flow gc -w --dry
  flow gc -a -T
  flow gc --rev HEAD~1 --grace 0s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCollect(cmd.Context(), a, o) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.workspace, "workspace", "w", false, "keep only what the workspace's lock tells of")
	flags.BoolVarP(&o.branches, "all-branches", "a", false, "keep what the locks of all branches tell of")
	flags.BoolVarP(&o.tags, "all-tags", "T", false, "keep what the locks of all tags tell of")
	flags.BoolVarP(&o.commits, "all-commits", "A", false, "keep what the locks of all commits tell of")
	flags.StringSliceVar(&o.revs, "rev", nil, "keep what the locks of these `revisions` tell of")
	flags.BoolVar(&o.dry, "dry", false, "only say how much would go")
	flags.BoolVarP(&o.force, "force", "f", false, "do not ask")
	flags.DurationVar(&o.grace, "grace", 14*24*time.Hour, "keep what is newer than this")
	a.jsonFlag(cmd)
	return cmd
}

func runCollect(ctx context.Context, a *app, o *collectOptions) error {
	if !o.workspace && !o.branches && !o.tags && !o.commits && len(o.revs) == 0 {
		return wordsError{errors.New("say what to keep: -w (workspace), -a (branches), -T (tags), -A (commits) or --rev")}
	}
	p, err := a.open()
	if err != nil {
		return err
	}
	keep := func(ctx context.Context) ([]digest.Content, error) { return o.kept(ctx, p) }
	options := cache.CollectOptions{Dry: true, Grace: o.grace, Owner: "flow gc", Waiting: func(holder string) {
		a.say("waiting for %s", holder)
	}}
	would, err := p.Cache.Collect(ctx, keep, options)
	if err != nil {
		return err
	}
	if !o.dry && would.Objects+would.Actions > 0 {
		if !o.force && !a.confirm(fmt.Sprintf("remove %s?", describeCollected(would))) {
			return errors.New("nothing was removed: not confirmed; --force does not ask")
		}
		options.Dry = false
		if would, err = p.Cache.Collect(ctx, keep, options); err != nil {
			return err
		}
	}
	if a.json {
		return ui.WriteJSON(a.out, map[string]any{"dry": o.dry, "objects": would.Objects, "bytes": would.Bytes, "runs": would.Actions})
	}
	switch {
	case would.Objects+would.Actions == 0:
		a.print("nothing to remove")
	case o.dry:
		a.print("would remove %s", describeCollected(would))
	default:
		a.print("removed %s", describeCollected(would))
	}
	return nil
}

func describeCollected(c cache.Collected) string {
	return fmt.Sprintf("%s (%s) and %s", ui.Count(c.Objects, "object"), ui.Bytes(c.Bytes), ui.Count(c.Actions, "remembered run"))
}

// kept returns all contents that the named locks tell of.
func (o *collectOptions) kept(ctx context.Context, p *project.Project) ([]digest.Content, error) {
	names := append([]string{project.WorkspaceRevision}, o.revs...)
	for _, scope := range []struct {
		wanted bool
		find   func() ([]string, error)
	}{
		{o.branches, func() ([]string, error) { return p.Revisions(ctx, "branches") }},
		{o.tags, func() ([]string, error) { return p.Revisions(ctx, "tags") }},
		{o.commits, func() ([]string, error) { return p.Commits(ctx) }},
	} {
		if !scope.wanted {
			continue
		}
		found, err := scope.find()
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	var keep []digest.Content
	for _, name := range names {
		revision, err := p.Revision(ctx, name)
		if err != nil {
			return nil, err
		}
		locked, err := revision.Lock(ctx)
		if err != nil {
			return nil, fmt.Errorf("the lock of %s can't be read, so it can't be known what to keep: %w", name, err)
		}
		keep = append(keep, engine.Contents(locked)...)
	}
	return keep, nil
}
