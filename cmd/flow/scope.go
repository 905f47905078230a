package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/project"
	"flow/pkg/transfer"
	"flow/pkg/ui"
)

// moveOptions is the words that push, pull and fetch share.
type moveOptions struct {
	project.DataScope
	project.MoveOptions
	history, noHistory bool // send the history of runs along; leave it out
}

// addMoveFlags adds the flags that say which data is meant, and which remote.
func (a *app) addMoveFlags(cmd *cobra.Command, o *moveOptions) {
	flags := cmd.Flags()
	flags.StringVarP(&o.Remote, "remote", "r", "", "the `name` of the remote; default: the default one")
	flags.IntVarP(&o.Jobs, "jobs", "j", 0, "at most `N` transfers at a time")
	flags.BoolVarP(&o.WithDeps, "with-deps", "d", false, "also what the targets depend on")
	flags.BoolVar(&o.Glob, "glob", false, "the targets are patterns of stage names")
	flags.BoolVarP(&o.Recursive, "recursive", "R", false, "the targets are folders")
	a.addRevisionFlags(cmd, &o.DataScope)
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
	cmd.ValidArgsFunction = a.completeTargets
	a.jsonFlag(cmd)
}

// addRevisionFlags adds the flags that say whose locks are meant besides the workspace's.
func (a *app) addRevisionFlags(cmd *cobra.Command, scope *project.DataScope) {
	flags := cmd.Flags()
	flags.BoolVarP(&scope.Branches, "all-branches", "a", false, "also what the locks of all branches tell of")
	flags.BoolVarP(&scope.Tags, "all-tags", "T", false, "also what the locks of all tags tell of")
	flags.BoolVarP(&scope.Commits, "all-commits", "A", false, "also what the locks of all commits tell of")
	flags.StringSliceVar(&scope.Revs, "rev", nil, "also what the locks of these `revisions` tell of")
	_ = cmd.RegisterFlagCompletionFunc("rev", a.completeRevisions)
}

// moving opens the project for a move and finds the data that is meant.
func (a *app) moving(cmd *cobra.Command, o *moveOptions, targets []string) (*project.Project, *engine.Engine, []project.Data, error) {
	if o.Jobs < 0 {
		return nil, nil, nil, wordsError{fmt.Errorf("--jobs can't be %d", o.Jobs)}
	}
	p, e, err := a.openEngine()
	if err != nil {
		return nil, nil, nil, err
	}
	if err := p.Prepare(); err != nil {
		return nil, nil, nil, err
	}
	o.Targets = a.targets(p, e.Pipeline, targets)
	o.Sink = a.transferSink()
	if err := p.Publish(cmd.Context()); err != nil { // before anything is fetched that only the lock here names
		return nil, nil, nil, err
	}
	data, err := p.Data(cmd.Context(), e, o.DataScope)
	return p, e, data, err
}

// transferSink shows how far a transfer has come; to machines the result is enough.
func (a *app) transferSink() event.Sink {
	if a.json {
		return event.Discard
	}
	return a.sink(1)
}

// completeRemotes offers the names of the remotes to the shell.
func (a *app) completeRemotes(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if p, err := a.open(); err == nil {
		for _, info := range p.Config.Remotes() {
			names = append(names, info.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// tellMoved says what a transfer did, a line for each remote; when it failed, only where
// something was moved.
func (a *app) tellMoved(results []transfer.Result, verb string, failed error) error {
	if a.json {
		if results == nil {
			results = []transfer.Result{}
		}
		return ui.WriteJSON(a.out, results)
	}
	words := map[string]string{"pushed": "to", "fetched": "from"}
	for _, r := range results {
		if failed != nil && r.Objects == 0 {
			continue
		}
		text := fmt.Sprintf("%s %s %s %s (%s)", ui.Count(r.Objects, "object"), verb, words[verb], r.Remote, ui.Bytes(r.Bytes))
		if r.Present > 0 {
			text += fmt.Sprintf(", %d %s there", r.Present, map[bool]string{true: "was", false: "were"}[r.Present == 1])
		}
		if r.Runs > 0 {
			text += ", " + ui.Count(r.Runs, "remembered run")
		}
		if r.History > 0 {
			text += ", " + ui.Count(r.History, "run") + " of the history"
		}
		a.print("%s", text)
	}
	return nil
}
