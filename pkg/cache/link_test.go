package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

var everyKind = []cache.LinkKind{cache.Reflink, cache.Hardlink, cache.Symlink, cache.Copy}

func TestLink_everyKindAndMode(t *testing.T) {
	ctx := context.Background()
	large := strings.Repeat("large ", 200_000)
	for _, kind := range everyKind {
		for _, content := range []string{"", "small", large} {
			for _, mode := range []digest.Mode{digest.File, digest.Exec} {
				w := newWorld(t, kind)
				id := w.add(content)[0]
				require.NoError(t, w.work.MkdirAll("sub", 0o777))
				require.NoError(t, os.WriteFile(w.work.Path("sub/out"), []byte("old"), 0o600))
				require.NoError(t, w.Link(ctx, id, mode, w.work, "sub/out"))
				require.NoError(t, w.Link(ctx, id, mode, w.work, "sub/out"), "over itself")

				got, err := os.ReadFile(w.work.Path("sub/out"))
				require.NoError(t, err)
				require.Equal(t, content, string(got))
				entries, err := os.ReadDir(w.work.Path("sub"))
				require.NoError(t, err)
				require.Len(t, entries, 1, "%s %s leaves no unfinished file", kind, mode)
				checkKind(t, w, kind, id, mode, content)
			}
		}
	}
}

func checkKind(t *testing.T, w *world, kind cache.LinkKind, id digest.ID, mode digest.Mode, content string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	at, err := os.Lstat(w.work.Path("sub/out"))
	require.NoError(t, err)
	object, err := os.Lstat(w.path(id))
	require.NoError(t, err)
	require.Zero(t, object.Mode().Perm()&0o222, "objects stay read-only")
	plain := mode == digest.File && content != ""
	require.Equal(t, kind == cache.Hardlink && plain, os.SameFile(at, object))
	require.Equal(t, kind == cache.Symlink && plain, at.Mode()&os.ModeSymlink != 0)
	if (kind == cache.Hardlink || kind == cache.Symlink) && plain {
		return
	}
	require.Equal(t, mode == digest.Exec, at.Mode()&0o100 != 0)
	require.NotZero(t, at.Mode()&0o200, "what a person may edit is writable")
}

func TestLink_makesLinksThatStayInside(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	require.NoError(t, w.work.MkdirAll("a/b", 0o777))
	for _, target := range []string{"x", "../x", "../../x", "./c/../x", "..", "dangling/deep"} {
		id := w.add(target)[0]
		require.NoError(t, w.Link(ctx, id, digest.Link, w.work, "a/b/link"), target)
		got, err := w.work.Readlink("a/b/link")
		require.NoError(t, err)
		require.Equal(t, target, filepath.ToSlash(got))
	}
	for _, target := range []string{"../../../x", "/etc/hostname", "", "c/../../../../x"} {
		id := w.add(target)[0]
		require.Error(t, w.Link(ctx, id, digest.Link, w.work, "a/b/link"), target)
		got, err := w.work.Readlink("a/b/link")
		require.NoError(t, err)
		require.Equal(t, "dangling/deep", filepath.ToSlash(got), "it is left as it was")
	}
}

func TestLink_followsNoLinkOutOfTheWorkspace(t *testing.T) {
	ctx := context.Background()
	for _, kind := range everyKind {
		w := newWorld(t, kind)
		outside := t.TempDir()
		require.NoError(t, os.Symlink(outside, w.work.Path("ln")))
		id := w.add("content")[0]
		require.Error(t, w.Link(ctx, id, digest.File, w.work, "ln/x"), kind)
		require.Error(t, w.Link(ctx, id, digest.File, w.work, "../x"), kind)
		require.Error(t, w.Link(ctx, id, digest.Link, w.work, "ln/x"), kind)
		require.Empty(t, snapshot(t, outside))
	}
}

func TestLink_refusesWhatIsNoObject(t *testing.T) {
	w := newWorld(t)
	id := w.add("x")[0]
	require.Error(t, w.Link(context.Background(), id, digest.Dir, w.work, "x"))
	require.Error(t, w.Link(context.Background(), id, digest.None, w.work, "x"))
	require.ErrorIs(t, w.Link(context.Background(), idA, digest.File, w.work, "x"), store.ErrAbsent)
	require.Empty(t, snapshot(t, w.work.Dir()))
}

func TestLink_findsBitRotOfEveryObject(t *testing.T) {
	bothWays(t, func(t *testing.T, base *world) { linkFindsBitRot(t, base.packed) })
}

func linkFindsBitRot(t *testing.T, packed bool) {
	ctx := context.Background()
	for _, kind := range everyKind {
		w := newWorld(t, kind)
		w.packed = packed
		var contents []string
		for i := range 200 {
			contents = append(contents, strings.Repeat(fmt.Sprintf("object %d ", i), 1+i*i/16))
		}
		ids := w.add(contents...)
		for i, id := range ids {
			name := fmt.Sprintf("%d", i)
			require.NoError(t, w.Link(ctx, id, digest.File, w.work, name))
			require.NoError(t, w.work.Remove(name))
			w.spoil(id, func(content []byte) []byte {
				content[i*len(content)/len(ids)] ^= 1 << (i % 8)
				return content
			})
		}
		for i, id := range ids {
			name := fmt.Sprintf("%d", i)
			require.NoError(t, os.WriteFile(w.work.Path(name), []byte("old"), 0o644))
			object, err := w.Objects().Open(id)
			require.NoError(t, err)
			err = errors.Join(object.Close(), w.Link(ctx, id, digest.File, w.work, name))
			var corrupt *store.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, id, corrupt.Want)
			require.Equal(t, w.Root().Path(object.Name), corrupt.Where)
			require.FileExists(t, w.Root().Path("corrupt/"+id.Hex()))
			require.ErrorIs(t, w.Link(ctx, id, digest.File, w.work, name), store.ErrAbsent)
		}
		files := snapshot(t, w.work.Dir())
		require.Len(t, files, len(ids))
		for name, content := range files {
			require.Equal(t, "old", content, name)
		}
		require.Equal(t, ids, w.add(contents...), "another copy takes its place")
		require.NoError(t, w.Link(ctx, ids[7], digest.File, w.work, "7"))
	}
}

func TestLink_manyAtOnce(t *testing.T) {
	ctx := context.Background()
	for _, kind := range everyKind {
		w := newWorld(t, kind)
		good := w.add("good")[0]
		bad := w.add("bad")[0]
		w.spoil(bad, flip)
		var group sync.WaitGroup
		errs := make([]error, 32)
		for i := range errs {
			group.Go(func() {
				id := good
				if i%2 == 1 {
					id = bad
				}
				errs[i] = w.Link(ctx, id, digest.File, w.work, fmt.Sprintf("%d", i))
			})
		}
		group.Wait()
		for i, err := range errs {
			var corrupt *store.CorruptError
			if i%2 == 0 {
				require.NoError(t, err)
			} else {
				require.True(t, errors.As(err, &corrupt) || errors.Is(err, store.ErrAbsent), "%v", err)
			}
		}
		require.Len(t, snapshot(t, w.work.Dir()), 16)
	}
}

func TestLink_anotherKindWhereOneCantBe(t *testing.T) {
	w := newWorld(t, cache.Reflink, cache.Hardlink)
	require.Equal(t, []cache.LinkKind{cache.Reflink, cache.Hardlink, cache.Copy}, w.Links())
	id := w.add("content")[0]
	faulty := disk.NewRoot(disk.NewFaulty(disk.OS(w.work), 0, nil), w.work.Dir())
	require.NoError(t, w.Link(context.Background(), id, digest.File, faulty, "x"))
	object, err := os.Stat(w.path(id))
	require.NoError(t, err)
	info, err := os.Stat(w.work.Path("x"))
	require.NoError(t, err)
	require.True(t, os.SameFile(object, info))
}

func TestLink_aFaultyDiskLeavesWhatWasThere(t *testing.T) {
	ctx := context.Background()
	for _, kind := range everyKind {
		for n := 1; ; n++ {
			w := newWorld(t, kind)
			id := w.add(strings.Repeat("new", 1000))[0]
			require.NoError(t, os.WriteFile(w.work.Path("x"), []byte("old"), 0o644))
			faulty := disk.NewFaulty(disk.OS(w.work), n, syscall.ENOSPC)
			err := w.Link(ctx, id, digest.File, disk.NewRoot(faulty, w.work.Dir()), "x")
			got, readErr := os.ReadFile(w.work.Path("x"))
			require.NoError(t, readErr)
			if err == nil {
				require.Equal(t, strings.Repeat("new", 1000), string(got))
			} else {
				require.ErrorIs(t, err, syscall.ENOSPC)
				require.ErrorContains(t, err, w.work.Path("x"))
				require.Equal(t, "old", string(got))
			}
			require.True(t, w.has(id))
			if faulty.Calls() < n {
				require.NoError(t, err)
				break
			}
		}
	}
}

func TestLink_stopsWhenToldTo(t *testing.T) {
	w := newWorld(t)
	id := w.add("content")[0]
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, w.Link(ctx, id, digest.File, w.work, "x"), context.Canceled)
	require.Empty(t, snapshot(t, w.work.Dir()))
	require.True(t, w.has(id))
}
