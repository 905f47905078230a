package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/transfer"
)

// newPushCmd returns `flow push`.
func newPushCmd(a *app) *cobra.Command {
	o := &moveOptions{}
	cmd := &cobra.Command{
		Use: "push [TARGET...]",
		Long: `Copy to a remote what the lock tells of and the remote lacks: all of it, or that of
stages, outs and data sources. An object is the bytes of one file, or the list of a
folder's files, and is kept once however many files hold it. Every object is checked
before it goes. What is there is left out, so that a push that was cut short goes on where
it was. Remembered runs, which tell what a stage made of which inputs so that others need
not run it again, go along with the objects that they name. Imported data stays, as its
repository has it, unless --imported says otherwise. With --runs, the history of the runs
that were made here goes along: see flow runs push.`,
		Example: `  flow push
  flow push data/images -r store
  flow push --runs
  flow push --all-tags`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.history && len(args) > 0 {
				return wordsError{errors.New("--runs goes with no target; flow runs push RUN sends single runs")}
			}
			return runPush(cmd, a, o, args)
		},
	}
	a.addMoveFlags(cmd, o)
	cmd.Flags().BoolVar(&o.Again, "again", false, "push also what is there, as it may be damaged")
	cmd.Flags().BoolVar(&o.Imported, "imported", false, "also data that other repositories have")
	cmd.Flags().BoolVar(&o.history, "runs", false, "also the history of runs; the config's runs.push says it for every push")
	cmd.Flags().BoolVar(&o.NoRuns, "no-run-cache", false, "leave out the remembered runs and what they made")
	return cmd
}

func runPush(cmd *cobra.Command, a *app, o *moveOptions, targets []string) error {
	p, e, data, err := a.moving(cmd, o, targets)
	if err != nil {
		return err
	}
	o.Runs = project.RunsOf(e.Pipeline, data, len(targets) == 0)
	results, err := p.Push(cmd.Context(), data, o.MoveOptions)
	if err == nil && len(targets) == 0 {
		results, err = pushHistory(cmd.Context(), a, p, o, results)
	}
	return errors.Join(err, a.tellMoved(results, "pushed", err))
}

// pushHistory sends the runs along that the words or the config speak of, and adds that
// to what was done.
func pushHistory(ctx context.Context, a *app, p *project.Project, o *moveOptions, results []transfer.Result) ([]transfer.Result, error) {
	which := p.Config.RunsToPush()
	if o.history {
		which = "all"
	}
	if which != "all" && which != "tagged" {
		return results, nil
	}
	chosen, err := ownRuns(p, "")
	if err != nil {
		return results, err
	}
	if which == "tagged" {
		chosen = slices.DeleteFunc(chosen, func(run *runs.Run) bool { return len(run.Tags) == 0 })
	}
	done, err := p.PushHistory(ctx, project.PushRunsOptions{MoveOptions: o.MoveOptions, Runs: chosen})
	if err != nil {
		return results, err
	}
	a.tellLeft(done)
	return addResult(results, done.Result), nil
}
