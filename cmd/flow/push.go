package main

import (
	"errors"

	"github.com/spf13/cobra"

	"flow/pkg/project"
)

// newPushCmd returns `flow push`.
func newPushCmd(a *app) *cobra.Command {
	o := &moveOptions{}
	cmd := &cobra.Command{
		Use:   "push [TARGET...]",
		Short: "Copy data from the cache to a remote",
		Long: `Copy to a remote what the lock tells of and the remote lacks: all of it, or that of
stages, outs and data sources. Every object is checked before it goes. What is there
is left out, so that a push that was cut short goes on where it was. The remembered
runs go along, with the objects that they name. Imported data stays, as its repository
has it, unless --imported says otherwise.`,
		Example: `  flow push
  flow push data/images -r store
  flow push --all-tags`,
		RunE: func(cmd *cobra.Command, args []string) error { return runPush(cmd, a, o, args) },
	}
	a.addMoveFlags(cmd, o)
	cmd.Flags().BoolVar(&o.Again, "again", false, "push also what is there, as it may be damaged")
	cmd.Flags().BoolVar(&o.Imported, "imported", false, "also data that other repositories have")
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
	return errors.Join(err, a.tellMoved(results, "pushed", err))
}
