//go:build unix

package crashtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomStages is a pipeline of random stages with real commands, each of which takes a
// moment of its own.
func randomStages(random *rand.Rand, n int) string {
	text := "stages:\n"
	for i := range n {
		deps := []string{"input.txt"}
		for above := range i {
			if random.IntN(i+1) < 2 {
				deps = append(deps, fmt.Sprintf("o%d.txt", above))
			}
		}
		text += fmt.Sprintf("  s%d: {cmd: 'echo s%d >> .runs; sleep 0.0%d; cat %s > o%d.txt; echo s%d prints', deps: [%s], outs: [o%d.txt]}\n",
			i, i, random.IntN(6), strings.Join(deps, " "), i, i, strings.Join(deps, ", "), i)
	}
	return text
}

// TestParallel_sameAsOne: what eight jobs leave is what one job leaves.
func TestParallel_sameAsOne(t *testing.T) {
	t.Parallel()
	for seed := range max(1, rounds(20)/5) {
		random := rand.New(rand.NewPCG(uint64(seed), 11))
		one := newWorld(t)
		one.write("pipeline.yaml", randomStages(random, 6+random.IntN(12)))
		one.write("input.txt", "one\n")
		many := one.copy(t)
		for _, input := range []string{"one\n", "two\n"} {
			one.write("input.txt", input)
			many.write("input.txt", input)
			alone, together := one.fine("repro", "-j", "1"), many.fine("repro", "-j", "8")
			many.holds(one.snapshot(), fmt.Sprint("seed ", seed))
			require.Equal(t, one.runs(), many.runs())
			require.Equal(t, summary(alone), summary(together))
			require.NotContains(t, alone.out, " | ")
			require.Contains(t, together.out, "s0 | s0 prints\n")
		}
		many.fine("fsck")
		many.fine("status", "-q")
	}
}

// summary is what the last line of a run counts.
func summary(e ended) string {
	lines := strings.Split(strings.TrimSpace(e.err), "\n")
	last := lines[len(lines)-1]
	return last[:strings.LastIndex(last, ",")]
}
