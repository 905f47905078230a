package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

func trainAction(lr string) cache.Action {
	return cache.Action{Lines: []string{
		"flow action v1", "cmd python train.py", "dep data.csv file " + idA.String(),
		cache.Line("param", "params.yaml", "lr", lr), "out model.pkl",
	}}
}

func trained(content digest.Content, at int64) cache.Result {
	return cache.Result{Stage: "train", Time: time.Unix(at, 0).UTC(), Outs: []cache.ResultOut{{Path: "model.pkl", Content: content}}}
}

func (w *world) recall(action cache.Action) (cache.Result, bool) {
	w.t.Helper()
	result, found, err := w.Recall(context.Background(), action)
	require.NoError(w.t, err)
	return result, found
}

func TestRecall_newestWholeResult(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	action := trainAction("0.1")
	_, found := w.recall(action)
	require.False(t, found)

	one, two := w.add("one")[0], w.add("two")[0]
	three := w.addTree("vocab", "3", "weights", "three")
	for i, content := range []digest.Content{file(one), file(two), three} {
		require.NoError(t, w.Remember(ctx, action, trained(content, int64(i))))
	}
	result, found := w.recall(action)
	require.True(t, found)
	require.Equal(t, trained(three, 2), result)

	require.NoError(t, w.Objects().Delete(ctx, digest.Sum([]byte("3"))))
	result, _ = w.recall(action)
	require.Equal(t, trained(file(two), 1), result, "a directory of which a file is gone is not whole")

	require.NoError(t, w.Remember(ctx, action, trained(file(one), 9)))
	result, _ = w.recall(action)
	require.Equal(t, trained(file(one), 9), result, "made again, it is the newest")

	require.NoError(t, w.Objects().Delete(ctx, one))
	require.NoError(t, w.Objects().Delete(ctx, two))
	_, found = w.recall(action)
	require.False(t, found)
	_, found = w.recall(trainAction("0.2"))
	require.False(t, found)
}

func TestRecall_corruptTreeIsNotWhole(t *testing.T) {
	w := newWorld(t)
	content := w.addTree("weights", "x")
	require.NoError(t, w.Remember(context.Background(), trainAction("1"), trained(content, 1)))
	w.spoil(content.ID, flip)
	_, found := w.recall(trainAction("1"))
	require.False(t, found)
}

func TestRemember_aDamagedRecordIsNoRecord(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	action := trainAction("0.1")
	content := file(w.add("one")[0])
	require.NoError(t, w.Remember(ctx, action, trained(content, 1)))
	records := snapshot(t, w.Root().Path("actions"))
	require.Len(t, records, 1)
	for name, text := range records {
		for _, damaged := range []string{"", text[:len(text)/2], text[:len(text)-1], "\x00" + text[1:], text + text, "flow record v2\n"} {
			require.NoError(t, os.WriteFile(name, []byte(damaged), 0o644))
			_, found := w.recall(action)
			require.False(t, found)
			_, _, found, err := w.Nearest(ctx, action)
			require.NoError(t, err)
			require.False(t, found)
			require.NoError(t, w.Actions(ctx, func(cache.Action, cache.Result) error { return errors.New("none") }))

			require.NoError(t, w.Remember(ctx, action, trained(content, 2)))
			result, found := w.recall(action)
			require.True(t, found)
			require.Equal(t, trained(content, 2), result)
		}
	}
}

func TestRecall_aRecordUnderAnotherNameIsNotBelieved(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	content := file(w.add("one")[0])
	require.NoError(t, w.Remember(ctx, trainAction("0.1"), trained(content, 1)))
	require.NoError(t, w.Remember(ctx, trainAction("0.2"), trained(content, 1)))
	records := snapshot(t, w.Root().Path("actions"))
	var names []string
	for name := range records {
		names = append(names, name)
	}
	require.NoError(t, os.WriteFile(names[0], []byte(records[names[1]]), 0o644))
	_, first := w.recall(trainAction("0.1"))
	_, second := w.recall(trainAction("0.2"))
	require.True(t, first != second, "exactly one is whole")
}

func TestRemember_refusesWhatMustNotBeRestored(t *testing.T) {
	w := newWorld(t)
	good := digest.Content{ID: idA, Mode: digest.File, Size: 1}
	for name, out := range map[string]cache.ResultOut{
		"outside":  {Path: "../x", Content: good},
		"git":      {Path: ".git/hooks/post-checkout", Content: good},
		"nothing":  {Path: "x"},
		"no id":    {Path: "x", Content: digest.Content{Mode: digest.File}},
		"negative": {Path: "x", Content: digest.Content{ID: idA, Mode: digest.File, Size: -1}},
	} {
		err := w.Remember(context.Background(), trainAction("1"), cache.Result{Stage: "train", Outs: []cache.ResultOut{out}})
		require.ErrorContains(t, err, "train", name)
	}
	require.Empty(t, snapshot(t, w.Root().Dir()))
}

func TestNearest_givesTheLinesThatDiffer(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	content := file(w.add("one")[0])
	far := trainAction("0.1")
	far.Lines[1] = "cmd python old.py"
	require.NoError(t, w.Remember(ctx, far, trained(content, 9)))
	require.NoError(t, w.Remember(ctx, trainAction("0.2"), trained(content, 2)))
	require.NoError(t, w.Remember(ctx, trainAction("0.1"), trained(content, 3)))
	other := cache.Action{Lines: []string{"flow action v1", "out other"}}
	require.NoError(t, w.Remember(ctx, other, trained(content, 10)))

	action, diffs, found, err := w.Nearest(ctx, trainAction("0.3"))
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, trainAction("0.1"), action, "of two as near the newer")
	require.Equal(t, []cache.LineDiff{{Was: "param params.yaml lr 0.1", Is: "param params.yaml lr 0.3"}}, diffs)
}

func TestActions_givesEveryResult(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	var want []string
	for i := range 20 {
		action := trainAction(strconv.Itoa(i % 10))
		content := digest.Content{ID: digest.Sum([]byte{byte(i)}), Mode: digest.File, Size: 1}
		require.NoError(t, w.Remember(ctx, action, trained(content, int64(i))))
		want = append(want, fmt.Sprint(action, trained(content, int64(i))))
	}
	var got []string
	require.NoError(t, w.Actions(ctx, func(action cache.Action, result cache.Result) error {
		got = append(got, fmt.Sprint(action, result))
		return nil
	}))
	require.ElementsMatch(t, want, got)
	stop := errors.New("enough")
	require.ErrorIs(t, w.Actions(ctx, func(cache.Action, cache.Result) error { return stop }), stop)
}

func TestRemember_manyAtOnceLoseNone(t *testing.T) {
	w := newWorld(t)
	again := openCache(t, w.Root().Dir()) // as another process would
	var ids []digest.ID
	for i := range 12 {
		ids = append(ids, w.add(strconv.Itoa(i))[0])
	}
	var group sync.WaitGroup
	errs := make([]error, len(ids))
	for i, id := range ids {
		group.Go(func() {
			errs[i] = []*cache.Cache{w.Cache, again}[i%2].Remember(context.Background(), trainAction("1"), trained(file(id), int64(i)))
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	results := 0
	require.NoError(t, w.Actions(context.Background(), func(cache.Action, cache.Result) error { results++; return nil }))
	require.Equal(t, len(ids), results)
}

func TestRemember_onAFaultyDisk(t *testing.T) {
	ctx := context.Background()
	for _, had := range []bool{false, true} {
		for n := 1; ; n++ {
			w := newWorld(t)
			ids := w.add("old", "new")
			old, now := trained(file(ids[0]), 1), trained(file(ids[1]), 2)
			if had {
				require.NoError(t, w.Remember(ctx, trainAction("1"), old))
			}
			faulty := disk.NewFaulty(disk.OS(w.Root()), n, syscall.EIO)
			c, err := cache.Open(disk.NewRoot(faulty, w.Root().Dir()), cache.Options{})
			require.NoError(t, err)
			err = c.Remember(ctx, trainAction("1"), now)

			result, found := w.recall(trainAction("1"))
			switch {
			case err == nil:
				require.Equal(t, now, result)
			case found && result.Time.Equal(now.Time):
				require.Equal(t, now, result)
			default:
				require.ErrorIs(t, err, syscall.EIO)
				require.Equal(t, had, found)
				if had {
					require.Equal(t, old, result)
				}
			}
			require.NoError(t, w.Remember(ctx, trainAction("1"), now), "what is left doesn't stop the next one")
			result, _ = w.recall(trainAction("1"))
			require.Equal(t, now, result)
			if faulty.Calls() < n {
				require.NoError(t, err)
				break
			}
		}
	}
}

func TestRemember_survivesAPowerLoss(t *testing.T) {
	ctx := context.Background()
	open := func(fsys disk.FS) *cache.Cache {
		c, err := cache.Open(disk.NewRoot(fsys, "/cache"), cache.Options{})
		require.NoError(t, err)
		return c
	}
	ids := []digest.ID{digest.Sum([]byte("old")), digest.Sum([]byte("new"))}
	old, now := trained(file(ids[0]), 1), trained(file(ids[1]), 2)
	for stop := 1; ; stop++ {
		fsys := disk.NewCrashing()
		c := open(fsys)
		batch := c.Begin()
		for _, content := range []string{"old", "new"} {
			_, err := batch.AddBytes([]byte(content))
			require.NoError(t, err)
		}
		require.NoError(t, batch.Commit(ctx))
		require.NoError(t, c.Remember(ctx, trainAction("1"), old))
		before := fsys.Calls()
		fsys.StopAt(before + stop)
		remembered := c.Remember(ctx, trainAction("1"), now)
		for seed := range uint64(8) {
			result, found, err := open(fsys.Crash(seed)).Recall(ctx, trainAction("1"))
			require.NoError(t, err)
			require.True(t, found)
			if remembered == nil || !result.Time.Equal(old.Time) {
				require.Equal(t, now, result)
			} else {
				require.Equal(t, old, result)
			}
		}
		if remembered == nil {
			break
		}
	}
}
