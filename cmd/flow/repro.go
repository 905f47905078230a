package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/project"
	"flow/pkg/replay"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// reproOptions is the words of `flow repro`.
type reproOptions struct {
	engine.Options
	interactive bool
	jobs        jobsFlag
	remote      project.MoveOptions
}

// newReproCmd returns `flow repro`.
func newReproCmd(a *app) *cobra.Command {
	o := &reproOptions{}
	cmd := &cobra.Command{
		Use: "repro [TARGET...]",
		Long: `Bring the pipeline up to date: run the stages whose command, deps, params, env or
outs changed since pipeline.lock was written, in order, and restore from the cache
what was run before. A TARGET is a stage, a group, one of the pipelines that are named in
pipeline.yaml, a pipeline file, or the path of an out; with targets, they and what
they depend on are brought up to date. In a folder with a pipeline.yaml of its own,
that file is the default; at the root it is everything.

A stage that fails leaves the outs that were there before.`,
		Example: `  flow repro                      # everything
  flow repro train                # train, and what it depends on
  flow repro -j 4                 # four stages at a time; -j alone: one for each core
  flow repro sub/pipeline.yaml    # what that file declares, and what it depends on
  flow repro --dry                # what would run, and why
  flow repro --set train.lr=0.2   # as if params.yaml said so, which stays as it is
  flow repro -f -s train          # train only, even if nothing changed
  flow repro --downstream prepare # prepare and all that depends on it`,
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Targets = args
			return runRepro(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.Force, "force", "f", false, "run even the stages that did not change")
	addSelectionFlags(cmd, &o.Selection)
	o.jobs.add(cmd)
	flags.BoolVarP(&o.KeepGoing, "keep-going", "k", false, "after a failure, go on with what does not depend on it")
	flags.BoolVarP(&o.interactive, "interactive", "i", false, "ask before each stage")
	flags.BoolVar(&o.Dry, "dry", false, "only say what would run, and why")
	flags.BoolVar(&o.ForceDownstream, "force-downstream", false, "when a stage runs, run what depends on it even if its outs came out the same")
	flags.BoolVar(&o.NoRunCache, "no-run-cache", false, "do not take results of earlier runs")
	flags.BoolVar(&o.NoCommit, "no-commit", false, "do not put outs into the cache; flow commit does it later")
	flags.BoolVar(&o.IgnoreErrors, "ignore-errors", false, "after a failure, go on with everything, and exit with 0")
	flags.BoolVar(&o.NoWait, "no-wait", false, "do not wait for another process that is at a stage: exit with 4")
	flags.BoolVar(&o.AllowMissing, "allow-missing", false, "data that is missing is no change")
	flags.BoolVar(&o.Pull, "pull", false, "pull what is missing rather than make it")
	flags.StringVarP(&o.remote.Remote, "remote", "r", "", "with --pull: the `name` of the remote")
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
	a.setFlag(cmd)
	a.jsonFlag(cmd)
	return cmd
}

// addSelectionFlags adds the flags that choose stages.
func addSelectionFlags(cmd *cobra.Command, selection *engine.Selection) {
	flags := cmd.Flags()
	flags.BoolVarP(&selection.Single, "single-item", "s", false, "only the targets, not what they depend on")
	flags.BoolVarP(&selection.Whole, "pipeline", "p", false, "the whole pipelines that the targets belong to")
	flags.BoolVarP(&selection.All, "all-pipelines", "P", false, "every stage of the project")
	flags.BoolVarP(&selection.Recursive, "recursive", "R", false, "the targets are folders: all stages declared in them")
	flags.BoolVar(&selection.Downstream, "downstream", false, "the targets and what depends on them")
	flags.BoolVar(&selection.Glob, "glob", false, "the targets are patterns of stage names")
}

func runRepro(ctx context.Context, a *app, o *reproOptions) error {
	a.partial = true
	p, err := a.open()
	if err != nil {
		return err
	}
	if !o.Dry {
		working, err := a.atWork(ctx, p, o.Options)
		if err != nil {
			return err
		}
		defer working.Unlock()
	}
	e, err := a.engine(p)
	if err != nil {
		return err
	}
	o.Targets = a.reproTargets(p, e, o.Targets)
	if err := a.clear(e, o.Selection); err != nil {
		return err
	}
	if o.Jobs, err = o.jobs.value(p); err != nil {
		return err
	}
	if o.Pull || project.HasImports(e.Pipeline) {
		elsewhere, err := p.Elsewhere(ctx, e.Pipeline, o.remote, o.NoRunCache || !o.Pull)
		if err != nil {
			return err
		}
		defer elsewhere.Close()
		e.Elsewhere = elsewhere
	}
	if o.Dry {
		return dryRepro(ctx, a, e, o)
	}
	if o.interactive {
		o.Confirm, o.Jobs = a.ask, 1 // one question at a time
	}
	return a.repro(ctx, p, e, o.Options)
}

// reproTargets is what is brought up to date: below the root, without targets, what the
// folder's own file declares.
func (a *app) reproTargets(p *project.Project, e *engine.Engine, typed []string) []string {
	targets := a.targets(p, e.Pipeline, typed)
	if own := a.ownFile(p); len(targets) == 0 && own != stages.File {
		return []string{own}
	}
	return targets
}

// repro runs stages, shows them, and keeps the run.
func (a *app) repro(ctx context.Context, p *project.Project, e *engine.Engine, options engine.Options) error {
	stored, err := a.storing(ctx, p, "flow repro")
	if err != nil {
		return err
	}
	defer stored()
	recorder := replay.NewRecorder(p, e, options)
	face, done := a.screen(e, options)
	sink := face
	if recorder != nil {
		sink = event.Tee(face, recorder)
		options.Before = recorder.Prepare
	}
	err = e.Repro(ctx, options, sink)
	done()
	if recorder != nil {
		if problem := recorder.Close(); problem != nil {
			a.say("%s not all of the run could be kept: %v", ui.StyleFor(a.err).Yellow("note:"), problem)
		}
	}
	if err != nil && ctx.Err() == nil && !a.json && onlyStageErrors(err) {
		return errors.Join(errSilent, err) // the sink has explained each
	}
	return err
}

// dryRepro says what would run; under -q only by the exit code.
func dryRepro(ctx context.Context, a *app, e *engine.Engine, o *reproOptions) error {
	if !a.quiet {
		return e.Repro(ctx, o.Options, a.sink(o.Jobs))
	}
	plan, err := e.Plan(ctx, o.Options)
	if err != nil {
		return err
	}
	if !plan.Fresh() {
		return errSilent
	}
	return nil
}

// onlyStageErrors reports whether all that went wrong went wrong in stages.
func onlyStageErrors(err error) bool {
	joined, isJoined := err.(interface{ Unwrap() []error })
	if !isJoined {
		var stage *engine.StageError
		return errors.As(err, &stage)
	}
	for _, one := range joined.Unwrap() {
		if !onlyStageErrors(one) {
			return false
		}
	}
	return true
}

// ask asks whether a stage shall run.
func (a *app) ask(stage string) bool { return a.confirm("run " + stage + "?") }

// confirm asks a person yes or no; anything but yes is no.
func (a *app) confirm(question string) bool {
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer := readLine(os.Stdin)
	if !ui.IsTerminal(os.Stdin) {
		fmt.Fprintln(a.err) // nobody has pressed Enter
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// readLine reads up to the end of a line and not a byte further, so that the next
// question finds its answer.
func readLine(r io.Reader) string {
	var line []byte
	for one := make([]byte, 1); ; {
		if n, err := r.Read(one); n == 0 && err != nil || n == 1 && one[0] == '\n' {
			return string(line)
		} else if n == 1 {
			line = append(line, one[0])
		}
	}
}
