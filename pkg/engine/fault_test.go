package engine_test

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

const twoStages = `stages:
  a:
    cmd: raw > dir/x
    deps: [raw]
    outs: [dir]
  b:
    cmd: dir/x > y
    deps: [dir]
    outs: [y]
`

// openFaulty opens the engine over a disk whose n-th change fails.
func (w *world) openFaulty(n int, with error) (*engine.Engine, *disk.Faulty) {
	w.t.Helper()
	plain, err := disk.OpenRoot(w.dir)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { plain.Close() })
	faulty := disk.NewFaulty(disk.OS(plain), n, with)
	root := disk.NewRoot(faulty, plain.Dir())
	store, err := root.Sub(".flow/cache")
	require.NoError(w.t, err)
	objects, err := cache.Open(store, cache.Options{})
	require.NoError(w.t, err)
	files, err := workspace.Open(root, objects, workspace.Options{IndexDir: ".flow/index"})
	require.NoError(w.t, err)
	pipeline, err := stages.LoadDir(w.dir, stages.File)
	require.NoError(w.t, err)
	graph, err := pipeline.Graph()
	require.NoError(w.t, err)
	return &engine.Engine{Pipeline: pipeline, Graph: graph, Root: root, Workspace: files, Cache: objects,
		Ledger: lock.NewLedger(root, lock.Name, ".flow"), Runner: w.runner, State: ".flow"}, faulty
}

// TestRepro_whateverFails: when any one change to the disk fails, the run says so or
// does without; nothing is lost, and the next run ends as if nothing had happened.
func TestRepro_whateverFails(t *testing.T) {
	step := 4
	if os.Getenv("FLOW_TEST_ALL") != "" && !testing.Short() {
		step = 1
	}
	for n := 2; ; n += step { // the first call opens the cache
		w := newWorld(t, map[string]string{"pipeline.yaml": twoStages, "raw": "old"})
		w.repro(everything, "a", "b")
		w.write("raw", "new")
		e, faulty := w.openFaulty(n, syscall.ENOSPC)
		w.runner.ran, w.log = nil, nil
		err := e.Repro(context.Background(), everything, &w.log)
		done := faulty.Calls() < n
		if err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC, "call %d", n)
			require.NotContains(t, err.Error(), "panic")
		}
		_, err = w.open().Recover(context.Background())
		require.NoError(t, err, "call %d", n)
		for _, name := range []string{"dir/x", "y"} {
			content := w.read(name)
			require.True(t, content == "old" || content == "new", "call %d: %s holds %q", n, name, content)
		}
		_, err = w.try(everything)
		require.NoError(t, err, "call %d", n)
		require.Equal(t, "new", w.read("y"), "call %d", n)
		w.repro(everything)
		text := w.read("pipeline.lock")
		require.True(t, strings.HasSuffix(text, "# end of pipeline.lock\n"))
		require.Equal(t, event.Fresh, w.ended()["b"])
		if done {
			t.Logf("%d calls change the disk", faulty.Calls())
			return
		}
	}
}
