package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/project"
	"flow/pkg/tracking"
	"flow/pkg/transfer"
	"flow/pkg/ui"
)

// newDataCmd returns `flow data`.
func newDataCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "data",
		Example: "  flow data status",
	}
	cmd.AddCommand(newDataStatusCmd(a))
	return cmd
}

// dataStatusOptions is the words of `flow data status`.
type dataStatusOptions struct {
	granular, unchanged, untracked, notInRemote bool
	remote                                      string
}

func newDataStatusCmd(a *app) *cobra.Command {
	o := &dataStatusOptions{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Compare data as HEAD has it, as it is recorded, and as it is",
		Long: `Compare three states of data sources and outs, in the manner of git status: what HEAD's
pipeline.lock tells of, what today's does, and what the files hold.`,
		Example: "  flow data status\n  flow data status --granular --untracked-files",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.notInRemote = o.notInRemote || cmd.Flags().Changed("remote")
			return runDataStatus(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.granular, "granular", false, "tell files inside directories")
	flags.BoolVar(&o.unchanged, "unchanged", false, "tell what is as it was, too")
	flags.BoolVar(&o.untracked, "untracked-files", false, "tell files that neither git nor flow looks after")
	flags.BoolVar(&o.notInRemote, "not-in-remote", false, "tell what the remote lacks")
	flags.StringVarP(&o.remote, "remote", "r", "", "tell what the remote of this `name` lacks")
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
	a.jsonFlag(cmd)
	return cmd
}

// dataStatus is the three comparisons and the lists beside them.
type dataStatus struct {
	recorded, notRecorded tracking.Result
	unchanged             []string
	notCached             []string
	notInRemote           []string
	untracked             []string
}

func runDataStatus(ctx context.Context, a *app, o *dataStatusOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	defer p.Remember()
	status, err := o.find(ctx, p)
	if err != nil {
		return err
	}
	if a.json {
		return ui.WriteJSON(a.out, o.json(status))
	}
	a.printDataStatus(status)
	return nil
}

func (o *dataStatusOptions) find(ctx context.Context, p *project.Project) (s dataStatus, err error) {
	e, err := p.Engine()
	if err != nil {
		return s, err
	}
	head, err := p.Recorded(ctx, "HEAD")
	if errors.Is(err, project.ErrNoGit) {
		head, err = tracking.Side{}, nil
	}
	if err != nil {
		return s, err
	}
	recorded, err := p.Recorded(ctx, project.WorkspaceRevision)
	if err != nil {
		return s, err
	}
	present, err := p.Present(ctx, e)
	if err != nil {
		return s, err
	}
	if s.recorded, err = tracking.Compare(ctx, head, recorded, o.granular); err != nil {
		return s, err
	}
	if s.notRecorded, err = tracking.Compare(ctx, recorded, present, o.granular); err != nil {
		return s, err
	}
	if s.notCached, err = p.NotCached(ctx, recorded); err != nil {
		return s, err
	}
	if o.unchanged {
		here := setOf(s.notRecorded.Unchanged)
		s.unchanged = slices.DeleteFunc(s.recorded.Unchanged, func(path string) bool { return !here[path] })
	}
	if o.untracked {
		if s.untracked, err = p.Untracked(ctx, e); err != nil {
			return s, err
		}
	}
	if o.notInRemote {
		s.notInRemote, err = o.lackingOnRemote(ctx, p, e)
	}
	return s, err
}

// lackingOnRemote returns the paths of data that the remote has not whole.
func (o *dataStatusOptions) lackingOnRemote(ctx context.Context, p *project.Project, e *engine.Engine) ([]string, error) {
	data, err := p.Data(ctx, e, project.DataScope{})
	if err != nil {
		return nil, err
	}
	differences, err := p.Compare(ctx, data, project.MoveOptions{Remote: o.remote, Sink: event.Discard})
	var paths []string
	for _, d := range differences {
		if d.Where != transfer.Deleted {
			paths = append(paths, d.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), err
}

// printDataStatus prints a section for each list that is not empty.
func (a *app) printDataStatus(s dataStatus) {
	style := ui.StyleFor(a.out)
	empty := true
	head := func(title, hint string) {
		if !empty {
			a.print("")
		}
		empty = false
		a.print("%s", style.Bold(title)+hint)
	}
	list := func(title, hint string, paths []string) {
		if len(paths) > 0 {
			head(title, hint)
		}
		for _, path := range paths {
			a.print("  %s", path)
		}
	}
	changes := func(title, hint string, result tracking.Result) {
		if len(result.Changes) > 0 {
			head(title, hint)
			a.printChanges(result.Changes, false, "  ")
		}
	}
	list("Not in the cache:", " (flow fetch)", s.notCached)
	list("Not on the remote:", " (flow push)", s.notInRemote)
	changes("Changes recorded since HEAD:", " (git commit)", s.recorded)
	changes("Changes not recorded:", " (flow add, flow commit or flow repro; flow checkout takes them back)", s.notRecorded)
	list("Untracked files:", " (git add or flow add)", s.untracked)
	list("Unchanged:", "", s.unchanged)
	for _, path := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.recorded.Unknown, s.notRecorded.Unknown)))) {
		a.note("what %s held is not in the cache, so its files are not told: flow fetch", path)
	}
	if len(s.recorded.Changes)+len(s.notRecorded.Changes) == 0 {
		if !empty {
			a.print("")
		}
		a.print("%s", style.Green("no changes"))
	}
}

func (o *dataStatusOptions) json(s dataStatus) map[string]any {
	object := map[string]any{
		"recorded": changesJSON(s.recorded.Changes), "not_recorded": changesJSON(s.notRecorded.Changes), "not_in_cache": some(s.notCached),
	}
	for key, one := range map[string]struct {
		wanted bool
		list   []string
	}{"unchanged": {o.unchanged, s.unchanged}, "untracked": {o.untracked, s.untracked}, "not_in_remote": {o.notInRemote, s.notInRemote}} {
		if one.wanted {
			object[key] = some(one.list)
		}
	}
	return object
}
