package engine

import (
	"cmp"
	"slices"
	"time"

	"flow/pkg/event"
)

// queue gives the steps whose parents have ended: those of the longest chain first,
// or, of a run that has one stage at a time, in the plan's order.
type queue struct {
	plan     *Plan
	children [][]int
	waiting  []int // by step: how many parents have not ended
	rank     []int // by step: its place among all
	heads    []int // steps that are ready, by rank
	at       map[string]int
}

func newQueue(plan *Plan, parents func(string) []string, single bool) *queue {
	n := len(plan.Steps)
	q := &queue{plan: plan, children: make([][]int, n), waiting: make([]int, n), rank: make([]int, n), at: make(map[string]int, n)}
	for i, step := range plan.Steps {
		q.rank[i], q.at[step.Stage.Name] = i, i
		if single && i > 0 {
			q.follow(i-1, i)
			continue
		}
		for _, name := range parents(step.Stage.Name) {
			if above, selected := q.at[name]; selected && !single {
				q.follow(above, i)
			}
		}
	}
	return q
}

func (q *queue) follow(above, below int) {
	q.children[above] = append(q.children[above], below)
	q.waiting[below]++
}

// longestFirst ranks the steps by how long it takes from their start to the end of the
// longest chain below them; those that take as long stay in the plan's order.
func (q *queue) longestFirst(took func(*Step) time.Duration) {
	chains := q.chains(took)
	order := make([]int, len(q.rank))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(chains[b], chains[a]) })
	for place, step := range order {
		q.rank[step] = place
	}
}

// chains returns for each step how long the longest chain takes that begins with it.
func (q *queue) chains(took func(*Step) time.Duration) []time.Duration {
	chains := make([]time.Duration, len(q.plan.Steps))
	for i, step := range slices.Backward(q.plan.Steps) {
		for _, child := range q.children[i] {
			chains[i] = max(chains[i], chains[child])
		}
		chains[i] += took(step)
	}
	return chains
}

// start makes the steps ready that wait for nothing.
func (q *queue) start() {
	for i, count := range q.waiting {
		if count == 0 {
			q.push(i)
		}
	}
}

func (q *queue) push(step int) {
	at, _ := slices.BinarySearchFunc(q.heads, step, func(a, b int) int { return cmp.Compare(q.rank[a], q.rank[b]) })
	q.heads = slices.Insert(q.heads, at, step)
}

// next takes the first step that may start now; nil when there is none.
func (q *queue) next(may func(*Step) bool) *Step {
	for i, head := range q.heads {
		if step := q.plan.Steps[head]; may(step) {
			q.heads = slices.Delete(q.heads, i, i+1)
			return step
		}
	}
	return nil
}

// urgent reports whether steps that are about to end make one ready that comes before all
// that are ready: what is free is not given away then.
func (q *queue) urgent(ending []*Step) bool {
	if len(q.heads) == 0 {
		return false
	}
	freed := map[int]int{}
	for _, step := range ending {
		for _, child := range q.children[q.at[step.Stage.Name]] {
			freed[child]++
			if freed[child] == q.waiting[child] && q.rank[child] < q.rank[q.heads[0]] {
				return true
			}
		}
	}
	return false
}

// done makes the children of a step ready that wait for nothing else.
func (q *queue) done(step *Step) {
	for _, child := range q.children[q.at[step.Stage.Name]] {
		if q.waiting[child]--; q.waiting[child] == 0 {
			q.push(child)
		}
	}
}

// guess returns how long steps are likely to take. Those of which it is not known are
// taken for an average one.
func (e *Engine) guess(plan *Plan) func(*Step) time.Duration {
	known := map[*Step]time.Duration{}
	sum := time.Duration(0)
	for _, step := range plan.Steps {
		if d := e.expected(step.Stage); d > 0 && runs(step) {
			known[step] = d
			sum += d
		}
	}
	average := time.Second
	if len(known) > 0 {
		average = max(sum/time.Duration(len(known)), 1)
	}
	return func(step *Step) time.Duration {
		switch d := known[step]; {
		case !runs(step):
			return 0
		case d > 0:
			return d
		}
		return average
	}
}

// runs reports whether the plan has a step's command run, or thinks that it may.
func runs(step *Step) bool {
	return !step.Stage.Source && (step.Will == event.WouldRun || step.Will == event.MayRun)
}

// Forecast looks ahead, as far as earlier runs tell.
func (e *Engine) Forecast(plan *Plan, options Options) Forecast {
	var f Forecast
	took := map[*Step]time.Duration{}
	for _, step := range plan.Steps {
		if !runs(step) {
			continue
		}
		d := e.expected(step.Stage)
		if d == 0 {
			f.Unknown++
		}
		took[step] = d
		f.Sum += d
	}
	for _, d := range newQueue(plan, e.Graph.Parents, options.Single).chains(func(step *Step) time.Duration { return took[step] }) {
		f.Chain = max(f.Chain, d)
	}
	return f
}

// Expect returns how long a stage's commands are likely to take; 0 where that is not
// known, or they won't run.
func (e *Engine) Expect(step *Step) time.Duration {
	if !runs(step) {
		return 0
	}
	return e.expected(step.Stage)
}
