package engine

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"flow/pkg/event"
	"flow/pkg/stages"
)

// loop is the owner's: it starts what is ready, as many at a time as jobs and the pool
// allow, and handles what the workers send, until nothing runs and nothing is ready.
//
//	ready ──begin──▶ fresh, skipped: ended at once ──▶ its children may be ready
//	        └─────▶ worker: command, save ──message──▶ keep, with others: record, commit ──▶ as above
//
// A command gives what it had of the jobs and the pool back when it ends, and other stages
// start while what it made is saved and kept, if no more urgent one waits for that; but with one job,
// what one stage made is kept before the next one starts.
func (r *run) loop(ctx context.Context) {
	queue := newQueue(r.plan, r.Graph.Parents, r.options.Single)
	jobs := r.jobs()
	if jobs > 1 {
		queue.longestFirst(r.guess(r.plan))
	}
	queue.start()
	pool := newPool(r.Totals, r.Devices, r.options.Jobs < 0)
	running, saving := map[*Step]grant{}, map[*Step]bool{}
	defer r.hands.end()
	for {
		if len(running) < jobs && len(saving) < jobs && (r.keeper.idle() || jobs > 1) && !queue.urgent(r.ending(saving)) {
			r.fill(ctx, queue, pool, running, jobs)
		}
		if len(running) < jobs || r.keeper.pressed() {
			r.keepNext(ctx)
		}
		if len(running)+len(saving) == 0 && r.keeper.idle() {
			r.shortest = r.couldTake(queue)
			return
		}
		ended := []*result{}
		switch m := r.next(); {
		case m.event != nil:
			r.sink.Emit(m.event)
			continue
		case m.saving != nil:
			if jobs > 1 {
				pool.give(running[m.saving])
				delete(running, m.saving)
				saving[m.saving] = true
			}
			continue
		case m.result != nil:
			if !saving[m.result.step] {
				pool.give(running[m.result.step])
			}
			delete(running, m.result.step)
			delete(saving, m.result.step)
			if !r.handle(m.result) {
				ended = append(ended, m.result)
			}
		case m.kept != nil:
			r.kept(m.kept)
			ended = m.kept
		}
		for _, done := range ended {
			queue.done(done.step)
		}
	}
}

// next returns the next message, an empty one when results have waited long enough.
func (r *run) next() message {
	due := r.keeper.due()
	if due == nil {
		return <-r.messages
	}
	select {
	case m := <-r.messages:
		return m
	case <-due:
		return message{}
	}
}

// pass is loop for a plan of which every step is fresh: they end in its order.
func (r *run) pass(ctx context.Context) {
	for _, step := range r.plan.Steps {
		done := &result{status: event.Fresh}
		if ctx.Err() != nil {
			r.because[step.Stage.Name], done.status = theStop, event.Skipped
		}
		r.end(step, done)
	}
}

// ending returns the steps whose commands have ended and whose results are not kept yet.
func (r *run) ending(saving map[*Step]bool) []*Step {
	steps := slices.Collect(maps.Keys(saving))
	for _, done := range slices.Concat(r.keeper.waiting, r.keeper.now) {
		steps = append(steps, done.step)
	}
	return steps
}

// jobs is how many stages may run at the same time.
func (r *run) jobs() int {
	if r.options.Jobs < 0 {
		return int(max(1, r.Totals[stages.CPU]))
	}
	return max(1, r.options.Jobs)
}

// fill starts as many workers as may be.
func (r *run) fill(ctx context.Context, queue *queue, pool *pool, running map[*Step]grant, jobs int) {
	claimed := map[string]bool{}
	for len(running) < jobs {
		step := queue.next(func(step *Step) bool {
			return step.State == Fresh || pool.fits(step.Stage, claimed)
		})
		if step == nil {
			return
		}
		worker := r.begin(ctx, step)
		if worker == nil {
			queue.done(step)
			continue
		}
		if r.options.Before != nil {
			r.options.Before(ctx)
			r.options.Before = nil
		}
		worker.grant = pool.take(step.Stage)
		running[step] = worker.grant
		r.hands.do(func() { worker.do(ctx) })
	}
}

// hands are goroutines that take one piece of work after the other: a fresh one first has to
// get its stack. The zero value is ready, for the owner's use; end lets them go.
type hands struct {
	work chan func()
	free atomic.Int64
}

func (h *hands) do(work func()) {
	if h.work == nil {
		h.work = make(chan func())
	}
	if h.free.Add(-1) < 0 {
		h.free.Add(1)
		go h.run(work)
		return
	}
	h.work <- work
}

func (h *hands) run(work func()) {
	for {
		work()
		h.free.Add(1)
		next, more := <-h.work
		if !more {
			return
		}
		work = next
	}
}

func (h *hands) end() {
	if h.work != nil {
		close(h.work)
	}
}

// begin returns the worker for a step, or nil when it ended the step at once.
func (r *run) begin(ctx context.Context, step *Step) *work {
	if because := r.blockedBy(ctx, step); because != "" {
		r.because[step.Stage.Name] = because
		r.end(step, &result{status: event.Skipped})
		return nil
	}
	if err := r.refresh(ctx, step); err != nil {
		r.fail(step, err)
		return nil
	}
	if len(step.Reasons) == 0 && !r.attempted[stageKey(step.Stage.Name)] {
		r.end(step, &result{status: event.Fresh})
		return nil
	}
	if r.options.Confirm != nil && !step.Stage.Source && !r.options.Confirm(step.Stage.Title()) {
		r.because[step.Stage.Name] = "your answer"
		r.end(step, &result{status: event.Skipped})
		r.failures = append(r.failures, &StageError{Stage: step.Stage.Title(), Msg: "was not confirmed"})
		return nil
	}
	return &work{e: r.Engine, step: step, options: r.options, messages: r.messages}
}

// worthTelling is how much shorter a run must have been possible for it to be told.
const worthTelling = 10 * time.Second

// couldTake returns how long a run that had one stage at a time could have taken with
// those side by side that don't wait for each other, on as many cores as there are; 0
// when that is hardly shorter.
func (r *run) couldTake(queue *queue) time.Duration {
	if r.jobs() > 1 || r.options.Single {
		return 0
	}
	took := func(step *Step) time.Duration { return r.took[step] }
	var sum, best time.Duration
	for _, d := range r.took {
		sum += d
	}
	for _, chain := range queue.chains(took) {
		best = max(best, chain)
	}
	best = max(best, sum/time.Duration(max(1, r.Totals[stages.CPU])))
	if saved := sum - best; saved < worthTelling || saved < sum/5 {
		return 0
	}
	return best
}
