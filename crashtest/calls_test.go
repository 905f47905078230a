//go:build linux

package crashtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// spread returns numbers from 1 to most, about so many, the last ones among them.
func spread(most, n int) []int {
	var ks []int
	for i := range n {
		k := 1
		if n > 1 {
			k += i * (most - 1) / (n - 1)
		}
		if most > 0 && (len(ks) == 0 || ks[len(ks)-1] != k) {
			ks = append(ks, k)
		}
	}
	return ks
}

// eachCall kills a command at its calls, each time in a new copy of a world.
func eachCall(t *testing.T, from *world, n int, args []string, check func(w *world, e ended, killed bool)) {
	for _, set := range callSets {
		_, _, calls := killAt(from.copy(t), set, 0, args...)
		for _, k := range spread(calls, rounds(n)) {
			t.Run(fmt.Sprintf("%s/%d", set.Name, k), func(t *testing.T) {
				t.Parallel()
				w := from.copy(t)
				e, killed, _ := killAt(w, set, k, args...)
				check(w, e, killed)
			})
		}
	}
}

// TestKill_everyCall kills one run that replaces old outs at its calls to the kernel.
func TestKill_everyCall(t *testing.T) {
	needTracing(t)
	t.Parallel()
	b := small(t)
	eachCall(t, b.old, 4, []string{"repro"}, func(w *world, e ended, killed bool) {
		require.True(w.t, killed || e.code == 0, "%s", e)
		b.kept(w)
		b.heals(w)
	})
}

// TestKill_everyCallOfFirstRun kills the first run after a clone.
func TestKill_everyCallOfFirstRun(t *testing.T) {
	needTracing(t)
	t.Parallel()
	b := small(t)
	eachCall(t, b.cold(t), 2, []string{"repro"}, func(w *world, e ended, killed bool) {
		require.True(w.t, killed || e.code == 0, "%s", e)
		b.heals(w)
	})
}

// TestKill_everyCallOfRestore kills a run that only restores, and a checkout.
func TestKill_everyCallOfRestore(t *testing.T) {
	needTracing(t)
	t.Parallel()
	b := small(t)
	done := b.old.copy(t)
	done.fine("repro")
	done.write("input.txt", "one\n")
	done.fine("repro")
	done.remove("raw/deep", "data")
	done.write("input.txt", "two\n")
	for _, command := range []string{"repro", "checkout"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			eachCall(t, done, 2, []string{command}, func(w *world, e ended, killed bool) {
				require.True(w.t, killed || e.code == 0, "%s", e)
				b.heals(w)
			})
		})
	}
}

// TestKill_everyCallOfRecovery kills the run that brings back what an earlier kill
// left aside.
func TestKill_everyCallOfRecovery(t *testing.T) {
	needTracing(t)
	t.Parallel()
	stuck, before := killedInStage(t)
	stuck.write("input.txt", "fail\n")
	eachCall(t, stuck, 3, []string{"repro"}, func(w *world, e ended, killed bool) {
		require.True(w.t, killed || e.code == 1, "%s", e)
		keptSomewhere(w, before)
		e = w.flow("repro")
		require.Equal(w.t, 1, e.code, "the stage fails, %s", e)
		require.Contains(w.t, e.err, "exit code 3", "it is the command that fails")
		require.Empty(w.t, before.differences(w.snapshot().only(outsOfGuarded...)), "after a run that failed\n%s", e)
		require.Empty(w.t, w.attempts())
	})
}
