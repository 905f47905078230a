package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/store"
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
of all branches (-a), tags (-T) or commits (-A), or of single revisions. What is newer
than --grace is kept in any case: hand edits that flow has saved are among it.`,
		Example: `  flow gc -w --dry
  flow gc -w -a -T
  flow gc -w --rev HEAD~1 --grace 0s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCollect(cmd.Context(), a, o) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.workspace, "workspace", "w", false, "keep what the workspace's lock tells of")
	flags.BoolVarP(&o.branches, "all-branches", "a", false, "keep what the locks of all branches tell of, too")
	flags.BoolVarP(&o.tags, "all-tags", "T", false, "of all tags, too")
	flags.BoolVarP(&o.commits, "all-commits", "A", false, "of all commits, too")
	flags.StringSliceVar(&o.revs, "rev", nil, "of these `revisions`, too")
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
			return errors.New("nothing was removed")
		}
		options.Dry = false
		if would, err = p.Cache.Collect(ctx, keep, options); err != nil {
			return err
		}
	}
	if a.json {
		return ui.WriteJSON(a.out, map[string]any{"dry": o.dry, "objects": would.Objects, "bytes": would.Bytes, "runs": would.Actions})
	}
	verb := "removed"
	if o.dry {
		verb = "would remove"
	}
	a.print("%s %s", verb, describeCollected(would))
	return nil
}

func describeCollected(c cache.Collected) string {
	return fmt.Sprintf("%s of %s, and %s", ui.Count(c.Objects, "object"), ui.Bytes(c.Bytes), ui.Count(c.Actions, "remembered run"))
}

// kept returns all contents that the named locks tell of.
func (o *collectOptions) kept(ctx context.Context, p *project.Project) ([]digest.Content, error) {
	names := append([]string(nil), o.revs...)
	if o.workspace {
		names = append(names, project.WorkspaceRevision)
	}
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

// newFsckCmd returns `flow fsck`.
func newFsckCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check every object of the cache against its digest",
		Long: `Read every object of the cache and compare it with its digest, and look for objects
that the lock tells of and the cache lacks. Damaged objects are moved to corrupt/ in
the cache, so that no one gets them; repro makes them again.`,
		Example: "  flow fsck",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runFsck(cmd.Context(), a) },
	}
	a.jsonFlag(cmd)
	return cmd
}

// fsckTold is what `flow fsck --json` prints.
type fsckTold struct {
	Objects int      `json:"objects"`
	Corrupt []string `json:"corrupt"`
	Missing []string `json:"missing"`
}

func runFsck(ctx context.Context, a *app) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	locked, err := p.Ledger.Read()
	if err != nil {
		return err
	}
	told := fsckTold{Corrupt: []string{}, Missing: []string{}}
	verified, err := p.Cache.Verify(ctx, needed(p, locked), func(id digest.ID, wrong error) {
		if errors.Is(wrong, store.ErrAbsent) {
			told.Missing = append(told.Missing, id.String())
		} else {
			told.Corrupt = append(told.Corrupt, id.String())
		}
		if !a.json {
			a.print("%s", wrong)
		}
	})
	if err != nil {
		return fmt.Errorf("check the cache: %w", err)
	}
	told.Objects = verified.Objects
	if a.json {
		err = ui.WriteJSON(a.out, told)
	} else {
		a.print("%s of %s checked: %d damaged, %d missing", ui.Count(verified.Objects, "object"), ui.Bytes(verified.Bytes),
			len(told.Corrupt), len(told.Missing))
	}
	if err == nil && len(told.Corrupt)+len(told.Missing) > 0 {
		return &engine.MissingError{Problem: diag.At(diag.Pos{}, "the cache is not whole").
			WithHint("`flow repro` makes outs again; data sources have to be put back: flow add PATH")}
	}
	return err
}

// needed returns what the lock tells of and the cache should have: not the outs
// that are declared cache: false.
func needed(p *project.Project, locked *lock.File) []digest.Content {
	uncached := map[string]bool{}
	if pipeline, err := p.Pipeline(); err == nil {
		for _, stage := range pipeline.Stages {
			for _, out := range stage.Outs {
				uncached[out.Path] = !out.Cache
			}
		}
	}
	var contents []digest.Content
	for _, entry := range locked.Stages {
		for _, out := range entry.Outs {
			if !uncached[out.Path] {
				contents = append(contents, out.Content)
			}
		}
	}
	for _, content := range locked.Data {
		contents = append(contents, content)
	}
	return contents
}
