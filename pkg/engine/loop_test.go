package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/stages"
)

// TestCouldTake: a run that had one stage at a time says what it could have taken, when
// that is worth it.
func TestCouldTake(t *testing.T) {
	parents := map[string][]string{"c": {"a"}}
	for name, test := range map[string]struct {
		took  []time.Duration // of a, b and c, which follows a
		cores int64
		want  time.Duration
	}{
		"side by side":    {[]time.Duration{20 * time.Second, 30 * time.Second, 5 * time.Second}, 8, 30 * time.Second},
		"along the chain": {[]time.Duration{20 * time.Second, 30 * time.Second, 20 * time.Second}, 8, 40 * time.Second},
		"one core":        {[]time.Duration{20 * time.Second, 30 * time.Second, 5 * time.Second}, 1, 0},
		"too few cores":   {[]time.Duration{20 * time.Second, 20 * time.Second, 0}, 2, 20 * time.Second},
		"hardly longer":   {[]time.Duration{4 * time.Second, 3 * time.Second, 2 * time.Second}, 8, 0},
		"a small part":    {[]time.Duration{time.Hour, time.Minute, time.Hour}, 8, 0},
		"nothing ran":     {[]time.Duration{0, 0, 0}, 8, 0},
	} {
		plan := &Plan{byName: map[string]*Step{}}
		r := &run{Engine: &Engine{Totals: map[string]int64{stages.CPU: test.cores}}, took: map[*Step]time.Duration{}}
		for i, took := range test.took {
			step := &Step{Stage: &stages.Stage{Name: string(rune('a' + i))}}
			plan.Steps = append(plan.Steps, step)
			r.took[step] = took
		}
		queue := newQueue(plan, func(name string) []string { return parents[name] }, false)
		require.Equal(t, test.want, r.couldTake(queue), name)
		r.options.Jobs = 4
		require.Zero(t, r.couldTake(queue), name)
	}
}
