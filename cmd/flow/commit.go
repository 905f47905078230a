package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/ui"
)

// newCommitCmd returns `flow commit`.
func newCommitCmd(a *app) *cobra.Command {
	var selection engine.Selection
	var force bool
	cmd := &cobra.Command{
		Use: "commit [TARGET...]",
		Long: `Record the outs, deps and params as they are now, as if the stages had just run: put
the outs into the cache and write the lock. When a stage's command or deps changed,
its outs may not be what it would make, so you are asked first; --force does not ask.`,
		Example:           "  flow commit\n  flow commit --force train",
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			selection.Targets = args
			return runCommit(cmd.Context(), a, selection, force)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	addSelectionFlags(cmd, &selection)
	a.jsonFlag(cmd)
	return cmd
}

func runCommit(ctx context.Context, a *app, selection engine.Selection, force bool) error {
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	selection.Targets = a.targets(p, e.Pipeline, selection.Targets)
	if cut, err := a.ready(ctx, p, e); err != nil {
		return err
	} else if len(cut) > 0 {
		return diag.At(diag.Pos{}, "nothing is committed: stage %q was cut short", cut[0].Stage).
			WithHint("run it: flow repro; or, if you mean the outs from before, commit again")
	}
	stored, err := a.storing(ctx, p, "flow commit")
	if err != nil {
		return err
	}
	defer stored()
	options := engine.CommitOptions{Selection: selection}
	if !force {
		options.Confirm = func(stage string, reasons []engine.Reason) bool {
			return a.confirm(fmt.Sprintf("%s: %s\n  commit its outs as they are?", stage, ui.Reasons(reasons)))
		}
	}
	done, err := e.Commit(ctx, options)
	if a.json {
		if done == nil {
			done = []engine.Committed{}
		}
		return errors.Join(err, ui.WriteJSON(a.out, done))
	}
	for _, committed := range done {
		a.say("committed %s", committed.Stage)
	}
	if len(done) == 0 && err == nil {
		a.say("nothing to commit")
	}
	return err
}
