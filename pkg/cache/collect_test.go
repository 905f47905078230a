package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

func keepNothing(context.Context) ([]digest.Content, error) { return nil, nil }

func keepThese(contents ...digest.Content) func(context.Context) ([]digest.Content, error) {
	return func(context.Context) ([]digest.Content, error) { return contents, nil }
}

func TestCollect_keepsTreesAndWhatTheyName(t *testing.T) {
	bothWays(t, collectKeepsTreesAndWhatTheyName)
}

func collectKeepsTreesAndWhatTheyName(t *testing.T, w *world) {
	ctx := context.Background()
	kept := w.addTree("a", "shared", "b", "mine")
	gone := w.addTree("a", "shared", "b", "theirs")
	loose := w.add("loose", "kept loose")
	require.NoError(t, w.Remember(ctx, trainAction("1"), trained(kept, 1)))
	require.NoError(t, w.Remember(ctx, trainAction("1"), trained(gone, 2)))
	require.NoError(t, w.Remember(ctx, trainAction("2"), trained(file(loose[0]), 3)))

	before := snapshot(t, w.Root().Dir())
	keep := keepThese(kept, file(loose[1]))
	dry, err := w.Collect(ctx, keep, cache.CollectOptions{Dry: true})
	require.NoError(t, err)
	require.Equal(t, before, snapshot(t, w.Root().Dir()), "a dry run changes nothing")
	require.Equal(t, cache.Collected{Objects: 3, Actions: 2, Bytes: int64(len("theirs")+len("loose")) + sizeOf(t, w, gone.ID)}, dry)

	real, err := w.Collect(ctx, keep, cache.CollectOptions{})
	require.NoError(t, err)
	require.Equal(t, dry, real)
	whole, err := w.Has(ctx, kept)
	require.NoError(t, err)
	require.True(t, whole)
	require.True(t, w.has(loose[1]))
	for _, id := range []digest.ID{gone.ID, digest.Sum([]byte("theirs")), loose[0]} {
		require.False(t, w.has(id))
	}
	result, found := w.recall(trainAction("1"))
	require.True(t, found)
	require.Equal(t, kept, result.Outs[0].Content)
	results := 0
	require.NoError(t, w.Actions(ctx, func(cache.Action, cache.Result) error { results++; return nil }))
	require.Equal(t, 1, results)

	again, err := w.Collect(ctx, keep, cache.CollectOptions{})
	require.NoError(t, err)
	require.Equal(t, cache.Collected{}, again)
}

func sizeOf(t *testing.T, w *world, id digest.ID) int64 {
	t.Helper()
	size, found, err := w.Objects().Stat(context.Background(), id)
	require.NoError(t, err)
	require.True(t, found)
	return size
}

func TestCollect_graceKeepsWhatIsYoung(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	old, young := w.add("old")[0], w.add("young")[0]
	tree := w.addTree("a", "old but in a young tree")
	used := w.add("old but just used")[0]
	for _, id := range []digest.ID{old, used, digest.Sum([]byte("old but in a young tree"))} {
		w.age(id, 48*time.Hour)
	}
	require.NoError(t, w.Remember(ctx, trainAction("1"), trained(file(used), time.Now().Unix())))
	require.NoError(t, w.Remember(ctx, trainAction("1"), trained(file(old), time.Now().Add(-48*time.Hour).Unix())))

	collected, err := w.Collect(ctx, keepNothing, cache.CollectOptions{Grace: 24 * time.Hour})
	require.NoError(t, err)
	require.Equal(t, cache.Collected{Objects: 1, Bytes: 3, Actions: 1}, collected)
	require.False(t, w.has(old))
	require.True(t, w.has(young))
	whole, err := w.Has(ctx, tree)
	require.NoError(t, err)
	require.True(t, whole)
	_, found := w.recall(trainAction("1"))
	require.True(t, found)

	collected, err = w.Collect(ctx, keepNothing, cache.CollectOptions{Grace: 24 * time.Hour, Now: time.Now().Add(25 * time.Hour)})
	require.NoError(t, err)
	require.Equal(t, 4, collected.Objects)
}

func TestCollect_notWhileTheCacheIsInUse(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	id := w.add("x")[0]
	lock, err := w.LockShared(ctx, "flow repro", nil)
	require.NoError(t, err)
	other, err := openCache(t, w.Root().Dir()).LockShared(ctx, "another repro", nil)
	require.NoError(t, err, "those who use it don't exclude each other")
	require.NoError(t, other.Unlock())

	asked := false
	keep := func(context.Context) ([]digest.Content, error) { asked = true; return nil, nil }
	_, err = w.Collect(ctx, keep, cache.CollectOptions{})
	var busy *disk.BusyError
	require.ErrorAs(t, err, &busy)
	require.False(t, asked)
	require.True(t, w.has(id))
	_, err = w.Collect(ctx, keep, cache.CollectOptions{Dry: true})
	require.NoError(t, err, "a dry run may look meanwhile")

	waited := ""
	_, err = w.Collect(ctx, keep, cache.CollectOptions{Waiting: func(holder string) {
		waited = holder
		require.NoError(t, lock.Unlock())
	}})
	require.NoError(t, err)
	require.NotEmpty(t, waited)
	require.False(t, w.has(id))
}

func TestCollect_holdsOthersOffWhileItMarks(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.add("x")
	_, err := w.Collect(ctx, func(context.Context) ([]digest.Content, error) {
		ended, cancel := context.WithCancel(ctx)
		_, err := w.LockShared(ended, "flow repro", func(string) { cancel() })
		var busy *disk.BusyError
		require.ErrorAs(t, err, &busy)
		return nil, nil
	}, cache.CollectOptions{Owner: "flow gc"})
	require.NoError(t, err)
}

func TestCollect_stopsWhenATreeToKeepIsCorrupt(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	tree := w.addTree("a", "1")
	other := w.add("other")[0]
	w.spoil(tree.ID, flip)
	_, err := w.Collect(ctx, keepThese(tree), cache.CollectOptions{})
	var corrupt *store.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.True(t, w.has(digest.Sum([]byte("1"))))
	require.True(t, w.has(other))

	boom := errors.New("no lock file")
	_, err = w.Collect(ctx, func(context.Context) ([]digest.Content, error) { return nil, boom }, cache.CollectOptions{})
	require.ErrorIs(t, err, boom)
	require.True(t, w.has(other))
}

func TestCollect_tellsOfTreesThatAreNotHere(t *testing.T) {
	w := newWorld(t)
	absent := digest.Content{ID: idA, Mode: digest.Dir}
	collected, err := w.Collect(context.Background(), keepThese(absent, absent, file(idB)), cache.CollectOptions{})
	require.NoError(t, err)
	require.Equal(t, []digest.ID{idA}, collected.Absent)
}

func TestCollect_aFileThatReadsLikeATreeIsStillATree(t *testing.T) {
	w := newWorld(t)
	tree := w.addTree("a", "1")
	_, err := w.Collect(context.Background(), keepThese(file(tree.ID), tree), cache.CollectOptions{})
	require.NoError(t, err)
	require.True(t, w.has(digest.Sum([]byte("1"))))
}

func TestCollect_keepsAllThatIsKept(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		var contents []digest.Content
		for i := range rapid.IntRange(0, 5).Draw(r, "contents") {
			w.packed = rapid.Bool().Draw(r, "packed")
			var files []string
			for _, content := range rapid.SliceOfNDistinct(rapid.IntRange(0, 6), 1, 4, rapid.ID).Draw(r, "files") {
				files = append(files, fmt.Sprintf("f%d", len(files)), fmt.Sprintf("content %d", content))
			}
			if rapid.Bool().Draw(r, "dir") {
				contents = append(contents, w.addTree(files...))
			} else {
				contents = append(contents, file(w.add(files[1])[0]))
			}
			action := trainAction(fmt.Sprint(rapid.IntRange(0, 2).Draw(r, "action")))
			require.NoError(r, w.Remember(ctx, action, trained(contents[i], int64(i))))
		}
		var keep []digest.Content
		for _, content := range contents {
			if rapid.Bool().Draw(r, "keep") {
				keep = append(keep, content)
			}
		}
		want := map[digest.ID]bool{}
		for _, content := range keep {
			want[content.ID] = true
			if content.Mode == digest.Dir {
				tree, err := w.ReadTree(ctx, content.ID)
				require.NoError(r, err)
				for _, id := range tree.IDs() {
					want[id] = true
				}
			}
		}
		_, err := w.Collect(ctx, keepThese(keep...), cache.CollectOptions{})
		require.NoError(r, err)
		got := map[digest.ID]bool{}
		require.NoError(r, w.Objects().List(ctx, func(id digest.ID, _ int64) error { got[id] = true; return nil }))
		require.Equal(r, want, got)
		require.NoError(r, w.Actions(ctx, func(_ cache.Action, result cache.Result) error {
			whole, err := w.Has(ctx, result.Outs[0].Content)
			require.NoError(r, err)
			require.True(r, whole, "what is remembered is here")
			return nil
		}))
	})
}

func TestCollect_onAFaultyDisk(t *testing.T) {
	ctx := context.Background()
	bothWays(t, func(t *testing.T, base *world) { collectOnAFaultyDisk(ctx, t, base.packed) })
}

func collectOnAFaultyDisk(ctx context.Context, t *testing.T, packed bool) {
	for n := 1; ; n++ {
		w := newWorld(t)
		w.packed = packed
		kept, gone := w.addTree("a", "kept"), w.addTree("a", "gone")
		for i, content := range []digest.Content{kept, gone} {
			require.NoError(t, w.Remember(ctx, trainAction("1"), trained(content, int64(i))))
			require.NoError(t, w.Remember(ctx, trainAction(fmt.Sprint(i)), trained(content, int64(i))))
		}
		faulty := disk.NewFaulty(disk.OS(w.Root()), n, syscall.EIO)
		c, err := cache.Open(disk.NewRoot(faulty, w.Root().Dir()), cache.Options{})
		require.NoError(t, err)
		_, err = c.Collect(ctx, keepThese(kept), cache.CollectOptions{})
		whole, hasErr := w.Has(ctx, kept)
		require.NoError(t, hasErr)
		require.True(t, whole)
		result, found := w.recall(trainAction("0"))
		require.True(t, found)
		require.Equal(t, kept, result.Outs[0].Content)
		if err == nil {
			require.False(t, w.has(gone.ID))
		}
		_, again := w.Collect(ctx, keepThese(kept), cache.CollectOptions{})
		require.NoError(t, again)
		require.False(t, w.has(gone.ID))
		if faulty.Calls() < n {
			require.NoError(t, err)
			break
		}
	}
}

func TestCollect_sweepsUnfinishedFiles(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.add("x")
	require.NoError(t, w.Remember(ctx, trainAction("1"), trained(digest.Content{ID: idA, Mode: digest.File}, 1)))
	var temps []string
	for name := range snapshot(t, w.Root().Path("actions")) {
		temps = append(temps, filepath.Join(filepath.Dir(name), ".flow-tmp-old"))
	}
	temps = append(temps, w.Root().Path("objects/.flow-tmp-old"), w.Root().Path(".flow-tmp-old"))
	for _, temp := range temps {
		require.NoError(t, os.WriteFile(temp, []byte("half"), 0o644))
		_, err := w.Collect(ctx, keepNothing, cache.CollectOptions{})
		require.NoError(t, err)
		require.FileExists(t, temp, "someone may be at work on it")
		long := time.Now().Add(-48 * time.Hour)
		require.NoError(t, os.Chtimes(temp, long, long))
		_, err = w.Collect(ctx, keepNothing, cache.CollectOptions{})
		require.NoError(t, err)
		require.NoFileExists(t, temp)
	}
}

func TestCollect_goesOnAroundDamageThatNobodyKeeps(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	used, loose := w.addTree("a", "1"), w.addTree("b", "2")
	hostile := w.add("flow tree v1\ndir ../x\n")[0]
	require.NoError(t, w.Remember(ctx, trainAction("1"), trained(used, time.Now().Unix())))
	w.spoil(used.ID, flip)
	w.spoil(loose.ID, flip)
	old := w.add("old")[0]
	w.age(old, 48*time.Hour)
	collected, err := w.Collect(ctx, keepNothing, cache.CollectOptions{Grace: time.Hour})
	require.NoError(t, err)
	require.Equal(t, 1, collected.Objects)
	require.False(t, w.has(old))
	require.True(t, w.has(hostile))
}

// age sets when an object was written.
func (w *world) age(id digest.ID, by time.Duration) {
	w.t.Helper()
	when := time.Now().Add(-by)
	require.NoError(w.t, os.Chtimes(w.path(id), when, when))
}
