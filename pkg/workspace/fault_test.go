package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

var errInjected = errors.New("injected")

// deed is something that may go wrong at any call.
type deed struct {
	place string // what it changes
	do    func(w *Workspace, want digest.Content) error
	mixed bool // in between, some files may be old and some new
}

// TestFaults has every call that opens or changes something go wrong once, in the
// project's folder and in the cache's. An error must leave what was there, or at least
// what the next attempt makes right.
func TestFaults(t *testing.T) {
	checkout := func(place string) deed {
		return deed{place: place, do: func(w *Workspace, want digest.Content) error {
			_, err := w.Checkout(t.Context(), place, want)
			return err
		}}
	}
	deeds := map[string]deed{"build": checkout("new"), "replace": checkout("file"), "update": checkout("old")}
	update := deeds["update"]
	update.mixed = true
	deeds["update"] = update
	deeds["save"] = deed{place: "data", do: func(w *Workspace, want digest.Content) error {
		got, err := w.Save(t.Context(), "data", SaveOptions{})
		if err == nil && !got.Same(want) {
			return errors.New("saved something else")
		}
		return err
	}}
	for name, deed := range deeds {
		for _, where := range []string{"workspace", "cache"} {
			t.Run(name+" "+where, func(t *testing.T) {
				calls := oneFault(t, deed, where, 0)
				for n := 1; n <= calls; n++ {
					oneFault(t, deed, where, n)
				}
			})
		}
	}
}

// oneFault does a deed in a new project, has the n-th call go wrong, and returns how
// many calls there were.
func oneFault(t *testing.T, deed deed, where string, n int) int {
	dir := t.TempDir()
	for _, file := range []string{"data/a", "data/b/c", "data/b/d"} {
		write(t, dir, file, file)
	}
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "data/l")))
	write(t, dir, "file", "1")
	write(t, dir, "old/a", "2")
	write(t, dir, "old/b", "a file here")
	w := openAt(t, dir, Options{})
	want, err := w.Digest(t.Context(), "data")
	require.NoError(t, err)
	if deed.place != "data" {
		_, err = w.Save(t.Context(), "data", SaveOptions{})
		require.NoError(t, err)
	}
	before, err := w.Digest(t.Context(), deed.place)
	require.NoError(t, err)

	faulty := disk.NewFaulty(disk.OS(map[string]*disk.Root{"workspace": w.root, "cache": w.cache.Root()}[where]), n, errInjected)
	failure := deed.do(faultyWorkspace(t, w, where, faulty), want)
	after, err := openAt(t, dir, Options{IndexDir: ".flow/none"}).Digest(t.Context(), deed.place)
	require.NoError(t, err)
	switch {
	case n == 0:
		require.NoError(t, failure)
	case failure == nil:
		require.Equal(t, want, after, "call %d", n)
	case !deed.mixed:
		require.Contains(t, []digest.Content{before, want}, after, "call %d: %v", n, failure)
	}
	require.NoError(t, deed.do(w, want), "after call %d: %v", n, failure)
	after, err = w.Digest(t.Context(), deed.place)
	require.NoError(t, err)
	require.Equal(t, want, after)
	return faulty.Calls()
}

func faultyWorkspace(t *testing.T, w *Workspace, where string, faulty disk.FS) *Workspace {
	root, objects := w.root, w.cache
	if where == "workspace" {
		root = disk.NewRoot(faulty, root.Dir())
	} else {
		var err error
		objects, err = cache.Open(disk.NewRoot(faulty, objects.Root().Dir()), cache.Options{})
		require.NoError(t, err)
	}
	other, err := Open(root, objects, Options{})
	require.NoError(t, err)
	return other
}

func TestWorkspace_manyAtOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"data/a", "data/b", "data/c/d", "one", "two"} {
		write(t, dir, name, name)
	}
	w := openAt(t, dir, Options{})
	want := map[string]digest.Content{}
	for _, name := range []string{"data", "one", "two", "data/c"} {
		var err error
		want[name], err = w.Digest(t.Context(), name)
		require.NoError(t, err)
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			own := w
			if i%2 == 0 {
				own = openAt(t, dir, Options{}) // as another process would be
			}
			for name, content := range want {
				got, err := own.Digest(t.Context(), name)
				if err == nil && got != content {
					err = errors.New("wrong digest")
				}
				if err == nil {
					_, err = own.Save(t.Context(), name, SaveOptions{})
				}
				if err == nil {
					_, err = own.Gitignore("one")
				}
				if err == nil {
					err = own.Flush()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	last := openAt(t, dir, Options{})
	for name, content := range want {
		got, err := last.Digest(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, content, got)
	}
}

// What one process learnt is not lost when another writes.
func TestFlush_keepsWhatOthersWrote(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "1")
	write(t, dir, "b", "2")
	one, two := openAt(t, dir, Options{}), openAt(t, dir, Options{})
	_, err := one.Digest(t.Context(), "a")
	require.NoError(t, err)
	_, err = two.Digest(t.Context(), "b")
	require.NoError(t, err)
	require.NoError(t, one.Flush())
	require.NoError(t, two.Flush())
	three := openAt(t, dir, Options{})
	for _, name := range []string{"a", "b"} {
		_, found := three.files.recall(name)
		require.True(t, found, name)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "a")))
	_, err = three.Digest(t.Context(), "a")
	require.NoError(t, err)
	require.NoError(t, three.Flush())
	_, found := openAt(t, dir, Options{}).files.recall("a")
	require.False(t, found)
}
