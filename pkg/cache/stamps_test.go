package cache

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

func openStamps(t *testing.T, dir string) *stamps {
	t.Helper()
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return &stamps{root: root}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return info
}

func TestStamps_trustOnlyWhatIsUnchanged(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nothing is trusted there")
	}
	dir := t.TempDir()
	object := filepath.Join(dir, "object")
	require.NoError(t, os.WriteFile(object, []byte("content"), 0o644))
	long := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(object, long, long))
	id := digest.Sum([]byte("content"))
	later := time.Now().Add(time.Hour) // as if the object had been left alone for an hour

	s := openStamps(t, dir)
	s.learn(id, stat(t, object), time.Now())
	require.False(t, s.trusted(id, stat(t, object)), "a change just before the reading can't be told from one after")
	s.learn(id, stat(t, object), later)
	require.True(t, s.trusted(id, stat(t, object)))
	require.False(t, s.trusted(digest.ID{1}, stat(t, object)))

	require.NoError(t, s.flush())
	require.True(t, openStamps(t, dir).trusted(id, stat(t, object)), "also by the next process")

	require.NoError(t, os.WriteFile(object, []byte("CONTENT"), 0o644))
	require.NoError(t, os.Chtimes(object, long, long))
	require.False(t, s.trusted(id, stat(t, object)), "of the same size and age, but written to")
	require.False(t, openStamps(t, dir).trusted(id, stat(t, object)))
}

func TestStamps_fileGrowsShrinksAndMayBeDamaged(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nothing is trusted there")
	}
	dir := t.TempDir()
	info := stat(t, dir)
	later := time.Now().Add(time.Hour)
	for i := range 10 {
		s := openStamps(t, dir)
		s.learn(digest.ID{byte(i)}, info, later)
		require.NoError(t, s.flush())
	}
	info = stat(t, dir)
	file := filepath.Join(dir, stampsFile)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Len(t, text, len(stampsHeader)+10*stampSize)

	for cut := range text {
		require.NoError(t, os.WriteFile(file, text[:cut], 0o644))
		s := openStamps(t, dir)
		s.learn(digest.ID{99}, info, later)
		require.NoError(t, s.flush())
		require.True(t, openStamps(t, dir).trusted(digest.ID{99}, info), "cut at %d", cut)
	}

	require.NoError(t, os.WriteFile(file, text, 0o644))
	s := openStamps(t, dir)
	s.forget(map[digest.ID]int64{{3}: 1, {4}: 1})
	require.NoError(t, s.flush())
	require.Len(t, openStampsLoaded(t, dir).known, 8)
}

func openStampsLoaded(t *testing.T, dir string) *stamps {
	s := openStamps(t, dir)
	s.load()
	return s
}

func TestLink_readsNoObjectThatIsAsItWas(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nothing is trusted there")
	}
	ctx := context.Background()
	root := openStamps(t, t.TempDir()).root
	work := openStamps(t, t.TempDir()).root
	c, err := Open(root, Options{Links: []LinkKind{Symlink}})
	require.NoError(t, err)
	batch := c.Begin()
	id, err := batch.AddBytes([]byte("content"))
	require.NoError(t, err)
	require.NoError(t, batch.Commit(ctx))
	object := root.Path(c.objects.Name(id))

	// The bytes are wrong from the start here, so that reading them would be noticed.
	require.NoError(t, os.Chmod(object, 0o644))
	require.NoError(t, os.WriteFile(object, []byte("damaged"), 0o644))
	c.stamps.learn(id, stat(t, object), time.Now().Add(time.Hour))
	require.NoError(t, c.Link(ctx, id, digest.File, work, "linked"))
	var corrupt *store.CorruptError
	require.ErrorAs(t, c.Link(ctx, id, digest.Exec, work, "copied"), &corrupt, "what is copied is hashed all the same")
	require.False(t, work.Exists("copied"))

	require.NoError(t, root.Rename("corrupt/"+id.Hex(), c.objects.Name(id)))
	require.ErrorAs(t, c.Link(ctx, id, digest.File, work, "again"), &corrupt, "it was moved, so it is read")
}
