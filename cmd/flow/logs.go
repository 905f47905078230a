package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/ui"
)

// logsOptions is the words of `flow logs`.
type logsOptions struct {
	stage          string
	run            string
	follow         bool
	stdout, stderr bool
}

// newLogsCmd returns `flow logs`.
func newLogsCmd(a *app) *cobra.Command {
	o := &logsOptions{}
	cmd := &cobra.Command{
		Use: "logs [STAGE]",
		Long: `Show what the stages of the last run printed, or one stage's output in the last run
that it printed anything in. With -f, go on while the run goes on, also when it was
started in another terminal. A log keeps 64 MiB: its start and its end.`,
		Example: `  flow logs                  # all stages of the last run
  flow logs train -f         # follow one stage
  flow logs train --run latest~1 --stderr`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.stage = args[0]
			}
			return runLogs(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.run, "run", "", "of this `run`: an id, a name, a tag, latest, latest~1")
	flags.BoolVarP(&o.follow, "follow", "f", false, "go on until the run has ended")
	flags.BoolVar(&o.stdout, "stdout", false, "only what was printed to stdout")
	flags.BoolVar(&o.stderr, "stderr", false, "only what was printed to stderr")
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("stdout", "stderr")
	_ = cmd.RegisterFlagCompletionFunc("run", a.completeRuns)
	return cmd
}

func runLogs(ctx context.Context, a *app, o *logsOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	run, err := o.find(p)
	if err != nil {
		return err
	}
	out := ui.Buffered(a.out)
	defer out.Flush()
	l := &logging{a: a, p: p, o: o, run: run, out: out, readers: map[string]*runs.LogReader{}}
	if o.stage != "" {
		if _, found := run.Stage(o.stage); !found && run.State != runs.Running {
			return noSuchStage(run, o.stage)
		}
	}
	for {
		state := l.run.State
		if err := l.print(); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if !o.follow || state != runs.Running {
			return l.conclude()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followEvery):
		}
		if l.run, err = p.Runs.Read(run.ID); err != nil {
			return err
		}
	}
}

// followEvery is how often a log that is followed is looked at.
const followEvery = 100 * time.Millisecond

// find returns the run whose logs are meant: the one that was named; the one that goes
// on; else the last one in which the stage, or any, has printed something.
func (o *logsOptions) find(p *project.Project) (*runs.Run, error) {
	if o.run != "" {
		return p.Runs.Find(o.run)
	}
	if o.stage == "" {
		return p.Runs.Find(runs.Latest)
	}
	ids, err := p.Runs.IDs()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !p.Runs.Log(id, o.stage).Exists() {
			continue
		}
		if run, err := p.Runs.Read(id); err == nil && run.From == nil {
			return run, nil
		}
	}
	return p.Runs.Find(runs.Latest)
}

func noSuchStage(run *runs.Run, name string) error {
	var names []string
	for _, stage := range run.Stages {
		names = append(names, stage.Name)
	}
	problem := diag.At(diag.Pos{}, "run %s has no stage %q", run.ID, name)
	if meant := diag.Nearest(name, names); meant != "" {
		return problem.WithHint("did you mean %q?", meant)
	}
	return problem.WithHint("`flow runs show %s` lists its stages", run.ID)
}

// logging is the logs of one run being shown.
type logging struct {
	a       *app
	p       *project.Project
	o       *logsOptions
	run     *runs.Run
	out     io.Writer
	readers map[string]*runs.LogReader
	printed int
}

// print shows what there is and was not shown yet.
func (l *logging) print() error {
	stages := []string{l.o.stage}
	if l.o.stage == "" {
		stages = nil
		for _, stage := range l.run.Stages {
			stages = append(stages, stage.Name)
		}
	}
	for _, stage := range stages {
		reader := l.readers[stage]
		if reader == nil {
			reader = l.p.Runs.Log(l.run.ID, stage)
			l.readers[stage] = reader
		}
		if err := reader.Read(func(line runs.Line) error { return l.line(stage, line) }); err != nil {
			return err
		}
	}
	return nil
}

func (l *logging) line(stage string, line runs.Line) error {
	if !line.Cut && (l.o.stdout && line.Stderr || l.o.stderr && !line.Stderr) {
		return nil
	}
	l.printed++
	if l.a.json {
		told := object{{"run", l.run.ID}, {"stage", stage}, {"stream", streamName(line)}, {"text", line.Text}}
		return ui.WriteJSONLine(l.out, told)
	}
	text := line.Text
	if line.Cut {
		text = "[" + text + "]"
	}
	if l.o.stage == "" {
		text = ui.StyleFor(l.a.out).Cyan(stage) + " | " + text
	}
	_, err := io.WriteString(l.out, text+"\n")
	return err
}

func streamName(line runs.Line) string {
	switch {
	case line.Cut:
		return "note"
	case line.Stderr:
		return "stderr"
	}
	return "stdout"
}

// conclude says what is to be known of a log besides its lines.
func (l *logging) conclude() error {
	style := ui.StyleFor(l.a.err)
	if from := l.run.From; l.printed == 0 && from != nil && len(from.Logs) > 0 {
		return engine.Missing(diag.At(diag.Pos{}, "what run %s printed is not here", describeRun(l.run)).
			WithHint("flow runs fetch %s -r %s brings it", l.run.ID, from.Remote))
	}
	if l.printed == 0 {
		l.a.say("run %s printed nothing", describeRun(l.run))
	}
	if l.o.stage == "" {
		return nil
	}
	stage, found := l.run.Stage(l.o.stage)
	switch {
	case !found:
		return noSuchStage(l.run, l.o.stage)
	case stage.Error != "":
		l.a.say("%s %s", style.Red("failed:"), stage.Error)
	}
	if latest, err := l.p.Runs.Find(runs.Latest); err == nil && l.o.run == "" && latest.ID != l.run.ID {
		l.a.say("%s this is of run %s; it did not run in the last one", style.Yellow("note:"), describeRun(l.run))
	}
	return nil
}

// describeRun names a run for a sentence.
func describeRun(run *runs.Run) string { return fmt.Sprintf("%s (%s)", run.ID, run.Name) }

// completeRuns offers the runs to the shell.
func (a *app) completeRuns(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	p, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, _ := p.Runs.List()
	words := []string{runs.Latest}
	for _, run := range all {
		words = append(append(words, run.ID+"\t"+run.Name, run.Name), run.Tags...)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
