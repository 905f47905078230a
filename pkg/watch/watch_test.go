package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type world struct {
	t   *testing.T
	dir string
	*Watcher
}

func newWorld(t *testing.T) *world {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	w, err := New(dir)
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return &world{t: t, dir: dir, Watcher: w}
}

func (w *world) write(name string) {
	w.t.Helper()
	require.NoError(w.t, os.MkdirAll(filepath.Dir(filepath.Join(w.dir, name)), 0o755))
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte("x"), 0o644))
}

// sees waits until a name is told as changed.
func (w *world) sees(name string) {
	w.t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case <-w.Changed():
			if slices.Contains(w.Take(), name) {
				return
			}
		case <-deadline:
			require.Fail(w.t, "it was not told", name)
		}
	}
}

func TestWatcher(t *testing.T) {
	w := newWorld(t)
	w.write("data/deep/a.txt")
	w.write("other/b.txt")
	require.Empty(t, w.Set([]string{"data", "params.yaml", "not/there/yet.txt"}))

	w.write("data/deep/a.txt")
	w.sees("data/deep/a.txt")
	w.write("params.yaml")
	w.sees("params.yaml")
	require.NoError(t, os.Rename(filepath.Join(w.dir, "params.yaml"), filepath.Join(w.dir, "old.yaml")))
	w.sees("params.yaml")
	w.write("not/there/yet.txt")
	w.sees("not")
	require.NoError(t, os.RemoveAll(filepath.Join(w.dir, "data")))
	w.sees("data")
	w.write("data/deep/a.txt")
	w.sees("data")
	require.Empty(t, w.Set([]string{"data"}))
	w.write("data/deep/a.txt")
	w.sees("data/deep/a.txt")

	w.write("other/b.txt")
	w.write("data/last")
	w.sees("data/last")
	require.NotContains(t, w.folders, "other")
	require.NotContains(t, w.folders, "not")
}

func TestWatcher_folderThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.write("data/a.txt")
	require.NoError(t, w.Close())
	problems := w.Set([]string{"data/a.txt"})
	require.Len(t, problems, 1)
	var folder *FolderError
	require.ErrorAs(t, problems[0], &folder)
	require.Equal(t, "data", folder.Folder)
}
