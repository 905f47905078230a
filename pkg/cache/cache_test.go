package cache_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

// world is a cache in one folder and a workspace in another.
type world struct {
	*cache.Cache
	t      testing.TB
	work   *disk.Root
	packed bool // what is added from now on goes into packs
}

func newWorld(t testing.TB, links ...cache.LinkKind) *world {
	t.Helper()
	return &world{Cache: openCache(t, t.TempDir(), links...), t: t, work: openRoot(t, t.TempDir())}
}

func openRoot(t testing.TB, dir string) *disk.Root {
	t.Helper()
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

func openCache(t testing.TB, dir string, links ...cache.LinkKind) *cache.Cache {
	t.Helper()
	c, err := cache.Open(openRoot(t, dir), cache.Options{Links: links})
	require.NoError(t, err)
	return c
}

// add puts objects in, and returns their digests.
func (w *world) add(contents ...string) []digest.ID {
	w.t.Helper()
	batch := w.Begin()
	defer batch.Abort()
	if w.packed {
		batch.Many()
	}
	var ids []digest.ID
	for _, content := range contents {
		id, err := batch.AddBytes([]byte(content))
		require.NoError(w.t, err)
		ids = append(ids, id)
	}
	require.NoError(w.t, batch.Commit(context.Background()))
	return ids
}

// addTree puts files with these names and contents in, and their tree.
func (w *world) addTree(files ...string) digest.Content {
	w.t.Helper()
	var tree cache.Tree
	for i := 0; i < len(files); i += 2 {
		id := w.add(files[i+1])[0]
		tree = append(tree, cache.FileEntry(files[i], digest.File, id, int64(len(files[i+1]))))
	}
	require.NoError(w.t, tree.Validate())
	w.add(string(tree.Encode()))
	return tree.Content()
}

// path returns where an object is on the disk.
func (w *world) path(id digest.ID) string { return w.Root().Path(w.Objects().Name(id)) }

// spoil changes an object's bytes as a bad disk would.
func (w *world) spoil(id digest.ID, change func([]byte) []byte) {
	w.t.Helper()
	object, err := w.Objects().Open(id)
	require.NoError(w.t, err)
	defer object.Close()
	content, err := io.ReadAll(object.Reader())
	require.NoError(w.t, err)
	name := w.Root().Path(object.Name)
	all, err := os.ReadFile(name)
	require.NoError(w.t, err)
	changed := change(bytes.Clone(content))
	if object.File == nil { // with its digest in front of it
		at := bytes.Index(all, append(append([]byte{}, id[:]...), binary.LittleEndian.AppendUint32(nil, uint32(len(content)))...)) + 36
		require.Len(w.t, changed, len(content))
		changed = append(append(all[:at:at], changed...), all[at+len(content):]...)
	}
	require.NoError(w.t, os.Chmod(name, 0o644))
	require.NoError(w.t, os.WriteFile(name, changed, 0o644))
	require.NoError(w.t, os.Chmod(name, 0o444))
}

// bothWays runs a test with objects in files of their own, and in packs.
func bothWays(t *testing.T, test func(t *testing.T, w *world)) {
	for _, packed := range []bool{false, true} {
		t.Run(fmt.Sprintf("packed=%v", packed), func(t *testing.T) {
			w := newWorld(t)
			w.packed = packed
			test(t, w)
		})
	}
}

func flip(content []byte) []byte {
	content[len(content)/2] ^= 1
	return content
}

func (w *world) has(id digest.ID) bool {
	w.t.Helper()
	found, err := w.Objects().Has(context.Background(), id)
	require.NoError(w.t, err)
	return found
}

func file(id digest.ID) digest.Content { return digest.Content{ID: id, Mode: digest.File} }

func bigTree(files int) cache.Tree {
	var tree cache.Tree
	for i := range files {
		path := fmt.Sprintf("images/class-%03d/%06d.png", i/100, i)
		tree = append(tree, cache.FileEntry(path, digest.File, digest.Sum([]byte(path)), int64(len(path))))
	}
	return tree
}

func TestOpen_createsNothing(t *testing.T) {
	dir := t.TempDir()
	c := openCache(t, dir)
	ctx := context.Background()
	whole, err := c.Has(ctx, file(idA))
	require.NoError(t, err)
	require.False(t, whole)
	_, err = c.ReadTree(ctx, idA)
	require.ErrorIs(t, err, store.ErrAbsent)
	require.ErrorIs(t, c.Link(ctx, idA, digest.File, openRoot(t, t.TempDir()), "x"), store.ErrAbsent)
	_, found, err := c.Recall(ctx, cache.Action{Lines: []string{"out x"}})
	require.NoError(t, err)
	require.False(t, found)
	_, _, found, err = c.Nearest(ctx, cache.Action{Lines: []string{"out x"}})
	require.NoError(t, err)
	require.False(t, found)
	require.NoError(t, c.Actions(ctx, nil))
	_, err = c.Verify(ctx, nil, nil)
	require.NoError(t, err)
	require.NoError(t, c.Flush())
	collected, err := c.Collect(ctx, keepNothing, cache.CollectOptions{Dry: true})
	require.NoError(t, err)
	require.Equal(t, cache.Collected{}, collected)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestOpen_refusesAnUnknownLink(t *testing.T) {
	_, err := cache.Open(openRoot(t, t.TempDir()), cache.Options{Links: []cache.LinkKind{"wormhole"}})
	require.ErrorContains(t, err, "wormhole")
}

func TestHas_wantsAllOfADirectory(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	content := w.addTree("a", "1", "b/c", "2", "b/d", "2")
	whole, err := w.Has(ctx, content)
	require.NoError(t, err)
	require.True(t, whole)

	two := digest.Sum([]byte("2"))
	require.NoError(t, w.Objects().Delete(ctx, two))
	missing, err := w.Missing(ctx, content)
	require.NoError(t, err)
	require.Equal(t, []digest.ID{two}, missing)

	require.NoError(t, w.Objects().Delete(ctx, content.ID))
	missing, err = w.Missing(ctx, content)
	require.NoError(t, err)
	require.Equal(t, []digest.ID{content.ID}, missing)

	whole, err = w.Has(ctx, digest.Content{})
	require.NoError(t, err)
	require.True(t, whole, "nothing needs nothing")
}

func TestMissing_corruptTreeIsMissing(t *testing.T) {
	w := newWorld(t)
	content := w.addTree("a", "1")
	w.spoil(content.ID, flip)
	missing, err := w.Missing(context.Background(), content)
	require.NoError(t, err)
	require.Equal(t, []digest.ID{content.ID}, missing)
	require.False(t, w.has(content.ID))
	require.FileExists(t, w.Root().Path("corrupt/"+content.ID.Hex()))
}

func TestMissing_ofManyIsThatOfEach(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	const files = 1400
	batch := w.Begin()
	defer batch.Abort()
	var tree cache.Tree
	want := map[digest.ID]bool{}
	for i := range files {
		name := fmt.Sprintf("%06d", i)
		id := digest.Sum([]byte(name))
		tree = append(tree, cache.FileEntry(name, digest.File, id, 6))
		if i%7 == 0 {
			want[id] = true
			continue
		}
		_, err := batch.AddBytes([]byte(name))
		require.NoError(t, err)
	}
	_, err := batch.AddBytes(tree.Encode())
	require.NoError(t, err)
	require.NoError(t, batch.Commit(ctx))

	missing, err := w.Missing(ctx, tree.Content())
	require.NoError(t, err)
	got := map[digest.ID]bool{}
	for _, id := range missing {
		got[id] = true
	}
	require.Equal(t, want, got)
	require.Len(t, missing, len(want))
}

func TestReadTree_isVerified(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]func([]byte) []byte{
		"flipped":   flip,
		"emptied":   func([]byte) []byte { return nil },
		"cut":       func(content []byte) []byte { return content[:len(content)-3] },
		"longer":    func(content []byte) []byte { return append(content, "dir z\n"...) },
		"all zeros": func(content []byte) []byte { return make([]byte, len(content)) },
	} {
		w := newWorld(t)
		content := w.addTree("a", "1")
		w.spoil(content.ID, change)
		_, err := w.ReadTree(ctx, content.ID)
		var corrupt *store.CorruptError
		require.ErrorAs(t, err, &corrupt, name)
		require.Equal(t, content.ID, corrupt.Want, name)
		require.NotEqual(t, content.ID, corrupt.Got, name)
		_, err = w.ReadTree(ctx, content.ID)
		require.ErrorIs(t, err, store.ErrAbsent, name)

		require.Equal(t, content, w.addTree("a", "1"), "another copy takes its place")
		_, err = w.ReadTree(ctx, content.ID)
		require.NoError(t, err, name)
	}
}

func TestReadTree_refusesAHostileTree(t *testing.T) {
	w := newWorld(t)
	id := w.add("flow tree v1\nfile " + idA.Hex() + " 1 ../victim\n")[0]
	_, err := w.ReadTree(context.Background(), id)
	var bad *cache.TreeError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, id, bad.ID)
	require.Equal(t, 2, bad.Line)
	_, err = w.Has(context.Background(), digest.Content{ID: id, Mode: digest.Dir})
	require.ErrorAs(t, err, &bad)
	require.True(t, w.has(id), "its bytes are as they were stored")
}

func BenchmarkHas_20000Files(b *testing.B) {
	ctx := context.Background()
	w := newWorld(b)
	tree := bigTree(20_000)
	batch := w.Begin()
	for _, entry := range tree {
		if _, err := batch.AddBytes([]byte(entry.Path)); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := batch.AddBytes(tree.Encode()); err != nil {
		b.Fatal(err)
	}
	require.NoError(b, batch.Commit(ctx))
	content := tree.Content()
	for b.Loop() {
		if whole, err := w.Has(ctx, content); err != nil || !whole {
			b.Fatal(whole, err)
		}
	}
}

// snapshot returns the names and contents of all files below a folder.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	}))
	return files
}
