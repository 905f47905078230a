package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/event"
	"flow/pkg/replay"
	"flow/pkg/runs"
	"flow/pkg/ui"
	"flow/pkg/values"
)

func newRunsApplyCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply RUN",
		Short: "Have a run back: its code, params, lock, outs and data",
		Long: `Make the workspace what a run left, byte for byte: code and params as it ran from them,
pipeline.lock, outs and data sources as it left them. What is here now is kept first, as a
run of its own that can be applied in turn. Git's index, branches and commits are not
touched, nor are files that git ignores and that are no outs.`,
		Example: `  flow runs apply brave-otter
  flow runs apply latest~1 --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(cmd *cobra.Command, args []string) error { return runRunsApply(cmd.Context(), a, args[0]) },
	}
	a.jsonFlag(cmd)
	return cmd
}

func runRunsApply(ctx context.Context, a *app, ref string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	run, err := p.Runs.Find(ref)
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	if e, err := p.Engine(); err == nil { // else today's pipeline is broken, and nothing of it can run
		if _, err := a.ready(ctx, p, e); err != nil {
			return err
		}
	}
	done, err := replay.Apply(ctx, p, run)
	if err != nil {
		return err
	}
	if a.json {
		told := object{{"run", run.ID}, {"code", orNone(done.Code)}, {"data", orNone(done.Data)}, {"lock", done.Lock}}
		if done.Before != nil {
			told = append(told, member{"before", done.Before.ID})
		}
		return ui.WriteJSON(a.out, told)
	}
	for _, change := range append(done.Code, done.Data...) {
		a.print("%-9s %s", change.State, change.Path)
	}
	if done.Before == nil {
		a.say("everything is as run %s left it", describeRun(run))
		return nil
	}
	a.say("run %s is back", describeRun(run))
	if len(run.Settings) > 0 {
		a.say("it ran with other params than its files have: --set %s", strings.Join(run.Settings, " --set "))
	}
	a.say("what was here is kept; to have it back: flow runs apply %s", done.Before.ID)
	return nil
}

func orNone(changes []runs.FileChange) []runs.FileChange {
	if changes == nil {
		return []runs.FileChange{}
	}
	return changes
}

// runsVerifyOptions is the words of `flow runs verify`.
type runsVerifyOptions struct {
	stages []string
	keep   bool
}

func newRunsVerifyCmd(a *app) *cobra.Command {
	o := &runsVerifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify [RUN]",
		Short: "Run a run again in a clean copy, and compare what comes out",
		Long: `Run the stages of a run again in an empty folder outside of the project, from the code,
params and data that the run had, and compare every out by its hash. What differs is told
with the first place inside: the values of a file of values or a table, else the line or
the byte; of a folder, with each path. Exits with 1 when something differs. Nothing here changes, and nothing that comes out is remembered.`,
		Example: `  flow runs verify                 # the last run
  flow runs verify baseline --stage train`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRunsVerify(cmd.Context(), a, o, append(args, runs.Latest)[0])
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.stages, "stage", nil, "only these `stages`, from deps as they were recorded")
	flags.BoolVar(&o.keep, "keep", false, "leave the copy, to look at")
	a.jsonFlag(cmd)
	_ = cmd.RegisterFlagCompletionFunc("stage", a.completeTargets)
	return cmd
}

func runRunsVerify(ctx context.Context, a *app, o *runsVerifyOptions, ref string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	run, err := p.Runs.Find(ref)
	if err != nil {
		return err
	}
	face := event.Discard
	if !a.json {
		face = &ui.Text{Out: a.err, Err: a.err, Style: ui.StyleFor(a.err), Quiet: a.quiet, Verbose: a.verbose}
	}
	found, err := replay.Verify(ctx, p, run, replay.VerifyOptions{Stages: o.stages, Sink: face, Keep: o.keep})
	if found != nil && found.Dir != "" {
		a.say("the copy is %s", found.Dir)
	}
	if err != nil {
		return err
	}
	different := 0
	for _, out := range found.Outs {
		if !out.Same() {
			different++
		}
	}
	if a.json {
		if err := ui.WriteJSON(a.out, verifiedJSON(run, found, different)); err != nil {
			return err
		}
	} else {
		a.printVerified(found)
	}
	switch {
	case found.Err != nil && a.json:
		return found.Err
	case found.Err != nil && onlyStageErrors(found.Err):
		return errors.Join(errSilent, found.Err)
	case found.Err != nil:
		return found.Err
	case different > 0:
		a.say("%s %s of %d came out different: run %s can't be repeated", ui.StyleFor(a.err).Red("error:"),
			ui.Count(different, "out"), len(found.Outs), describeRun(run))
		return errSilent
	}
	a.say("all of %s came out the same", ui.Count(len(found.Outs), "out"))
	return nil
}

// pathsShown is how many paths of a folder that differs are told; --json tells all.
const pathsShown = 50

func (a *app) printVerified(found *replay.Verified) {
	for _, out := range found.Outs {
		switch {
		case out.Same():
			a.print("%-8s %s: %s", "same", out.Stage, out.Path)
		case !out.Got.Exists():
			a.print("%-8s %s: %s", "missing", out.Stage, out.Path)
		case len(out.Differences) == 1 && out.Differences[0].Path == out.Path:
			a.print("%-8s %s: %s (%s → %s)", "differs", out.Stage, out.Path, out.Want.ID.Short(), out.Got.ID.Short())
			a.printDifference(out.Differences[0])
		default:
			a.print("%-8s %s: %s (%s of %d)", "differs", out.Stage, out.Path, ui.Count(len(out.Differences), "path"), max(out.Want.Files, out.Got.Files))
			for _, one := range out.Differences[:min(len(out.Differences), pathsShown)] {
				a.print("  %-8s %s", one.State, strings.TrimPrefix(one.Path, out.Path+"/"))
				a.printDifference(one)
			}
			if more := len(out.Differences) - pathsShown; more > 0 {
				a.print("  and %s more; --json tells all", ui.Count(more, "path"))
			}
		}
	}
}

// keysShown is how many values that differ are told of a file.
const keysShown = 5

// printDifference says where a file differs: its values, else its first line or byte.
func (a *app) printDifference(d replay.Difference) {
	switch {
	case d.State != "modified":
	case len(d.Keys) > 0:
		for _, key := range d.Keys[:min(len(d.Keys), keysShown)] {
			a.print("    %s: %s → %s", key.Key, valueOrNone(key.Was), valueOrNone(key.Is))
		}
		if more := len(d.Keys) - keysShown; more > 0 {
			a.print("    and %s more", ui.Count(more, "value"))
		}
	case d.Was != d.Is:
		place := fmt.Sprint("line ", d.Line)
		a.print("    %s: %s", place, lineOrEnd(d.Was))
		a.print("    %*s: %s", len(place), "now", lineOrEnd(d.Is))
	case d.Byte != nil:
		a.print("    from byte %d on", *d.Byte)
	}
}

func lineOrEnd(line string) string {
	if line == "" {
		return "(nothing)"
	}
	return ui.Clean(line, false)
}

func valueOrNone(value *values.Value) string {
	if value == nil {
		return "none"
	}
	return value.Encode()
}

func verifiedJSON(run *runs.Run, found *replay.Verified, different int) object {
	outs := []object{}
	for _, out := range found.Outs {
		told := object{{"stage", out.Stage}, {"path", out.Path}, {"same", out.Same()}, {"want", out.Want.ID}, {"got", out.Got.ID}}
		if len(out.Differences) > 0 {
			told = append(told, member{"differences", out.Differences})
		}
		outs = append(outs, told)
	}
	told := object{{"run", run.ID}, {"same", different == 0 && found.Err == nil}, {"outs", outs}}
	if found.Err != nil {
		told = append(told, member{"error", found.Err.Error()})
	}
	return told
}
