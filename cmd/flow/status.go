package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/ui"
)

// statusOptions is the words of `flow status`.
type statusOptions struct {
	engine.Options
	why    string
	cloud  bool
	remote moveOptions
}

// newStatusCmd returns `flow status`.
func newStatusCmd(a *app) *cobra.Command {
	o := &statusOptions{}
	cmd := &cobra.Command{
		Use: "status [TARGET...]",
		Long: `Compare the pipeline with pipeline.lock and the workspace, and say what repro would
do and why. It takes no lock and changes nothing.

With --why STAGE, walk from the stage up to the file or param that changed. With -q,
print nothing and exit with 1 when something is stale.

With -c, or -r NAME, compare the cache with a remote instead: what is new here, what is
there only, and what is in neither.`,
		Example: `  flow status
  flow status --why test
  flow status -q || flow repro
  flow status -c --all-tags`,
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Targets = args
			if o.cloud || cmd.Flags().Changed("remote") {
				return runStatusRemote(cmd, a, o)
			}
			return runStatus(cmd.Context(), a, o)
		},
	}
	addSelectionFlags(cmd, &o.Selection)
	cmd.Flags().BoolVar(&o.AllowMissing, "allow-missing", false, "data that is missing is no change")
	cmd.Flags().StringVar(&o.why, "why", "", "explain one `stage` down to what changed")
	_ = cmd.RegisterFlagCompletionFunc("why", a.completeStages)
	cmd.Flags().BoolVarP(&o.cloud, "cloud", "c", false, "compare the cache with a remote")
	cmd.Flags().StringVarP(&o.remote.Remote, "remote", "r", "", "compare with the remote of this `name`")
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
	a.addRevisionFlags(cmd, &o.remote.DataScope)
	a.setFlag(cmd)
	a.jsonFlag(cmd)
	return cmd
}

// statusLine is one stage as `flow status --json` tells it.
type statusLine struct {
	Stage   string         `json:"stage"`
	Source  bool           `json:"source,omitempty"`
	State   engine.State   `json:"state"`
	Will    event.Status   `json:"will"`
	Reasons []event.Reason `json:"reasons"`
	Expects float64        `json:"expected_seconds,omitempty"`
	Running *runningNow    `json:"running,omitempty"`

	Problems []string `json:"problems,omitempty"` // of what is broken
}

// runningNow is the process that is at a stage.
type runningNow struct {
	Process int       `json:"process"`
	Since   time.Time `json:"since"`
}

func runningOf(e *engine.Engine, step *engine.Step) *runningNow {
	if now, found := e.Running(step.Stage); found {
		return &runningNow{now.Process, now.Since}
	}
	return nil
}

func runStatus(ctx context.Context, a *app, o *statusOptions) error {
	a.partial = true
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	defer p.Remember()
	o.Targets = a.targets(p, e.Pipeline, o.Targets)
	if len(o.Targets) > 0 || o.why != "" {
		selection := o.Selection
		if o.why != "" {
			selection.Targets = []string{o.why}
		}
		if err := a.clear(e, selection); err != nil {
			return err
		}
	}
	if o.why != "" {
		return runWhy(ctx, a, e, o)
	}
	plan, err := e.Plan(ctx, o.Options)
	if err != nil {
		return err
	}
	if len(o.Targets) == 0 && len(e.Pipeline.Broken) > 0 {
		return brokenStatus(a, e, plan)
	}
	switch {
	case a.quiet:
	case a.json:
		err = ui.WriteJSON(a.out, statusLines(e, plan))
	default:
		printStatus(a, e, plan, true)
		if stray := e.Stray(plan); len(stray) > 0 {
			a.print("%s", ui.StyleFor(a.out).Dim("pipeline.lock still has "+someOf(stray)+", which the pipeline lacks; flow repro takes that out"))
		}
		if forecast := e.Forecast(plan, o.Options); forecast.Sum > 0 {
			a.print("%s", ui.StyleFor(a.out).Dim(ui.Forecast(forecast)))
		}
	}
	if err == nil && a.quiet && !plan.Fresh() {
		return errSilent
	}
	return err
}

func statusLines(e *engine.Engine, plan *engine.Plan) []statusLine {
	lines := []statusLine{}
	for _, step := range plan.Steps {
		reasons := step.Reasons
		if reasons == nil {
			reasons = []event.Reason{}
		}
		lines = append(lines, statusLine{Stage: step.Stage.Title(), Source: step.Stage.Source, State: step.State, Will: step.Will, Reasons: reasons,
			Expects: e.Expect(step).Seconds(), Running: runningOf(e, step)})
	}
	return lines
}

var willWords = map[event.Status]string{
	event.WouldRun: "will run", event.MayRun: "may run", event.WouldGet: "will be restored", event.Fresh: "up to date", event.Missing: "is missing", event.Updated: "will be recorded as it is",
	event.WouldSave: "will be saved, as its command had ended",
}

func printStatus(a *app, e *engine.Engine, plan *engine.Plan, whole bool) {
	style := ui.StyleFor(a.out)
	stale, commands, sources := 0, 0, 0
	for _, step := range plan.Steps {
		if step.Stage.Source {
			sources++
		} else {
			commands++
		}
		if step.State == engine.Fresh {
			if a.verbose {
				a.print("%s: up to date", style.Bold(step.Stage.Title()))
			}
			continue
		}
		stale++
		word := willWords[step.Will]
		if step.Stage.Source && step.Will == event.WouldRun {
			word = "will be recorded"
		}
		a.print("%s: %s%s", style.Bold(step.Stage.Title()), style.Yellow(word), style.Dim(ui.About(e.Expect(step))))
		if now := runningOf(e, step); now != nil {
			a.print("  process %d is at it, for %s", now.Process, ui.Duration(time.Since(now.Since).Truncate(time.Second)))
		}
		for _, reason := range step.Reasons {
			a.print("  %s", reason)
		}
	}
	switch {
	case !whole:
	case commands == 0 && len(plan.Steps) == 0:
		a.print("no stages")
	case stale == 0 && commands == 0:
		a.print("%s", style.Green(ui.Count(sources, "data source")+", all up to date"))
	case stale == 0:
		a.print("%s", style.Green(ui.Count(commands, "stage")+", all up to date"))
	}
}

func runWhy(ctx context.Context, a *app, e *engine.Engine, o *statusOptions) error {
	why, err := e.Why(ctx, o.why, o.Options)
	if err != nil {
		return err
	}
	if a.json {
		return ui.WriteJSON(a.out, why)
	}
	printWhy(a, ui.StyleFor(a.out), why, "")
	return nil
}

// printWhy draws the chain of causes, each level under the one that it causes.
func printWhy(a *app, style ui.Style, why *engine.Cause, indent string) {
	head := indent + style.Bold(why.Stage) + ": " + style.Yellow(willWords[why.Will])
	switch {
	case why.Told:
		a.print("%s (told above)", head)
		return
	case len(why.Above) > 0 && len(why.Reasons) == len(why.Above):
		a.print("%s, because of what is above it", head)
	default:
		a.print("%s", head)
	}
	for _, reason := range why.Reasons {
		if reason.Kind != event.Upstream {
			a.print("%s  %s", indent, reason)
		}
	}
	for _, file := range why.Files {
		a.print("%s    %s", indent, file)
	}
	if len(why.Nearest) > 0 && len(why.Nearest) != len(why.Reasons) {
		a.print("%s  the nearest earlier run differs in:", indent)
		for _, line := range why.Nearest {
			a.print("%s    %s", indent, line)
		}
	}
	for _, above := range why.Above {
		printWhy(a, style, above, indent+"  ")
	}
}
