//go:build unix

package crashtest

import (
	"bufio"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// chattyText is stages that print more than a pipe holds, to both streams.
const chattyText = `stages:
  one: {cmd: "seq 1 30000; seq 1 30000 >&2; echo a > a.txt", outs: [a.txt], deps: [input.txt]}
  two: {cmd: "seq 1 30000; seq 1 30000 >&2; cp a.txt b.txt", deps: [a.txt], outs: [b.txt]}
  three: {cmd: "seq 1 30000; cp b.txt c.txt", deps: [b.txt], outs: [c.txt]}
`

func newChatty(t *testing.T) *world {
	w := newWorld(t)
	w.write("pipeline.yaml", chattyText)
	w.write("input.txt", "one\n")
	return w
}

func saved(w *world, e ended) {
	w.t.Helper()
	require.Equal(w.t, 0, e.code, "%s", e)
	require.Equal(w.t, "a\n", w.read("c.txt"))
	require.Contains(w.t, w.read("pipeline.lock"), "three:")
	w.fine("status", "-q")
	w.fine("fsck")
	w.nobodyLeft()
}

// TestStreams_readerGone: who reads the first line and goes does not stop the work.
func TestStreams_readerGone(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--json"}, {"-v"}} {
		for _, both := range []bool{false, true} {
			t.Run(fmt.Sprint(flags, both), func(t *testing.T) {
				t.Parallel()
				w := newChatty(t)
				read, write, err := os.Pipe()
				require.NoError(t, err)
				r := w.command(binary, append([]string{"repro"}, flags...)...)
				r.cmd.Stdout = write
				if both {
					r.cmd.Stderr = write
				}
				r.start()
				write.Close()
				_, err = bufio.NewReaderSize(read, 16).ReadString('\n')
				require.NoError(t, err)
				read.Close()
				saved(w, r.wait())
			})
		}
	}
}

// TestStreams_closed: a run with closed or full streams is saved all the same, and
// nothing that flow says ends up in its files.
func TestStreams_closed(t *testing.T) {
	t.Parallel()
	for _, redirect := range []string{">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "> /dev/full", "2> /dev/full", "> /dev/full 2> /dev/full"} {
		for _, flag := range []string{"", "--json"} {
			t.Run(redirect+flag, func(t *testing.T) {
				t.Parallel()
				w := newChatty(t)
				saved(w, w.command("sh", "-c", `exec "$FLOW" repro `+flag+" "+redirect).start().wait())
			})
		}
	}
}

// TestStreams_printers: commands that only print do not crash, either.
func TestStreams_printers(t *testing.T) {
	t.Parallel()
	w := newChatty(t)
	w.fine("repro")
	w.write("input.txt", "two\n")
	for _, args := range []string{"status", "status --json", "dag", "fsck", "gc -w --dry", "metrics show", "--help"} {
		for _, redirect := range []string{">&-", "> /dev/full", "| true", "| head -1 > /dev/null"} {
			e := w.command("sh", "-c", `"$FLOW" `+args+" "+redirect).start().wait()
			require.Contains(t, []int{0, 1, 3, 5, 141}, e.code, "flow %s %s: %s", args, redirect, e)
		}
	}
}

// TestStreams_commandIsClean: what flow ignores or holds for itself is not passed on.
func TestStreams_commandIsClean(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		lacking(t, "/proc")
	}
	w := newWorld(t)
	w.write("pipeline.yaml", "stages:\n  one: {cmd: 'grep -E \"^Sig(Ign|Blk)\" /proc/self/status > a.txt; (read line && echo read || echo end) > b.txt', outs: [a.txt, b.txt]}\n")
	r := w.command("sh", "-c", `echo text | "$FLOW" repro`).start()
	e := r.wait()
	require.Equal(t, 0, e.code, "%s", e)
	require.Equal(t, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", w.read("a.txt"))
	require.Equal(t, "end\n", w.read("b.txt"))
}
