package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/store"
)

// fsck returns what Verify finds wrong, by object.
func (w *world) fsck(roots ...digest.Content) (map[digest.ID]error, cache.Verified) {
	w.t.Helper()
	found := map[digest.ID]error{}
	verified, err := w.Verify(context.Background(), roots, func(id digest.ID, err error) { found[id] = errors.Join(found[id], err) })
	require.NoError(w.t, err)
	return found, verified
}

func TestVerify_findsEveryCorruptObject(t *testing.T) { bothWays(t, verifyFindsEveryCorruptObject) }

func verifyFindsEveryCorruptObject(t *testing.T, w *world) {
	var contents []string
	for i := range 200 {
		contents = append(contents, fmt.Sprintf("object %d", i))
	}
	ids := w.add(contents...)
	tree := w.addTree("a", "object 0", "b", "object 1")
	found, verified := w.fsck(tree)
	require.Empty(t, found)
	require.Equal(t, 201, verified.Objects)
	require.Equal(t, 1, verified.Trees)

	for i, id := range ids {
		if i%2 == 0 {
			w.spoil(id, flip)
		}
	}
	found, _ = w.fsck(tree)
	for i, id := range ids {
		var corrupt *store.CorruptError
		require.Equal(t, i%2 == 0, errors.As(found[id], &corrupt))
		require.Equal(t, i%2 == 0, !w.has(id))
	}
	require.ErrorIs(t, found[ids[0]], store.ErrAbsent, "and the tree that names it misses it")
	require.Len(t, found, 100)
}

// TestVerify_damagedPack: what a damaged pack still holds is kept, and what it no longer does
// is missing.
func TestVerify_damagedPack(t *testing.T) {
	w := newWorld(t)
	w.packed = true
	tree := w.addTree("a", "object 0", "b", "object 1")
	packs, err := os.ReadDir(w.Root().Path("objects/packs"))
	require.NoError(t, err)
	lost := 0
	for _, one := range packs {
		name := w.Root().Path("objects/packs/" + one.Name())
		require.NoError(t, os.Chmod(name, 0o644))
		require.NoError(t, os.Truncate(name, 40))
		lost++
	}
	again := &world{Cache: openCache(t, w.Root().Dir()), t: t, work: w.work}
	var told []error
	_, err = again.Verify(context.Background(), []digest.Content{tree}, func(_ digest.ID, err error) { told = append(told, err) })
	require.NoError(t, err)
	var damaged *store.PackError
	require.ErrorAs(t, errors.Join(told...), &damaged)
	require.ErrorIs(t, errors.Join(told...), store.ErrAbsent)
	require.NoFileExists(t, damaged.File)
	require.Equal(t, 3, lost)
	found, _ := again.fsck()
	require.Empty(t, found)
}

func TestVerify_decodesTreesAndRecords(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	hostile := digest.Content{ID: w.add("flow tree v1\ndir ../x\n")[0], Mode: digest.Dir}
	absent := digest.Content{ID: idA, Mode: digest.File}
	require.NoError(t, w.Remember(ctx, trainAction("1"), trained(hostile, 1)))
	require.NoError(t, w.Remember(ctx, trainAction("2"), trained(digest.Content{ID: idB, Mode: digest.Dir}, 1)))
	found, _ := w.fsck(absent)
	var bad *cache.TreeError
	require.ErrorAs(t, found[hostile.ID], &bad)
	require.ErrorIs(t, found[idA], store.ErrAbsent)
	require.Len(t, found, 2, "a result whose objects are not here is no fault")

	for name := range snapshot(t, w.Root().Path("actions")) {
		require.NoError(t, os.Truncate(name, 20))
	}
	found, _ = w.fsck()
	var damaged *cache.RecordError
	require.ErrorAs(t, found[digest.ID{}], &damaged)
	require.NoFileExists(t, damaged.File)
	kept, err := os.ReadDir(w.Root().Path("corrupt"))
	require.NoError(t, err)
	require.Len(t, kept, 2, "both are kept for a look")
	found, _ = w.fsck()
	require.Empty(t, found, "what is only a cache is told of once")
	require.NoError(t, w.Remember(ctx, trainAction("1"), trained(hostile, 1)))
}

func TestVerify_stopsWhenToldTo(t *testing.T) {
	w := newWorld(t)
	w.add("x", "y")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := w.Verify(ctx, nil, func(digest.ID, error) { t.Error("nothing is wrong") })
	require.ErrorIs(t, err, context.Canceled)
}
