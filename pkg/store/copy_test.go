package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/store"
	"flow/pkg/store/storetest"
)

// lying is a store that gives other bytes for some objects, and breaks at one.
type lying struct {
	store.Mem
	wrong  map[digest.ID]bool
	broken digest.ID
}

func (l *lying) Get(ctx context.Context, id digest.ID) (io.ReadCloser, error) {
	if id == l.broken {
		return nil, errInjected
	}
	if l.wrong[id] {
		return io.NopCloser(bytes.NewReader([]byte("wrong"))), nil
	}
	return l.Mem.Get(ctx, id)
}

func TestCopy(t *testing.T) {
	for name, to := range map[string]store.Store{"files": newFiles(t), "mem": &store.Mem{}} {
		t.Run(name, func(t *testing.T) {
			from := &store.Mem{}
			var ids []digest.ID
			var bytes int64
			for i := range 100 {
				content := fmt.Append(nil, "object ", i)
				ids = append(ids, storetest.Put(t, from, content))
				bytes += int64(len(content))
			}
			there := storetest.Put(t, to, []byte("object 0"))
			require.Equal(t, ids[0], there)
			told := map[digest.ID]int64{}
			stats, err := store.Copy(t.Context(), to, from, append(ids, ids...), store.CopyOptions{
				Jobs: 8, Done: func(id digest.ID, size int64) { told[id] = size },
			})
			require.NoError(t, err)
			require.Equal(t, store.Stats{Copied: 99, Bytes: bytes - 8, Present: 1}, stats)
			require.Len(t, told, 99)
			require.EqualValues(t, 9, told[ids[10]])
			require.Len(t, storetest.All(t, to), 100)
			requireWhole(t, to)
			stats, err = store.Copy(t.Context(), to, from, ids, store.CopyOptions{})
			require.NoError(t, err)
			require.Equal(t, store.Stats{Present: 100}, stats)
		})
	}
}

func TestCopy_absentAndCorrupt(t *testing.T) {
	for name, to := range map[string]store.Store{"files": newFiles(t), "mem": &store.Mem{}} {
		t.Run(name, func(t *testing.T) {
			from := &lying{}
			good := storetest.Put(t, from, []byte("good"))
			bad := storetest.Put(t, from, []byte("bad"))
			from.wrong = map[digest.ID]bool{bad: true}
			absent := digest.Sum([]byte("absent"))
			stats, err := store.Copy(t.Context(), to, from, []digest.ID{absent, bad, good}, store.CopyOptions{})
			require.ErrorIs(t, err, store.ErrAbsent)
			var corrupt *store.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, bad, corrupt.Want)
			require.Equal(t, store.Stats{
				Copied: 1, Bytes: 4, Absent: []digest.ID{absent}, Corrupt: []digest.ID{bad},
			}, stats)
			require.Equal(t, map[digest.ID]int64{good: 4}, storetest.All(t, to))
		})
	}
}

// An error ends the copying, and what was copied until then stays.
func TestCopy_sourceBreaks(t *testing.T) {
	to, from := newFiles(t), &lying{}
	good := storetest.Put(t, from, []byte("good"))
	from.broken = storetest.Put(t, from, []byte("broken"))
	stats, err := store.Copy(t.Context(), to, from, []digest.ID{good, from.broken}, store.CopyOptions{Jobs: 1})
	require.ErrorIs(t, err, errInjected)
	require.ErrorContains(t, err, from.broken.String())
	require.Equal(t, 1, stats.Copied)
	require.Equal(t, map[digest.ID]int64{good: 4}, storetest.All(t, to))
	require.Empty(t, left(t, to))
}

func TestCopy_contextEnds(t *testing.T) {
	to, from := newFiles(t), &store.Mem{}
	ctx, cancel := context.WithCancelCause(t.Context())
	var ids []digest.ID
	for i := range 20 {
		ids = append(ids, storetest.Put(t, from, fmt.Append(nil, i)))
	}
	stop := errors.New("stop")
	stats, err := store.Copy(ctx, to, from, ids, store.CopyOptions{Jobs: 1, Done: func(digest.ID, int64) { cancel(stop) }})
	require.ErrorIs(t, err, stop)
	require.Less(t, stats.Copied, 20)
	require.Len(t, storetest.All(t, to), stats.Copied)
}
