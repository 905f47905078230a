package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/pack"
	"flow/pkg/store"
	"flow/pkg/store/storetest"
)

// packing is a Files that puts every small object into a pack.
type packing struct{ *store.Files }

func (p packing) Put(ctx context.Context, id digest.ID, r io.Reader) error {
	batch := p.Begin()
	defer batch.Abort()
	batch.Many()
	if err := batch.Put(ctx, id, r); err != nil {
		return err
	}
	return batch.Commit(ctx)
}

func TestFiles_packed(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.Store { return packing{newFiles(t)} })
}

// again returns the same folder as another process sees it.
func again(files *store.Files) *store.Files { return store.NewFiles(files.Root(), "cache/objects") }

// putMany stores contents in one batch, packed, and returns their digests.
func putMany(t testing.TB, files *store.Files, contents ...string) []digest.ID {
	t.Helper()
	batch := files.Begin()
	defer batch.Abort()
	batch.Many()
	var ids []digest.ID
	for _, content := range contents {
		id, err := batch.AddBytes([]byte(content))
		require.NoError(t, err)
		ids = append(ids, id)
	}
	require.NoError(t, batch.Commit(t.Context()))
	return ids
}

// packNames returns the names of the packs.
func packNames(t testing.TB, files *store.Files) []string {
	t.Helper()
	entries, err := os.ReadDir(files.Root().Path("cache/objects/packs"))
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// TestBatch_packsWhatIsMuch: many small objects make few files, a few make one each, and
// what is large or may have to be linked is never packed.
func TestBatch_packsWhatIsMuch(t *testing.T) {
	count := func(many, size int, loose bool) int {
		files := newFiles(t)
		if loose {
			files.KeepLoose()
		}
		batch := files.Begin()
		for i := range many {
			_, err := batch.AddBytes(append(fmt.Append(nil, i, " "), make([]byte, size)...))
			require.NoError(t, err)
		}
		require.NoError(t, batch.Commit(t.Context()))
		require.Len(t, storetest.All(t, files), many)
		requireWhole(t, again(files))
		return len(fileNames(t, files))
	}
	require.Equal(t, 100, count(100, 10, false))
	require.Equal(t, 257, count(800, 10, false))
	require.Equal(t, 400, count(400, 10, true))
	require.Equal(t, 300, count(300, 70_000, false))
}

// fileNames returns the names of all files below a store's folder.
func fileNames(t testing.TB, files *store.Files) []string {
	t.Helper()
	var names []string
	folders, err := files.Root().ReadDir("cache/objects")
	require.NoError(t, err)
	for _, folder := range folders {
		entries, err := files.Root().ReadDir("cache/objects/" + folder.Name())
		require.NoError(t, err)
		for _, entry := range entries {
			names = append(names, folder.Name()+"/"+entry.Name())
		}
	}
	return names
}

// TestFiles_packsOfOthers: what another process packs is seen, and what it takes out of a
// pack is gone, at once.
func TestFiles_packsOfOthers(t *testing.T) {
	ctx := t.Context()
	ours := newFiles(t)
	theirs := again(ours)
	for round := range 20 {
		one, two := fmt.Sprint("one ", round), fmt.Sprint("two ", round)
		ids := putMany(t, theirs, one, two)
		require.Equal(t, one, string(storetest.Get(t, ours, ids[0])))
		require.NoError(t, theirs.Delete(ctx, ids[0]))
		has, err := ours.Has(ctx, ids[0])
		require.NoError(t, err)
		require.False(t, has)
		require.Equal(t, two, string(storetest.Get(t, ours, ids[1])))
		rest, err := ours.NotPacked(slices.SortedFunc(slices.Values(ids), func(a, b digest.ID) int { return bytes.Compare(a[:], b[:]) }))
		require.NoError(t, err)
		require.Equal(t, ids[:1], rest)
	}
}

// TestFiles_openPackGoes: a pack that is rewritten while an object of it is open, or known,
// loses nothing for who reads.
func TestFiles_openPackGoes(t *testing.T) {
	ours := newFiles(t)
	theirs := again(ours)
	ids := putMany(t, ours, "stays", "goes")
	object, err := ours.Open(ids[0])
	require.NoError(t, err)
	defer object.Close()
	require.NoError(t, theirs.Remove(t.Context(), ids[1:]))
	content, err := io.ReadAll(object.Reader())
	require.NoError(t, err)
	require.Equal(t, "stays", string(content))
	require.Equal(t, "stays", string(storetest.Get(t, ours, ids[0])))
}

// TestFiles_removeIsExact: whatever is removed, all else stays, at every call at which the
// disk may fail.
func TestFiles_removeIsExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		root, err := disk.OpenRoot(t.TempDir())
		require.NoError(r, err)
		defer root.Close()
		files := store.NewFiles(root, "cache/objects")
		var ids []digest.ID
		for range rapid.IntRange(1, 3).Draw(r, "packs") {
			var contents []string
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 20), 1, 8).Draw(r, "objects") {
				contents = append(contents, fmt.Sprint("object ", n))
			}
			if rapid.Bool().Draw(r, "packed") {
				ids = append(ids, putMany(t, files, contents...)...)
				continue
			}
			for _, content := range contents {
				ids = append(ids, storetest.Put(t, files, []byte(content)))
			}
		}
		var gone []digest.ID
		want := map[digest.ID]bool{}
		remove := map[digest.ID]bool{}
		for _, id := range ids {
			if _, drawn := remove[id]; !drawn {
				remove[id] = rapid.Bool().Draw(r, "remove")
			}
			if remove[id] {
				gone = append(gone, id)
			} else {
				want[id] = true
			}
		}
		faulty := disk.NewFaulty(disk.OS(root), rapid.IntRange(1, 40).Draw(r, "fails at"), errInjected)
		err = store.NewFiles(disk.NewRoot(faulty, root.Dir()), "cache/objects").Remove(t.Context(), gone)
		after := storetest.All(t, again(files))
		for id := range want {
			require.Contains(r, after, id)
		}
		requireWhole(t, again(files))
		if err == nil {
			require.Len(r, after, len(want))
		}
		require.NoError(r, again(files).Remove(t.Context(), gone))
		require.Len(r, storetest.All(t, again(files)), len(want))
	})
}

// TestFiles_removeAndPowerLoss: what stays in a pack that is written anew is never lost.
func TestFiles_removeAndPowerLoss(t *testing.T) {
	for n := 1; ; n++ {
		whole := disk.NewCrashing()
		files := store.NewFiles(disk.NewRoot(whole, "/"), "cache/objects")
		ids := putMany(t, files, "stays", "goes", "stays, too")
		before := whole.Calls()
		whole.StopAt(before + n)
		err := files.Remove(t.Context(), ids[1:2])
		for seed := range uint64(5) {
			after := store.NewFiles(disk.NewRoot(whole.Crash(seed), "/"), "cache/objects")
			require.Equal(t, "stays", string(storetest.Get(t, after, ids[0])), "call %d", n)
			require.Equal(t, "stays, too", string(storetest.Get(t, after, ids[2])), "call %d", n)
		}
		if whole.Calls() < before+n {
			require.NoError(t, err)
			break
		}
	}
}

// TestFiles_packThatCantBeRead: what else there is can be had and added, what is missed is told
// why, and nothing is taken for gone.
func TestFiles_packThatCantBeRead(t *testing.T) {
	ctx := t.Context()
	files := newFiles(t)
	hidden := putMany(t, files, "hidden")
	name := "packs/" + packNames(t, files)[0]
	shown := putMany(t, files, "shown")
	loose := storetest.Put(t, files, []byte("loose"))
	root := disk.NewRoot(locked{disk.OS(files.Root()), "cache/objects/" + name, false}, files.Root().Dir())
	partly := store.NewFiles(root, "cache/objects")
	for _, id := range append(shown, loose) {
		require.NotEmpty(t, storetest.Get(t, partly, id))
		has, err := partly.Has(ctx, id)
		require.NoError(t, err)
		require.True(t, has)
	}
	var told *store.PackError
	_, err := partly.Has(ctx, hidden[0])
	require.ErrorAs(t, err, &told)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, name)
	_, err = partly.Open(hidden[0])
	require.ErrorAs(t, err, &told)
	listed := 0
	require.ErrorAs(t, partly.List(ctx, func(digest.ID, int64) error { listed++; return nil }), &told)
	require.Equal(t, 2, listed)
	added := putMany(t, partly, "hidden", "more")
	require.Equal(t, "hidden", string(storetest.Get(t, partly, added[0])))
	require.Len(t, storetest.All(t, again(files)), 4)
}

// TestFiles_Mend: whatever becomes of a pack's bytes, no object reads otherwise than it was
// without being noticed, and what is whole in front of the damage is saved.
func TestFiles_Mend(t *testing.T) {
	var contents []string
	for i := range 20 {
		contents = append(contents, fmt.Sprintf("object %02d", i))
	}
	for _, part := range []float64{0, 0.3, 0.7, 0.99} {
		files := newFiles(t)
		ids := putMany(t, files, contents...)
		name := "cache/objects/packs/" + packNames(t, files)[0]
		require.NoError(t, os.Chmod(files.Root().Path(name), 0o644))
		info, err := os.Stat(files.Root().Path(name))
		require.NoError(t, err)
		require.NoError(t, os.Truncate(files.Root().Path(name), int64(part*float64(info.Size()))))
		require.Empty(t, storetest.All(t, again(files)), "a pack without its index is none")

		told, err := again(files).Mend(t.Context(), "corrupt")
		require.NoError(t, err)
		require.Len(t, told, 1)
		require.NoError(t, told[0].Err)
		require.Len(t, storetest.All(t, again(files)), told[0].Saved)
		if part == 0.99 {
			require.Equal(t, len(ids), told[0].Saved)
		}
		requireWhole(t, again(files))
		if told[0].Saved < len(ids) { // else the new pack is the same, and in its place
			require.FileExists(t, files.Root().Path("corrupt/pack-"+path.Base(name)))
		}
		told, err = again(files).Mend(t.Context(), "corrupt")
		require.NoError(t, err)
		require.Empty(t, told)
		require.Equal(t, ids, putMany(t, again(files), contents...), "it can be stored anew")
		require.Len(t, storetest.All(t, again(files)), len(ids))
	}
}

// TestBatch_repairsWhatIsPacked: an object that is damaged in its pack is stored once more
// when it is added, and read from there.
func TestBatch_repairsWhatIsPacked(t *testing.T) {
	files := newFiles(t)
	ids := putMany(t, files, "object one", "object two")
	name := files.Root().Path("cache/objects/packs/" + packNames(t, files)[0])
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(name, 0o644))
	require.NoError(t, os.WriteFile(name, bytes.Replace(raw, []byte("object one"), []byte("object 1!!"), 1), 0o644))
	fresh := again(files)
	require.Equal(t, ids[0], storetest.Put(t, fresh, []byte("object one")))
	require.Equal(t, "object one", string(storetest.Get(t, again(files), ids[0])))
	putMany(t, fresh, "object one", "object three")
	require.NoError(t, again(files).RemoveDamaged(t.Context(), ids[0]))
	requireWhole(t, again(files))
	require.Len(t, storetest.All(t, again(files)), 3)
}

// TestBatch_packsSideBySide has several add what fills more than one pack. It would never end
// if one that begins a pack waited for one that asks what is packed.
func TestBatch_packsSideBySide(t *testing.T) {
	files := newFiles(t)
	batch := files.Begin()
	defer batch.Abort()
	batch.Many()
	const adders, each = 8, 2 * pack.FullPack / pack.SmallObject / 8
	failed := make(chan error, adders)
	for adder := range adders {
		go func() {
			content := make([]byte, pack.SmallObject)
			for i := range each {
				binary.LittleEndian.PutUint64(content, uint64(adder*each+i))
				if _, err := batch.AddBytes(content); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range adders {
		require.NoError(t, <-failed)
	}
	require.NoError(t, batch.Commit(t.Context()))
	count := 0
	require.NoError(t, files.List(t.Context(), func(digest.ID, int64) error { count++; return nil }))
	require.Equal(t, adders*each, count)
}
