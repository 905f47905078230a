package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/ui"
)

// runsPushOptions is the words of `flow runs push`.
type runsPushOptions struct {
	project.MoveOptions
	where  string
	noLogs bool
}

func newRunsPushCmd(a *app) *cobra.Command {
	o := &runsPushOptions{}
	cmd := &cobra.Command{
		Use:   "push [RUN...]",
		Short: "Send runs to a remote, with all that others need to have them back",
		Long: `Send runs to a remote: those that are named, those of a query, or all that were made
here and have ended. With a run go its code (also what was never committed), its params,
lock, outs and data sources, what its stages printed, its tags and its note. Outs that
are declared push: false stay. A run is seen there when all of that is there. Who pulls
sees the run in flow runs list.`,
		Example: `  flow runs push brave-otter
  flow runs push --where 'metrics.accuracy > 0.9'
  flow runs push -r store`,
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && o.where != "" {
				return wordsError{errors.New("say which runs by name or by --where, not both")}
			}
			return runRunsPush(cmd.Context(), a, o, args)
		},
	}
	a.addRemoteFlags(cmd, &o.MoveOptions)
	cmd.Flags().StringVar(&o.where, "where", "", "those that a `query` chooses")
	cmd.Flags().BoolVar(&o.noLogs, "no-logs", false, "leave out what the stages printed")
	return cmd
}

// addRemoteFlags adds the flags that say which remote is meant, and how to use it.
func (a *app) addRemoteFlags(cmd *cobra.Command, o *project.MoveOptions) {
	flags := cmd.Flags()
	flags.StringVarP(&o.Remote, "remote", "r", "", "the `name` of the remote; default: the default one")
	flags.IntVarP(&o.Jobs, "jobs", "j", 0, "at most `N` transfers at a time")
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
	a.jsonFlag(cmd)
}

// openToMove opens the project to send or bring runs.
func (a *app) openToMove(o *project.MoveOptions) (*project.Project, error) {
	if o.Jobs < 0 {
		return nil, wordsError{fmt.Errorf("--jobs can't be %d", o.Jobs)}
	}
	p, err := a.open()
	if err != nil {
		return nil, err
	}
	o.Sink = a.transferSink()
	return p, p.Prepare()
}

func runRunsPush(ctx context.Context, a *app, o *runsPushOptions, refs []string) error {
	p, err := a.openToMove(&o.MoveOptions)
	if err != nil {
		return err
	}
	options := project.PushRunsOptions{MoveOptions: o.MoveOptions, Named: len(refs) > 0, NoLogs: o.noLogs}
	for _, ref := range refs {
		run, err := p.Runs.Find(ref)
		if err != nil {
			return err
		}
		options.Runs = append(options.Runs, run)
	}
	if len(refs) == 0 {
		if options.Runs, err = ownRuns(p, o.where); err != nil {
			return err
		}
	}
	done, err := p.PushHistory(ctx, options)
	if err != nil {
		return err
	}
	if a.json {
		err = ui.WriteJSON(a.out, done)
	} else {
		a.tellRunsMoved(done.Result.Remote, "pushed to", len(done.Pushed), done.Result.Objects, done.Result.Bytes, done.There, done.Labels)
	}
	if len(refs) > 0 && len(done.Left) > 0 {
		return errors.Join(err, engine.Missing(diag.At(diag.Pos{}, "run %s was not pushed: %s", done.Left[0].ID, done.Left[0].Why).
			WithHint("a run goes only when all that it takes to have it back goes, or is there")))
	}
	a.tellLeft(done)
	return err
}

// ownRuns returns the runs of a query that were made here and have ended.
func ownRuns(p *project.Project, where string) ([]*runs.Run, error) {
	all, err := p.Runs.List()
	if err != nil {
		return nil, err
	}
	t := newRunsTable(all, false)
	if err := t.filter(where); err != nil {
		return nil, err
	}
	var own []*runs.Run
	for _, row := range t.rows {
		if run := row.run; run.From == nil && !run.Ended.IsZero() && run.State != runs.Saved {
			own = append(own, run)
		}
	}
	return own, nil
}

// tellRunsMoved says what came of a push or fetch of runs.
func (a *app) tellRunsMoved(name, verb string, moved, objects int, bytes int64, there, labels int) {
	text := fmt.Sprintf("%s %s %s (%s, %s)", ui.Count(moved, "run"), verb, name, ui.Count(objects, "object"), ui.Bytes(bytes))
	if there > 0 {
		text += fmt.Sprintf(", %d %s there", there, map[bool]string{true: "was", false: "were"}[there == 1])
	}
	if labels > 0 {
		text += ", tags and notes of " + ui.Count(labels, "run")
	}
	a.print("%s", text)
}

// leftShown is how many runs that did not go are named.
const leftShown = 5

// tellLeft says which runs did not go, and why.
func (a *app) tellLeft(done *project.RunsPushed) {
	for _, left := range done.Left[:min(leftShown, len(done.Left))] {
		a.note("run %s stays here: %s", left.ID, left.Why)
	}
	if more := len(done.Left) - leftShown; more > 0 {
		a.note("%s more stay here", ui.Count(more, "run"))
	}
}

// tellGone says which runs went as they were removed on the remote.
func (a *app) tellGone(done *project.RunsFetched) {
	if n := len(done.Gone); n > 0 {
		a.note("%s that came from %s went: removed there", ui.Count(n, "run"), done.Result.Remote)
	}
}

func newRunsFetchCmd(a *app) *cobra.Command {
	o := &project.MoveOptions{}
	cmd := &cobra.Command{
		Use:   "fetch [RUN...]",
		Short: "Bring runs that others pushed",
		Long: `Bring the records of the runs that a remote has into the history, with their tags and
notes, as flow fetch and flow pull do: enough to list, show and compare them. For runs
that are named, also bring all that it takes to apply or verify them, and what their
stages printed.`,
		Example: `  flow runs fetch
  flow runs fetch brave-otter && flow runs apply brave-otter`,
		ValidArgsFunction: a.completeRuns,
		RunE:              func(cmd *cobra.Command, args []string) error { return runRunsFetch(cmd.Context(), a, o, args) },
	}
	a.addRemoteFlags(cmd, o)
	return cmd
}

func runRunsFetch(ctx context.Context, a *app, o *project.MoveOptions, refs []string) error {
	p, err := a.openToMove(o)
	if err != nil {
		return err
	}
	done, err := p.FetchHistory(ctx, refs, *o)
	if err != nil {
		return err
	}
	whole := []string{}
	for _, ref := range refs {
		run, err := p.Runs.Find(ref)
		if err != nil {
			return err
		}
		result, err := p.FetchRun(ctx, run, *o)
		if err != nil {
			return err
		}
		done.Result.Add(result)
		if whole = append(whole, run.ID); !slices.Contains(done.Fetched, run.ID) {
			done.Fetched = append(done.Fetched, run.ID)
		}
	}
	if a.json {
		return ui.WriteJSON(a.out, done)
	}
	a.tellGone(done)
	a.tellRunsMoved(done.Result.Remote, "fetched from", len(done.Fetched), done.Result.Objects, done.Result.Bytes, 0, done.Labels)
	for _, id := range whole {
		a.say("all of run %s is here: flow runs apply %s", id, id)
	}
	return nil
}
