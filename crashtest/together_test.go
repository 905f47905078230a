//go:build unix

package crashtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// togetherText has stages that the run cache answers for and such that it can't; each
// takes as long as it takes the others to meet it.
const togetherText = `stages:
  plain: {cmd: "echo plain >> .runs; WORK; cp input.txt plain.txt", deps: [input.txt], outs: [plain.txt]}
  kept:
    cmd: |
      echo kept >> .runs
      WORK
      mkdir -p kept
      cp plain.txt kept/file
    deps: [plain.txt]
    outs: [{kept: {persist: true}}]
  free: {cmd: "echo free >> .runs; WORK; cp kept/file free.txt", deps: [kept], outs: [{free.txt: {cache: false}}]}
  last: {cmd: "echo last >> .runs; WORK; cp free.txt last.txt", deps: [free.txt], outs: [last.txt]}
  lone: {cmd: "echo lone >> .runs; WORK; echo lone > lone.txt", outs: [lone.txt]}
`

var togetherStages = []string{"plain", "kept", "free", "last", "lone"}

func newTogether(t *testing.T, work string) *world {
	t.Helper()
	w := newWorld(t)
	w.write("pipeline.yaml", strings.ReplaceAll(togetherText, "WORK", work))
	w.write("input.txt", "one\n")
	return w
}

// onceEach checks that each stage ran once, and that the lock is that of one run alone.
func onceEach(w *world, all []*running, stages ...string) {
	w.t.Helper()
	var said strings.Builder
	for i, r := range all {
		e := r.wait()
		require.Equal(w.t, 0, e.code, "number %d of %d: %s", i, len(all), e)
		fmt.Fprintf(&said, "--- %d\n%s", i, e.err)
	}
	want := map[string]int{}
	for _, name := range stages {
		want[name] = 1
	}
	require.Equal(w.t, want, w.runs(), "%s", said.String())
	lock := w.read("pipeline.lock")
	w.fine("status", "-q")
	w.fine("repro")
	require.Equal(w.t, lock, w.read("pipeline.lock"))
	w.fine("fsck")
	require.Empty(w.t, w.attempts())
	require.False(w.t, w.exists(".flow/journal"))
	w.nobodyLeft()
	alone := w.copy(w.t)
	alone.remove("pipeline.lock", ".flow")
	alone.fine("repro", "-f")
	require.Equal(w.t, alone.read("pipeline.lock"), lock, "the lock is that of one run alone")
}

// TestTogether_sameInstant starts two and eight at once, on a fresh project and on one
// whose dep changed.
func TestTogether_sameInstant(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 8} {
		for round := range max(1, rounds(20)/10) {
			t.Run(fmt.Sprintf("%d/%d", n, round), func(t *testing.T) {
				t.Parallel()
				w := newTogether(t, ":")
				var all []*running
				for range n {
					all = append(all, w.start("repro"))
				}
				onceEach(w, all, togetherStages...)
				w.write("input.txt", "two\n")
				w.remove(runsFile)
				all = nil
				for range n {
					all = append(all, w.start("repro"))
				}
				onceEach(w, all, "plain", "kept", "free", "last")
				require.Equal(t, "two\n", w.read("last.txt"))
			})
		}
	}
}

// TestTogether_whileRunning starts a second one while the first is in each of its
// stages.
func TestTogether_whileRunning(t *testing.T) {
	t.Parallel()
	for i, name := range togetherStages[:4] {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTogether(t, ":")
			w.fine("repro")
			w.write("input.txt", "two\n")
			w.remove(runsFile)
			text := w.read("pipeline.yaml")
			w.write("pipeline.yaml", strings.Replace(text, "echo "+name+" >> .runs; ", "echo "+name+" >> .runs; until [ -e mark-go ]; do sleep 0.02; done; ", 1))
			if name == "kept" {
				w.write("pipeline.yaml", strings.Replace(text, "echo kept >> .runs\n", "echo kept >> .runs\n      until [ -e mark-go ]; do sleep 0.02; done\n", 1))
			}
			first := w.start("repro")
			w.until("the first runs "+name, func() bool { return w.runs()[name] == 1 })
			second := w.command("sh", "-c", `exec "$FLOW" repro 2> mark-said`).start()
			w.until("the second waits", func() bool { return strings.Contains(w.read("mark-said"), "waiting") })
			third := w.command("sh", "-c", `exec "$FLOW" repro last 2> mark-more`).start()
			w.until("the third waits", func() bool { return strings.Contains(w.read("mark-more"), "waiting") })
			w.write("mark-go", "")
			onceEach(w, []*running{first, second, third}, togetherStages[:4]...)
			_ = i
		})
	}
}

// TestTogether_readers: status, and all that only reads, returns while a stage runs.
func TestTogether_readers(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	for _, args := range []string{"status", "status --json", "status --why third", "dag", "repro --dry", "fsck", "gc -w --dry"} {
		e := w.flow(strings.Fields(args)...)
		require.NotContains(t, []int{2, 4, 5}, e.code, "flow %s: %s", args, e)
	}
	select {
	case <-r.done:
		require.Fail(t, "the run has ended")
	default:
	}
	w.write("mark-go", "")
	e := r.wait()
	require.Equal(t, 0, e.code, "%s", e)
	require.Equal(t, map[string]int{"first": 1, "second": 1, "third": 1}, w.runs())
	w.fine("status", "-q")
}

// TestTogether_differentStages runs independent stages from many processes: all are in
// the lock.
func TestTogether_differentStages(t *testing.T) {
	t.Parallel()
	const n = 8
	w := newWorld(t)
	text := "stages:\n"
	for i := range n {
		text += fmt.Sprintf("  s%d: {cmd: \"echo s%d >> .runs; cat shared.txt > s%d.txt; echo %d >> s%d.txt\", deps: [shared.txt], outs: [s%d.txt]}\n", i, i, i, i, i, i)
	}
	w.write("pipeline.yaml", text)
	for round := range 3 {
		w.write("shared.txt", fmt.Sprintln("round", round))
		w.remove(runsFile)
		var all []*running
		var names []string
		for i := range n {
			names = append(names, fmt.Sprint("s", i))
			all = append(all, w.start("repro", "-s", names[i]))
		}
		onceEach(w, all, names...)
	}
}

// TestTogether_gc: a collection meanwhile takes nothing that a run is about to record.
func TestTogether_gc(t *testing.T) {
	t.Parallel()
	w := newTogether(t, ":")
	w.fine("repro") // before the first record gc refuses: it can't know what to keep
	for round := range 3 {
		w.write("input.txt", fmt.Sprintln("round", round))
		r := w.start("repro")
		for range 4 {
			e := w.flow("gc", "-w", "-f", "--grace", "0s")
			require.Equal(t, 0, e.code, "%s", e)
		}
		e := r.wait()
		require.Equal(t, 0, e.code, "%s", e)
		w.fine("fsck")
		w.fine("status", "-q")
	}
}

// TestTogether_overlappingTargets: eight processes, each with targets and jobs of its
// own, run every stage once, and all end well.
func TestTogether_overlappingTargets(t *testing.T) {
	t.Parallel()
	for seed := range max(1, rounds(20)/5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(seed), 5))
			n := 8 + random.IntN(12)
			w := newWorld(t)
			w.write("pipeline.yaml", randomStages(random, n))
			for round := range 2 {
				w.write("input.txt", fmt.Sprintln("round", round))
				w.remove(runsFile)
				var all []*running
				for i := range 8 {
					args := []string{"repro", "-j", fmt.Sprint(1 + random.IntN(4))}
					if i > 0 {
						for range 1 + random.IntN(3) {
							args = append(args, fmt.Sprint("s", random.IntN(n)))
						}
					}
					all = append(all, w.start(args...))
				}
				var names []string
				for i := range n {
					names = append(names, fmt.Sprint("s", i))
				}
				onceEach(w, all, names...)
			}
		})
	}
}

// TestTogether_saysForWhom: who waits says for which process, and at which stage it is.
func TestTogether_saysForWhom(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	first := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	other := w.command("sh", "-c", `exec "$FLOW" repro 2> mark-said`).start()
	want := fmt.Sprintf("waiting for process %d, at stage second\n", first.cmd.Process.Pid)
	w.until("it says so", func() bool { return strings.Contains(w.read("mark-said"), want) })
	require.Regexp(t, fmt.Sprintf(`(?m)^second: will run.*\n  process %d is at it, for \d+(ms|s)$`, first.cmd.Process.Pid), w.fine("status").out)
	require.Regexp(t, fmt.Sprintf(`"process": %d,`, first.cmd.Process.Pid), w.fine("status", "--json").out)
	w.write("mark-go", "")
	require.Equal(t, 0, first.wait().code)
	require.Equal(t, 0, other.wait().code)
	require.NotContains(t, w.fine("status", "-v").out, "is at it")

	w.remove("mark-go", "mark-started")
	w.write("input.txt", "three\n")
	killed := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	killed.signalGroup(syscall.SIGKILL)
	killed.wait()
	w.nobodyLeft()
	require.NotContains(t, w.fine("status").out, "is at it", "who was killed is at nothing")
}
