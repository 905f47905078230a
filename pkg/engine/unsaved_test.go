package engine_test

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/event"
)

// rebooted is a disk of a machine that was started anew.
type rebooted struct{ disk.FS }

func (rebooted) Boot() string { return "another boot" }

// unsavedWorld is a world whose last run ended while what its one stage had made was being
// saved: the n-th change to the disk failed, the first with which that is so.
func unsavedWorld(t *testing.T, script string) (*world, error) {
	t.Helper()
	for n := 2; n < 200; n++ {
		w := newWorld(t, map[string]string{"pipeline.yaml": "stages: {a: {cmd: '" + script + "', deps: [raw], outs: [x]}}", "raw": "old"})
		w.repro(everything, "a")
		w.write("raw", "new")
		e, _ := w.openFaulty(n, syscall.ENOSPC)
		w.runner.ran, w.log = nil, nil
		err := e.Repro(context.Background(), everything, &w.log)
		if isUnsaved(err) {
			require.Equal(t, []string{"a"}, w.runner.ran)
			require.Equal(t, "old", w.read("x"), "the out from before is in place")
			return w, err
		}
	}
	t.Skip("the times of this file system don't tell that a file was changed")
	return nil, nil
}

func isUnsaved(err error) bool {
	var failed *engine.StageError
	return errors.As(err, &failed) && failed.Unsaved
}

// TestUnsaved: a command that has ended is not run again when the saving failed.
func TestUnsaved(t *testing.T) {
	w, err := unsavedWorld(t, "raw > x")
	require.ErrorIs(t, err, syscall.ENOSPC)
	plan, err := w.open().Plan(context.Background(), everything)
	require.NoError(t, err)
	require.Equal(t, event.WouldSave, plan.Steps[0].Will)
	w.repro(everything)
	require.Equal(t, "new", w.read("x"))
	require.Equal(t, event.Updated, w.ended()["a"])
	require.NoFileExists(t, filepath.Join(w.dir, ".flow/failed/a/unsaved"))
	w.repro(everything)
	require.Equal(t, event.Fresh, w.ended()["a"])
}

// TestUnsaved_powerLoss: what was never synced may be gone after a power loss, so the
// command runs.
func TestUnsaved_powerLoss(t *testing.T) {
	w, _ := unsavedWorld(t, "raw > x")
	e := w.open()
	e.Root = disk.NewRoot(rebooted{disk.OS(e.Root)}, e.Root.Dir())
	w.runner.ran, w.log = nil, nil
	require.NoError(t, e.Repro(context.Background(), everything, &w.log))
	require.Equal(t, []string{"a"}, w.runner.ran)
}

// TestUnsaved_everyFault: whichever change to the disk fails while results are kept, of one
// stage or of several together, what is told to be only unsaved does not run again.
func TestUnsaved_everyFault(t *testing.T) {
	told := 0
	for n := 2; ; n += 3 {
		w := newWorld(t, map[string]string{"pipeline.yaml": threeStages, "raw": "old"})
		w.repro(everything, "a", "b", "c")
		w.write("raw", "new")
		e, faulty := w.openFaulty(n, syscall.ENOSPC)
		w.runner.ran, w.log = nil, nil
		err := e.Repro(context.Background(), engine.Options{KeepGoing: true}, &w.log)
		unsaved := map[string]bool{}
		for _, e := range w.log {
			if ended, is := e.(event.StageFinished); is && isUnsaved(ended.Err) {
				unsaved[ended.Stage] = true
				told++
			}
		}
		done := err == nil && faulty.Calls() < n
		for stage := range unsaved {
			entry, err := w.open().Ledger.Stage(stage)
			require.NoError(t, err)
			if entry.Deps[0].ID == digest.Sum([]byte("new")) {
				delete(unsaved, stage) // it was recorded, only not known to be durable: it counts as changed since
			}
		}
		ran, err := w.try(everything)
		require.NoError(t, err, "call %d", n)
		for _, stage := range ran {
			require.False(t, unsaved[stage], "call %d: %s runs again", n, stage)
		}
		for _, name := range []string{"x", "y", "z"} {
			require.Equal(t, "new", w.read(name), "call %d", n)
		}
		if done {
			break
		}
	}
	require.Greater(t, told, 3)
}

const threeStages = `stages:
  a: {cmd: raw > x, deps: [raw], outs: [x]}
  b: {cmd: raw > y, deps: [raw], outs: [{y: {persist: true}}]}
  c: {cmd: raw > z, deps: [raw], outs: [{z: {cache: false}}]}
`
