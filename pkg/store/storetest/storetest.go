// Package storetest holds what every store must do, for a store's own tests.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/store"
)

// Test runs the suite; open returns a new, empty store for each part of it.
func Test(t *testing.T, open func(t *testing.T) store.Store) {
	for name, part := range map[string]func(t *testing.T, s store.Store){
		"empty":          empty,
		"round trip":     roundTrip,
		"put twice":      putTwice,
		"put wrong":      putWrong,
		"put broken":     putBroken,
		"delete":         deleted,
		"list":           list,
		"list stops":     listStops,
		"context":        ended,
		"concurrent":     concurrent,
		"concurrent one": concurrentOne,
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

// Meanwhile does something again and again beside a test, counting, until stop is called or
// the test ends.
func Meanwhile(t *testing.T, do func(i int64)) (stop func()) {
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := int64(0); ; i++ {
			select {
			case <-ended:
				return
			default:
				do(i)
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		close(ended)
		<-stopped
	})
	t.Cleanup(stop)
	return stop
}

// Contents are of sizes at which stores and hashes have edges.
func Contents() [][]byte {
	var contents [][]byte
	for _, size := range []int{0, 1, 1023, 1024, 1025, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1<<20 + 7} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i ^ i>>8 ^ size)
		}
		contents = append(contents, content)
	}
	return contents
}

// Put stores some bytes and returns their digest.
func Put(t testing.TB, s store.Store, content []byte) digest.ID {
	t.Helper()
	id := digest.Sum(content)
	require.NoError(t, s.Put(t.Context(), id, bytes.NewReader(content)))
	return id
}

// Get returns the bytes of an object.
func Get(t testing.TB, s store.Store, id digest.ID) []byte {
	t.Helper()
	object, err := s.Get(t.Context(), id)
	require.NoError(t, err)
	content, err := io.ReadAll(object)
	require.NoError(t, err)
	require.NoError(t, object.Close())
	return content
}

// All returns what List tells.
func All(t testing.TB, s store.Store) map[digest.ID]int64 {
	t.Helper()
	all := map[digest.ID]int64{}
	require.NoError(t, s.List(t.Context(), func(id digest.ID, size int64) error {
		require.NotContains(t, all, id, "listed twice")
		all[id] = size
		return nil
	}))
	return all
}

// requireAbsent checks that a store hasn't an object, and says so everywhere.
func requireAbsent(t *testing.T, s store.Store, id digest.ID) {
	t.Helper()
	has, err := s.Has(t.Context(), id)
	require.NoError(t, err)
	require.False(t, has)
	_, err = s.Get(t.Context(), id)
	require.ErrorIs(t, err, store.ErrAbsent)
	require.ErrorContains(t, err, id.String())
	require.NotContains(t, All(t, s), id)
}

func empty(t *testing.T, s store.Store) {
	requireAbsent(t, s, digest.Sum([]byte("x")))
	requireAbsent(t, s, digest.ID{})
	require.NoError(t, s.Delete(t.Context(), digest.Sum([]byte("x"))))
	require.Empty(t, All(t, s))
}

func roundTrip(t *testing.T, s store.Store) {
	contents := Contents()
	for _, content := range contents {
		Put(t, s, content)
	}
	for _, content := range contents {
		id := digest.Sum(content)
		has, err := s.Has(t.Context(), id)
		require.NoError(t, err)
		require.True(t, has)
		require.True(t, bytes.Equal(content, Get(t, s, id)))
	}
	require.Len(t, All(t, s), len(contents))
}

func putTwice(t *testing.T, s store.Store) {
	id := Put(t, s, []byte("content"))
	Put(t, s, []byte("content"))
	require.Equal(t, "content", string(Get(t, s, id)))
	require.Equal(t, map[digest.ID]int64{id: 7}, All(t, s))
}

func putWrong(t *testing.T, s store.Store) {
	kept := Put(t, s, []byte("kept"))
	for _, content := range Contents() {
		for _, id := range []digest.ID{digest.Sum([]byte("other")), kept} {
			err := s.Put(t.Context(), id, bytes.NewReader(content))
			var corrupt *store.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, id, corrupt.Want)
			require.Equal(t, digest.Sum(content), corrupt.Got)
		}
		requireAbsent(t, s, digest.Sum(content))
	}
	requireAbsent(t, s, digest.Sum([]byte("other")))
	require.Equal(t, "kept", string(Get(t, s, kept)))
	require.Equal(t, map[digest.ID]int64{kept: 4}, All(t, s))
}

// A reader that breaks off leaves nothing, even if what it gave is what was asked for.
func putBroken(t *testing.T, s store.Store) {
	broken := errors.New("broken")
	for _, content := range Contents() {
		id := digest.Sum(content)
		r := io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken))
		require.ErrorIs(t, s.Put(t.Context(), id, r), broken)
		requireAbsent(t, s, id)
	}
}

func deleted(t *testing.T, s store.Store) {
	id, other := Put(t, s, []byte("content")), Put(t, s, []byte("other"))
	require.NoError(t, s.Delete(t.Context(), id))
	requireAbsent(t, s, id)
	require.NoError(t, s.Delete(t.Context(), id))
	require.Equal(t, "other", string(Get(t, s, other)))
	Put(t, s, []byte("content"))
	require.Equal(t, "content", string(Get(t, s, id)))
}

func list(t *testing.T, s store.Store) {
	want := map[digest.ID]int64{}
	for i := range 300 {
		content := strings.Repeat("x", i)
		want[Put(t, s, []byte(content))] = int64(i)
	}
	require.Equal(t, want, All(t, s))
	require.NoError(t, s.List(t.Context(), func(id digest.ID, _ int64) error {
		return s.Delete(t.Context(), id)
	}), "an object may be deleted while it is listed")
	require.Empty(t, All(t, s))
}

func listStops(t *testing.T, s store.Store) {
	Put(t, s, []byte("one"))
	Put(t, s, []byte("two"))
	enough := errors.New("enough")
	calls := 0
	err := s.List(t.Context(), func(digest.ID, int64) error {
		calls++
		return enough
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, 1, calls)
}

func ended(t *testing.T, s store.Store) {
	id := Put(t, s, []byte("content"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Has(ctx, id)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Get(ctx, id)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Put(ctx, digest.Sum(nil), bytes.NewReader(nil)), context.Canceled)
	require.ErrorIs(t, s.List(ctx, func(digest.ID, int64) error { return nil }), context.Canceled)
	require.ErrorIs(t, s.Delete(ctx, id), context.Canceled)
	require.Equal(t, map[digest.ID]int64{id: 7}, All(t, s))
}

func concurrent(t *testing.T, s store.Store) {
	inParallel(t, 8, func(worker int) error {
		for i := range 20 {
			content := fmt.Appendf(nil, "%d %d", worker/2, i) // each by two workers
			if err := s.Put(t.Context(), digest.Sum(content), bytes.NewReader(content)); err != nil {
				return err
			}
		}
		return nil
	})
	require.Len(t, All(t, s), 80)
}

func concurrentOne(t *testing.T, s store.Store) {
	content := bytes.Repeat([]byte("x"), 1<<20)
	id := digest.Sum(content)
	inParallel(t, 4, func(int) error {
		if err := s.Put(t.Context(), id, bytes.NewReader(content)); err != nil {
			return err
		}
		object, err := s.Get(t.Context(), id)
		if err != nil {
			return err
		}
		defer object.Close()
		got, err := io.ReadAll(object)
		if err == nil && !bytes.Equal(got, content) {
			err = errors.New("other content was read")
		}
		return err
	})
	require.Equal(t, map[digest.ID]int64{id: 1 << 20}, All(t, s))
}

// inParallel runs do by several goroutines.
func inParallel(t *testing.T, workers int, do func(worker int) error) {
	t.Helper()
	errs := make([]error, workers)
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() { errs[worker] = do(worker) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
}
