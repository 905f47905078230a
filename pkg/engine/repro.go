package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flow/pkg/digest"
	"flow/pkg/event"
)

// settleEvery is how long a run may go on before the lock file is written from the
// journal.
const settleEvery = 5 * time.Second

// Repro brings the selected stages up to date. The error joins a StageError for
// each stage that failed.
func (e *Engine) Repro(ctx context.Context, options Options, sink event.Sink) error {
	started := time.Now()
	r := &run{Engine: e, options: options, sink: sink, because: map[string]string{},
		counts: map[event.Status]int{}, took: map[*Step]time.Duration{}, messages: make(chan message, 64), settled: started}
	err := r.repro(ctx)
	e.spares.drop(e.Root)
	e.Flush()
	sink.Emit(event.RunFinished{Time: time.Now(), Duration: time.Since(started), Counts: r.counts, Dry: options.Dry, Err: err,
		Shortest: r.shortest, Forecast: r.forecast})
	return err
}

// Flush writes down what was learnt about files and objects, so that the next command
// need not read them again. What can't be written costs that and nothing else, so
// there is no error.
func (e *Engine) Flush() {
	_ = e.Workspace.Flush()
	_ = e.Cache.Flush()
}

// run is the owner of one run: it alone holds the plan, the lock and the sink.
type run struct {
	*Engine
	options  Options
	sink     event.Sink
	plan     *Plan
	status   map[string]event.Status // of the steps that have ended
	because  map[string]string       // of the skipped: the stage that failed
	counts   map[event.Status]int
	took     map[*Step]time.Duration // of the steps whose commands ran
	shortest time.Duration           // what the run could have taken
	forecast *Forecast               // what a dry run tells
	cut      []string                // the stages that were running when the run was stopped
	messages chan message
	failures []error
	keeper   keeper
	hands    hands
	settled  time.Time
	dirty    bool // something was recorded since the lock was written
	temps    bool // there are temp outs

	attempted map[string]bool // by stageKey: somebody is at the stage, or an orphan is
}

func (r *run) repro(ctx context.Context) error {
	if !r.options.Dry {
		if err := r.recover(ctx); err != nil {
			return err
		}
	}
	var err error
	if r.plan, err = r.Plan(ctx, r.options); err != nil {
		return err
	}
	r.options.needed = r.plan.needed
	if err := r.check(ctx, r.plan, r.options); err != nil {
		return err
	}
	if len(r.plan.bring) > 0 && !r.options.Dry {
		if err := r.bringDeps(ctx); err != nil {
			return err
		}
		if r.plan, err = r.Plan(ctx, r.options); err != nil {
			return err
		}
		if err := r.check(ctx, r.plan, r.options); err != nil {
			return err
		}
	}
	if err := r.checkResources(r.plan); err != nil && !r.options.Dry {
		return err
	}
	if err := r.checkTracked(ctx, r.plan); err != nil {
		return err
	}
	r.status = make(map[string]event.Status, len(r.plan.Steps))
	r.temps = slices.ContainsFunc(r.Pipeline.Stages, hasTemps)
	idle := r.plan.Fresh() && len(r.attempted) == 0
	if !r.options.Dry && !idle {
		if err := r.checkWritable(); err != nil {
			return err
		}
	}
	for _, warning := range r.Pipeline.Warnings {
		r.sink.Emit(event.Warning{Text: warning.Error(), Hint: warning.Hint})
	}
	r.sink.Emit(event.RunStarted{Time: time.Now(), Run: r.RunID, Stages: len(r.plan.Steps), Dry: r.options.Dry})
	switch {
	case r.options.Dry:
		r.dry()
		return nil
	case idle:
		r.pass(ctx)
	default:
		guard, err := r.useCache(ctx, "flow repro", func(text string) { r.sink.Emit(event.Warning{Text: text}) })
		if err != nil {
			return err
		}
		defer guard.Unlock()
		r.loop(ctx)
	}
	if err := r.settle(context.WithoutCancel(ctx)); err != nil {
		r.failures = append(r.failures, err)
	}
	if _, err := r.Recover(context.WithoutCancel(ctx)); err != nil { // what an orphan held at the start
		r.failures = append(r.failures, err)
	}
	if err := ctx.Err(); err != nil {
		r.failures = append(r.failures, r.interrupted(err))
	}
	return errors.Join(r.failures...)
}

// checkWritable refuses to begin where what the stages make could not be kept.
func (r *run) checkWritable() error {
	if err := errors.Join(r.Root.Writable("."), r.Root.Writable(r.State)); err != nil {
		return fmt.Errorf("nothing would be recorded: %w", err)
	}
	if r.options.NoCommit {
		return nil
	}
	cache := r.Cache.Root()
	if err := errors.Join(cache.Writable("."), cache.Writable("objects")); err != nil {
		return fmt.Errorf("nothing could be put into the cache: %w", err)
	}
	return nil
}

// recover ends what a crash cut short, before anything is compared.
func (r *run) recover(ctx context.Context) error {
	warnings, err := r.Recover(ctx)
	for _, warning := range warnings {
		r.sink.Emit(warning)
	}
	r.dirty = r.Ledger.Unsettled()
	r.attempted = map[string]bool{}
	entries, _ := r.Root.ReadDir(r.State + "/tmp/attempt") // none when it can't be read
	for _, entry := range entries {
		r.attempted[entry.Name()] = true
	}
	return err
}

// dry tells the plan.
func (r *run) dry() {
	if forecast := r.Forecast(r.plan, r.options); forecast.Sum > 0 {
		r.forecast = &forecast
	}
	for _, step := range r.plan.Steps {
		r.sink.Emit(event.StagePlanned{Stage: step.Stage.Title(), Status: step.Will, Reasons: step.Reasons, Expected: r.Expect(step)})
		if !step.Stage.Source {
			r.counts[step.Will]++
		}
	}
}

// theStop is why steps are skipped that a run had no time for.
const theStop = "the stop"

// blockedBy returns why a step can't start: a stage above it that failed, or the
// run being stopped.
func (r *run) blockedBy(ctx context.Context, step *Step) string {
	if ctx.Err() != nil {
		return theStop
	}
	for _, name := range r.Graph.Parents(step.Stage.Name) {
		switch {
		case r.options.IgnoreErrors:
		case r.status[name] == event.Failed:
			return name
		case r.status[name] == event.Skipped && r.because[name] != "":
			return r.because[name]
		}
	}
	if len(r.failures) > 0 && !r.options.KeepGoing && !r.options.IgnoreErrors {
		return "an earlier failure"
	}
	return ""
}

// refresh compares a step again when something above it has changed since the
// plan was made.
func (r *run) refresh(ctx context.Context, step *Step) error {
	moved, ran := false, false
	for _, name := range r.Graph.Parents(step.Stage.Name) {
		above, selected := r.plan.Step(name)
		ran = ran || r.status[name] == event.Ran
		moved = moved || selected && (r.status[name] != event.Fresh || above.State != Fresh)
	}
	moved = moved || step.State != Fresh && len(r.took) > 0 // time has passed, and a person may have edited what it reads
	if step.Stage.Source || !moved && len(step.Waits) == 0 && !step.is.unsure {
		return nil
	}
	var err error
	if step.was, err = r.Ledger.Stage(step.Stage.Name); err != nil {
		return err
	}
	r.forgetProbes(step.Stage)
	gone := r.goneAbove(step)
	if err := r.compareAgain(ctx, step, gone, ran); err != nil || len(step.Reasons) == 0 {
		return err
	}
	if len(gone) > 0 && !r.forced(ran) {
		if _, _, found := r.restorable(ctx, step, r.options); found {
			return nil // which takes no more than knowing what they held
		}
	}
	if len(gone) > 0 {
		if err := r.compareAgain(ctx, step, nil, ran); err != nil {
			return err
		}
	}
	return r.stillThere(step)
}

func (r *run) compareAgain(ctx context.Context, step *Step, expected map[string]digest.Content, ran bool) error {
	var err error
	if step.is, err = r.inspect(ctx, step.Stage, step.was, expected); err != nil {
		return err
	}
	step.Reasons = r.compare(ctx, step.Stage, step.was, step.is, r.options)
	if r.forced(ran) {
		step.Reasons = append([]Reason{{Kind: event.Forced}}, step.Reasons...)
	}
	return nil
}

// forced reports whether a stage runs whatever is known of it, when one above it has run.
func (r *run) forced(ran bool) bool { return r.options.Force || r.options.ForceDownstream && ran }

// goneAbove returns what the temp outs held that a stage may read, of stages above that are
// up to date without them; nil when there are none.
func (r *run) goneAbove(step *Step) map[string]digest.Content {
	if !r.temps {
		return nil
	}
	gone := map[string]digest.Content{}
	for _, name := range r.Graph.Parents(step.Stage.Name) {
		if above, selected := r.plan.Step(name); selected && above.State == Fresh {
			goneTemps(above, gone)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return gone
}

// stillThere refuses to run a stage whose deps are not there although all above it
// has ended.
func (r *run) stillThere(step *Step) error {
	if problems := missingParams(step.Stage, step.is.missing); len(problems) > 0 && !step.Stage.Frozen {
		return problems.Err()
	}
	for _, dep := range step.Stage.Deps {
		what := step.is.lacks(dep)
		if what == "" || step.Stage.Frozen || r.options.AllowMissing {
			continue
		}
		if !dep.InProject() {
			return errors.New(what)
		}
		return fmt.Errorf("%s, although what makes it has ended", what)
	}
	return nil
}

// settle writes the lock file, without the stages that are gone.
func (r *run) settle(ctx context.Context) error {
	if !r.dirty && len(r.Stray(r.plan)) == 0 {
		return nil
	}
	_, err := r.Ledger.Settle(ctx, r.declared)
	return err
}

// declared reports whether an entry of the lock is still part of the pipeline. What can't
// be read just now may be.
func (e *Engine) declared(stage, source string) bool {
	if len(e.Pipeline.Broken) > 0 {
		return true
	}
	if stage == "" {
		stage = "data:" + source
	}
	_, found := e.Pipeline.Stage(stage)
	return found
}

// Stray returns the stages and data sources that the lock still has and that are gone
// from the pipeline, sorted. Repro takes them out.
func (e *Engine) Stray(plan *Plan) []string {
	var stray []string
	for name := range plan.Locked.Stages {
		if !e.declared(name, "") {
			stray = append(stray, name)
		}
	}
	for path := range plan.Locked.Data {
		if !e.declared("", path) {
			stray = append(stray, path)
		}
	}
	slices.Sort(stray)
	return stray
}

func (r *run) fail(step *Step, err error) {
	if errors.Is(err, context.Canceled) {
		r.because[step.Stage.Name] = theStop
		r.cut = append(r.cut, step.Stage.Title())
		r.end(step, &result{step: step, status: event.Skipped})
		return
	}
	var stageError *StageError
	if !errors.As(err, &stageError) {
		err = &StageError{Stage: step.Stage.Title(), Msg: err.Error(), Err: err}
	}
	if !r.options.IgnoreErrors {
		r.failures = append(r.failures, err)
	}
	r.end(step, &result{step: step, status: event.Failed, err: err})
}

// end tells how a step ended.
func (r *run) end(step *Step, done *result) {
	stage := step.Stage
	r.status[stage.Name] = done.status
	if done.status == event.Ran {
		r.took[step] = done.took
	}
	if !stage.Source {
		r.counts[done.status]++
	}
	finished := event.StageFinished{
		Time: time.Now(), Stage: stage.Title(), Status: done.status, Source: stage.Source, Duration: done.took,
		Reasons: step.Reasons, Err: done.err, Because: r.because[stage.Name], Detail: done.detail,
		Usage: done.usage,
	}
	if !stage.Source && step.is != nil && (done.entry != nil || done.status == event.Failed) {
		finished.Action = action(stage, step.is).Key().String()
	}
	if done.entry != nil {
		for _, out := range done.entry.Outs {
			finished.Outs = append(finished.Outs, event.Out{Path: out.Path, Content: out.Content})
		}
	}
	r.sink.Emit(finished)
	if r.temps {
		r.dropTemps(stage)
	}
}
