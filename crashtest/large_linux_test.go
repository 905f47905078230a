package crashtest

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLarge_inLittleMemory: however large a file is, saving it, checking it out and
// checking the cache take no more memory than a few buffers.
func TestLarge_inLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes half a gigabyte")
	}
	w := newWorld(t)
	w.write("pipeline.yaml", "stages:\n  one: {cmd: truncate -s 512M large, outs: [large]}\n")
	for _, words := range [][]string{{"repro"}, {"checkout"}, {"fsck"}} {
		if words[0] == "checkout" {
			w.remove("large")
		}
		r := w.start(words...)
		e := r.wait()
		require.Equal(t, 0, e.code, "%v: %s", words, e)
		usage, ok := r.cmd.ProcessState.SysUsage().(*syscall.Rusage)
		require.True(t, ok)
		require.Less(t, usage.Maxrss, int64(128<<10), "KiB at most, for %v", words)
	}
}
