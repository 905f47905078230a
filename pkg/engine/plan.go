package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// State is what a comparison says of a stage.
type State string

// The states of a Step.
const (
	Fresh   State = "fresh"   // nothing differs
	Stale   State = "stale"   // something of its own differs
	Waiting State = "waiting" // nothing of its own differs, but what it reads may yet change
)

// Plan is what a run would do: the selected stages in order, each with its state.
// Making one has no effects.
type Plan struct {
	Steps  []*Step
	Locked *lock.File // what it was compared with

	byName map[string]*Step
	moves  bool                      // some step is not fresh
	needed map[string]bool           // temp outs
	bring  map[string]digest.Content // deps that are missing and can be had from elsewhere, as no step makes them
}

// Step is one stage of a Plan.
type Step struct {
	Stage   *stages.Stage
	State   State
	Will    event.Status // Fresh, WouldRun, WouldGet, WouldSave, Updated or MayRun
	Reasons []Reason
	Waits   []string // the stages above it that are not fresh

	is    *facts
	was   *lock.Entry
	lacks lacking // of a data source
}

// lacking is files of a folder that the lock tells of and that are neither in the
// workspace nor in the cache: nobody removed them here, as they never were.
type lacking struct {
	files int
	rest  bool // all else is as the lock tells
}

// Step returns the step of a stage.
func (p *Plan) Step(name string) (*Step, bool) {
	step, found := p.byName[name]
	return step, found
}

// Fresh reports whether nothing would be done.
func (p *Plan) Fresh() bool { return !p.moves }

// ErrMissing marks data that is nowhere to be had: not in the workspace, not in the
// cache, and made by no stage of the run.
var ErrMissing = errors.New("data is missing")

// Missing marks a mistake as one of missing data.
func Missing(problem *diag.Error) *diag.Error {
	problem.Err = ErrMissing
	return problem
}

// Plan compares the selected stages with the lock and the workspace.
func (e *Engine) Plan(ctx context.Context, options Options) (*Plan, error) {
	names, err := e.Select(options.Selection)
	if err != nil {
		return nil, err
	}
	locked, err := e.Ledger.Read()
	if err != nil {
		return nil, err
	}
	options.needed = map[string]bool{}
	for {
		plan, err := e.planOnce(ctx, names, locked, options)
		if err != nil || !e.needMore(plan, options.needed) {
			return plan, err
		}
	}
}

// planOnce plans the stages in order, knowing which temp outs are needed.
func (e *Engine) planOnce(ctx context.Context, names []string, locked *lock.File, options Options) (*Plan, error) {
	defer e.glance(ctx, names, locked)()
	plan := &Plan{Locked: locked, byName: make(map[string]*Step, len(names)), needed: options.needed}
	expected := map[string]digest.Content{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		stage, _ := e.Pipeline.Stage(name)
		step := &Step{Stage: stage, State: Fresh, Will: event.Fresh}
		var err error
		if stage.Source {
			err = e.planSource(ctx, step, locked, options, expected)
		} else {
			err = e.planStage(ctx, step, plan, options, expected)
		}
		if err != nil {
			return nil, err
		}
		plan.Steps = append(plan.Steps, step)
		plan.byName[name] = step
		plan.moves = plan.moves || step.State != Fresh
	}
	return plan, nil
}

// many is from how many outs on the cache is asked after all of them at once, and from
// how many stages on their outs are looked at ahead.
const many = 1024

// glance makes it cheap to look at many files and objects, until end is called.
func (e *Engine) glance(ctx context.Context, names []string, locked *lock.File) (end func()) {
	done := e.Workspace.Glance()
	if len(names) >= many {
		stop, glanced := e.lookAhead(names), done
		done = func() { stop(); glanced() }
	}
	ids := make([]digest.ID, 0, len(locked.Stages))
	for _, entry := range locked.Stages {
		for _, out := range entry.Outs {
			ids = append(ids, out.ID)
		}
	}
	if len(ids) >= many {
		if absent, err := e.Cache.Absent(ctx, ids); err == nil { // else each is asked after by itself
			e.objects = make(map[digest.ID]bool, len(ids))
			for _, id := range ids {
				e.objects[id] = true
			}
			for _, id := range absent {
				e.objects[id] = false
			}
		}
	}
	e.look = e.Cache.Look()
	return func() {
		done()
		e.objects, e.look = nil, nil
	}
}

// lookAhead looks at the outs of stages beside the planning of these, from the other end,
// until both meet or stop is called.
func (e *Engine) lookAhead(names []string) (stop func()) {
	var stopped atomic.Bool
	var ended sync.WaitGroup
	ended.Go(func() {
		for _, name := range slices.Backward(names) {
			stage, _ := e.Pipeline.Stage(name)
			for i := range stage.Outs {
				if stopped.Load() || !e.Workspace.Peek(stage.Outs[i].Path) {
					return
				}
			}
		}
	})
	return func() {
		stopped.Store(true)
		ended.Wait()
	}
}

// planSource compares a data source: what is on disk is what counts, and what is
// missing comes back from the cache.
func (e *Engine) planSource(ctx context.Context, step *Step, locked *lock.File, options Options, expected map[string]digest.Content) error {
	name := step.Stage.Outs[0].Path
	step.is = &facts{made: step.Stage.Outs}
	now, err := step.is.steady(e.Workspace.Digest(ctx, name))
	if err != nil {
		return fmt.Errorf("data source %s: %w", name, err)
	}
	step.is.outs = lock.Items{{Path: name, Content: now}}
	was, recorded := locked.Data[name]
	switch {
	case !now.Exists() && options.AllowMissing:
	case !now.Exists() && !recorded:
		step.stale(event.Missing, Reason{Kind: event.OutMissing, Subject: name})
	case !now.Exists():
		expected[name] = was
		if there, err := e.canHave(ctx, name, was, options); err == nil && !there {
			step.stale(event.Missing, Reason{Kind: event.OutMissing, Subject: name, Detail: "the cache does not have it"})
			break
		}
		step.stale(event.WouldGet, Reason{Kind: event.OutMissing, Subject: name})
	case !recorded:
		step.stale(event.WouldRun, Reason{Kind: event.NeverRun, Subject: name})
	case now == beingWritten:
		step.stale(event.WouldRun, Reason{Kind: event.SourceChanged, Subject: name, Detail: writtenNow})
	case !now.Same(was) && !step.Stage.Frozen:
		if step.lacks = e.lacking(ctx, name, was, now); step.lacks.files > 0 {
			e.planLacking(step, was, options, expected)
			break
		}
		step.stale(event.WouldRun, Reason{Kind: event.SourceChanged, Subject: name, Was: was.ID.Short(), Is: now.ID.Short(),
			Detail: e.detail(ctx, name, was, now)})
	case !options.AllowMissing && !options.NoCommit && !e.cached(ctx, now):
		step.stale(event.WouldRun, Reason{Kind: event.NotCached, Subject: name})
	}
	return nil
}

// planLacking plans a data source of which only a part was ever brought here.
func (e *Engine) planLacking(step *Step, was digest.Content, options Options, expected map[string]digest.Content) {
	name, will := step.Stage.Outs[0].Path, event.Missing
	if step.lacks.rest {
		expected[name], will = was, event.WouldGet
	}
	if options.AllowMissing && step.lacks.rest {
		return
	}
	step.stale(will, Reason{Kind: event.OutMissing, Subject: name, Detail: fmt.Sprintf("%d of %d files", step.lacks.files, was.Files)})
}

// lacking finds what of a folder was never brought here, as after a pull of one file in it.
func (e *Engine) lacking(ctx context.Context, name string, was, now digest.Content) lacking {
	if was.Mode != digest.Dir || now.Mode != digest.Dir {
		return lacking{}
	}
	before, err := e.Cache.ReadTree(ctx, was.ID)
	if err != nil {
		return lacking{}
	}
	here, _, err := e.Workspace.Tree(ctx, name)
	if err != nil {
		return lacking{}
	}
	found := lacking{rest: true}
	for _, change := range cache.DiffTrees(before, here) {
		switch {
		case !change.Removed():
			found.rest = false
		case change.Old.Mode != digest.File && change.Old.Mode != digest.Exec: // of which the list tells all
		case !e.cached(ctx, digest.Content{ID: change.Old.ID, Mode: change.Old.Mode, Size: change.Old.Size}):
			found.files++
		}
	}
	return found
}

func (s *Step) stale(will event.Status, reasons ...Reason) {
	s.State, s.Will = Stale, will
	s.Reasons = append(s.Reasons, reasons...)
}

// planStage compares a stage, and looks ahead to what the stages above it will do.
func (e *Engine) planStage(ctx context.Context, step *Step, plan *Plan, options Options, expected map[string]digest.Content) error {
	step.was = plan.Locked.Stages[step.Stage.Name]
	var err error
	if step.is, err = e.inspect(ctx, step.Stage, step.was, expected); err != nil {
		return err
	}
	step.Reasons = e.compare(ctx, step.Stage, step.was, step.is, options)
	if options.Force {
		step.Reasons = append([]Reason{{Kind: event.Forced}}, step.Reasons...)
	}
	for _, out := range step.is.outs {
		if out.Content == beingWritten {
			expected[out.Path] = out.Content
		}
	}
	step.Waits = e.waits(step, plan, expected)
	if len(step.Waits) == 0 {
		e.foretell(ctx, step, options, expected)
		if step.State == Fresh {
			goneTemps(step, expected)
		}
		return nil
	}
	e.foretellWaiting(step, plan, options)
	return nil
}

// waits returns the stages above whose outs are not known yet.
func (e *Engine) waits(step *Step, plan *Plan, expected map[string]digest.Content) []string {
	if !plan.moves {
		return nil
	}
	var waits []string
	for _, name := range e.Graph.Parents(step.Stage.Name) {
		above, selected := plan.byName[name]
		if !selected || above.Will == event.Fresh {
			continue
		}
		if above.Will == event.Updated {
			continue // its outs are taken as they are
		}
		if above.Stage.Source && above.Will != event.WouldGet {
			continue // recording a source changes no bytes, and one that is missing none either
		}
		if above.Will == event.WouldGet && e.foreseen(step.Stage, above.Stage, expected) {
			continue
		}
		waits = append(waits, name)
	}
	return waits
}

// foreseen reports whether all that a stage reads of one above is among the
// contents that a restore will put in place.
func (e *Engine) foreseen(stage, above *stages.Stage, expected map[string]digest.Content) bool {
	for _, dep := range stage.Deps {
		for _, owner := range e.Pipeline.OwnersOf(dep) {
			if _, found := expected[dep.Path]; owner.Stage == above && !found {
				return false
			}
		}
	}
	for _, param := range stage.Params {
		for _, owner := range e.Pipeline.OwnerOf(param.File) {
			if owner.Stage == above {
				return false
			}
		}
	}
	return true
}

// foretell says what becomes of a stage whose deps are known.
func (e *Engine) foretell(ctx context.Context, step *Step, options Options, expected map[string]digest.Content) {
	if len(step.Reasons) == 0 {
		return
	}
	step.State, step.Will = Stale, event.WouldRun
	if step.Stage.Frozen && outsThere(step.is.outs) {
		step.Will = event.Updated
		return
	}
	if options.Force && !step.Stage.Frozen {
		return
	}
	if e.savable(ctx, step, options) {
		step.Will = event.WouldSave
		return
	}
	outs, _, found := e.restorable(ctx, step, options)
	if !found {
		return
	}
	step.Will = event.WouldGet
	for name, content := range outs {
		expected[name] = content
	}
}

func outsThere(outs lock.Items) bool {
	for _, out := range outs {
		if !out.Exists() {
			return false
		}
	}
	return true
}

// foretellWaiting says what becomes of a stage that reads what is not made yet.
// Reasons that speak of what stages above will make are no reasons yet.
func (e *Engine) foretellWaiting(step *Step, plan *Plan, options Options) {
	var own []Reason
	certain := false
	for _, reason := range step.Reasons {
		if e.madeAbove(reason, step, plan) {
			continue
		}
		own = append(own, reason)
		switch reason.Kind {
		case event.OutMissing, event.OutChanged, event.NotCached:
		default:
			certain = true
		}
	}
	step.State, step.Will = Waiting, event.MayRun
	if certain {
		step.State, step.Will = Stale, event.WouldRun
	}
	for _, name := range step.Waits {
		above := plan.byName[name]
		if options.ForceDownstream && above.Will == event.WouldRun {
			step.State, step.Will = Stale, event.WouldRun
		}
		own = append(own, Reason{Kind: event.Upstream, Subject: above.Stage.Title(), Detail: futures[above.Will]})
	}
	step.Reasons = own
}

var futures = map[event.Status]string{
	event.WouldRun: "will run", event.MayRun: "may run", event.WouldGet: "will be restored", event.WouldSave: "will be saved",
}

// madeAbove reports whether a reason is about a path that a stage above will make.
func (e *Engine) madeAbove(reason Reason, step *Step, plan *Plan) bool {
	switch reason.Kind {
	case event.DepChanged, event.DepMissing:
	case event.ParamAdded, event.ParamRemoved, event.ParamChanged, event.ParamMissing:
		return e.paramsMadeAbove(step, plan)
	default:
		return false
	}
	for _, owner := range e.Pipeline.OwnerOf(reason.Subject) {
		if above, selected := plan.byName[owner.Stage.Name]; selected && above.Will != event.Fresh {
			return true
		}
	}
	return false
}

func (e *Engine) paramsMadeAbove(step *Step, plan *Plan) bool {
	for _, param := range step.Stage.Params {
		for _, owner := range e.Pipeline.OwnerOf(param.File) {
			if above, selected := plan.byName[owner.Stage.Name]; selected && above.Will != event.Fresh {
				return true
			}
		}
	}
	return false
}
