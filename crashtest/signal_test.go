//go:build unix

package crashtest

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

var stopSignals = map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}

// waitingText is a stage that ends, one that waits (how, is put in), and one after it.
const waitingText = `stages:
  first: {cmd: "echo first >> .runs; echo a > a.txt", deps: [input.txt], outs: [a.txt]}
  second:
    cmd: |
      echo second >> .runs
      TRAP
      echo half > b.txt
      touch mark-started
      until [ -e mark-go ]; do sleep 0.02; done
      cat input.txt > b.txt
    deps: [a.txt, input.txt]
    outs: [b.txt]
  third: {cmd: "echo third >> .runs; cp b.txt c.txt", deps: [b.txt], outs: [c.txt]}
`

// newWaiting returns a world that is up to date, and whose dep has changed since.
func newWaiting(t *testing.T, trap string) *world {
	t.Helper()
	w := newWorld(t)
	w.write("pipeline.yaml", strings.ReplaceAll(waitingText, "TRAP", trap))
	w.write("input.txt", "one\n")
	w.write("mark-go", "")
	w.fine("repro")
	w.write("input.txt", "two\n")
	w.remove("mark-go", "mark-started", runsFile)
	return w
}

// stopped checks a world whose run was stopped in its second stage: nothing runs, what
// had ended is recorded, the old out is back, and the next run ends the work.
func stopped(w *world, e ended) {
	w.t.Helper()
	w.nobodyLeft()
	require.Equal(w.t, map[string]int{"first": 1, "second": 1}, w.runs(), "%s", e)
	w.remove("mark-started")
	w.write("mark-go", "")
	w.fine("repro")
	require.Equal(w.t, map[string]int{"first": 1, "second": 2, "third": 1}, w.runs(), "stages that had ended stay recorded")
	require.Equal(w.t, "two\n", w.read("c.txt"))
	w.fine("status", "-q")
	require.Empty(w.t, w.attempts())
}

// TestSignal stops a run by each signal, sent to flow or to its group, with a command
// that obeys, and with one that cleans up and claims to be fine.
func TestSignal(t *testing.T) {
	t.Parallel()
	for name, sig := range stopSignals {
		for _, group := range []bool{false, true} {
			for kind, trap := range map[string]string{
				"obeys":     "",
				"cleans up": `trap 'echo cleaned > b.txt; touch mark-cleaned; exit 0' INT TERM HUP`,
				"daemon":    `(setsid sh -c 'trap "" HUP INT TERM; until [ -e mark-never ]; do sleep 0.05; done' &)`,
			} {
				t.Run(fmt.Sprintf("%s/group=%v/%s", name, group, kind), func(t *testing.T) {
					t.Parallel()
					w := newWaiting(t, "")
					w.write("pipeline.yaml", strings.ReplaceAll(waitingText, "TRAP", trap))
					r := w.start("repro")
					w.until("the command runs", func() bool { return w.exists("mark-started") })
					if group {
						r.signalGroup(sig)
					} else {
						r.signal(sig)
					}
					e := r.wait()
					require.Equal(t, 128+int(sig), e.code, "%s", e)
					require.Equal(t, "one\n", w.read("b.txt"), "the old out is back, at once: %s", e)
					if kind == "cleans up" {
						require.True(t, w.exists("mark-cleaned"), "the command could clean up")
					}
					stopped(w, e)
				})
			}
		}
	}
}

// TestSignal_twice: a command that ignores signals is killed at the second.
func TestSignal_twice(t *testing.T) {
	t.Parallel()
	for name, sig := range stopSignals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWaiting(t, "")
			w.write("pipeline.yaml", strings.ReplaceAll(waitingText, "TRAP", `trap 'touch mark-asked' INT; trap '' TERM HUP`))
			r := w.start("repro")
			w.until("the command runs", func() bool { return w.exists("mark-started") })
			r.signal(sig)
			w.until("the command is asked to end", func() bool { return w.exists("mark-asked") })
			r.signal(sig)
			e := r.wait()
			require.Equal(t, 128+int(sig), e.code, "%s", e)
			stopped(w, e)
			require.NotContains(t, e.err, "panic")
		})
	}
}

// TestSignal_grace: one signal is enough in the end.
func TestSignal_grace(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	w.write("pipeline.yaml", strings.ReplaceAll(waitingText, "TRAP", `trap '' INT TERM HUP`))
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	r.signal(syscall.SIGINT)
	e := r.wait()
	require.Equal(t, 130, e.code, "%s", e)
	require.Equal(t, "one\n", w.read("b.txt"))
	stopped(w, e)
}

// TestSignal_stillIgnored: what nohup and the & of a shell ignore for flow does not
// stop it.
func TestSignal_stillIgnored(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"INT": syscall.SIGINT, "HUP": syscall.SIGHUP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWaiting(t, "")
			r := w.command("sh", "-c", `trap '' `+name+`; exec "$FLOW" repro`).start()
			w.until("the command runs", func() bool { return w.exists("mark-started") })
			r.signal(sig)
			w.write("mark-go", "")
			e := r.wait()
			require.Equal(t, 0, e.code, "%s was ignored when flow started (as under nohup): %s", name, e)
			require.Equal(t, "two\n", w.read("c.txt"))
		})
	}
}

// TestSignal_waiting: a run that waits for another one can be stopped, too.
func TestSignal_waiting(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	other := w.command("sh", "-c", `exec "$FLOW" repro 2> mark-said`).start()
	w.until("the other one waits", func() bool { return strings.Contains(w.read("mark-said"), "waiting") })
	other.signal(syscall.SIGTERM)
	e := other.wait()
	require.Equal(t, 143, e.code, "%s", e)
	w.write("mark-go", "")
	e = r.wait()
	require.Equal(t, 0, e.code, "%s", e)
	require.Equal(t, map[string]int{"first": 1, "second": 1, "third": 1}, w.runs())
	w.fine("status", "-q")
}
