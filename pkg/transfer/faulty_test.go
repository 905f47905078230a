package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/bucket"
	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/remote"
	"flow/pkg/store"
	"flow/pkg/store/storetest"
)

// fault is what goes wrong with one call.
type fault int

const (
	fine     fault = iota
	fails          // with an error, before anything is done
	lies           // it is done, and then it fails
	stalls         // until nobody waits any more
	truncate       // a read ends early
	swap           // a read gives other bytes
)

var errBroken = errors.New("broken on purpose")

// faulty is a bucket in which calls go wrong.
type faulty struct {
	bucket.Bucket
	next func(call int) fault

	mu    sync.Mutex
	calls int
	read  *int64 // counts what is read, by one reader at a time
}

type counting struct {
	io.ReadCloser
	n *int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.n += int64(n)
	return n, err
}

func (f *faulty) fault() fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return f.next(f.calls)
}

// do makes a call go wrong, or not.
func (f *faulty) do(ctx context.Context, do func() error) (fault, error) {
	switch what := f.fault(); what {
	case fails:
		return what, errBroken
	case stalls:
		<-ctx.Done()
		return what, context.Cause(ctx)
	case lies:
		if err := do(); err != nil {
			return what, err
		}
		return what, errBroken
	default:
		return what, do()
	}
}

func (f *faulty) Stat(ctx context.Context, name string) (size int64, err error) {
	_, err = f.do(ctx, func() error {
		size, err = f.Bucket.Stat(ctx, name)
		return err
	})
	return size, err
}

func (f *faulty) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	_, err := f.do(ctx, func() error { return f.Bucket.Put(ctx, name, content, size) })
	return err
}

func (f *faulty) List(ctx context.Context, folder string, each func(bucket.Blob) error) error {
	_, err := f.do(ctx, func() error { return f.Bucket.List(ctx, folder, each) })
	return err
}

func (f *faulty) Get(ctx context.Context, name string, from, size int64) (body io.ReadCloser, err error) {
	what, err := f.do(ctx, func() error {
		body, err = f.Bucket.Get(ctx, name, from, size)
		return err
	})
	if err == nil && what == fine && f.read != nil {
		return &counting{body, f.read}, nil
	}
	if err != nil || what == fine {
		return body, err
	}
	content, err := io.ReadAll(body)
	body.Close()
	switch {
	case what == truncate:
		content = content[:len(content)/2]
	case what == swap && len(content) > 0:
		content[len(content)/2] ^= 1
	}
	return io.NopCloser(bytes.NewReader(content)), err
}

// quick is how patient tests are.
var quick = bucket.Pace{Tries: 3, Wait: time.Millisecond, Idle: 100 * time.Millisecond}

// world is a cache with some data, and a folder that is the remote.
type world struct {
	t      *testing.T
	cache  *cache.Cache
	folder string
	items  []Item
	whole  map[digest.ID]bool // every object of the items
}

func newCache(t *testing.T) *cache.Cache {
	root, err := disk.OpenRoot(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	c, err := cache.Open(root, cache.Options{})
	require.NoError(t, err)
	return c
}

// newWorld has a directory of some small files and a larger one, and a file.
func newWorld(t *testing.T, files int) *world {
	w := &world{t: t, cache: newCache(t), folder: t.TempDir(), whole: map[digest.ID]bool{}}
	var tree cache.Tree
	batch := w.cache.Begin()
	add := func(content []byte) digest.ID {
		id, err := batch.AddBytes(content)
		require.NoError(t, err)
		w.whole[id] = true
		return id
	}
	for i := range files {
		content := bytes.Repeat(fmt.Appendf(nil, "%d,", i), 100)
		tree = append(tree, cache.FileEntry(fmt.Sprintf("f%05d", i), digest.File, add(content), int64(len(content))))
	}
	large := bytes.Repeat([]byte("large"), 100_000)
	tree = append(tree, cache.FileEntry("large", digest.File, add(large), int64(len(large))))
	add(tree.Encode())
	alone := []byte("alone")
	w.items = []Item{{Path: "data", Content: tree.Content()}, {Path: "alone", Content: digest.Content{ID: add(alone), Mode: digest.File, Size: int64(len(alone))}}}
	require.NoError(t, batch.Commit(t.Context()))
	return w
}

// transfer returns one over a remote in which calls go wrong.
func (w *world) transfer(c *cache.Cache, pace bucket.Pace, next func(call int) fault) (*Transfer, *faulty) {
	plain, err := bucket.Open(bucket.Spec{Name: "test", URL: w.folder, Pace: bucket.Pace{Tries: 1, Idle: time.Minute}})
	require.NoError(w.t, err)
	broken := &faulty{Bucket: plain, next: next}
	return &Transfer{Cache: c, Remote: remote.New("test", bucket.NewPatient(broken, "remote test", pace)), Jobs: 2}, broken
}

func never(int) fault { return fine }

// requireSound checks what a remote shows: objects that are what their names say, and
// trees only with all that they name.
func (w *world) requireSound() {
	t, _ := w.transfer(w.cache, quick, never)
	all := storetest.All(w.t, t.Remote)
	for id := range all {
		content := storetest.Get(w.t, t.Remote, id)
		require.Equal(w.t, id, digest.Sum(content))
		tree, err := cache.DecodeTree(content)
		if err != nil {
			continue
		}
		for _, named := range tree.IDs() {
			require.Contains(w.t, all, named, "a tree is seen before what it names")
		}
	}
}

// requirePushed checks that another cache can have everything.
func (w *world) requirePushed() {
	t, _ := w.transfer(newCache(w.t), quick, never)
	_, err := t.Fetch(w.t.Context(), w.items)
	require.NoError(w.t, err)
	w.requireFetched(t.Cache)
}

func (w *world) requireFetched(c *cache.Cache) {
	all := storetest.All(w.t, c.Objects())
	require.Len(w.t, all, len(w.whole))
	requireWhole(w.t, c)
}

func requireWhole(t *testing.T, c *cache.Cache) {
	for id := range storetest.All(t, c.Objects()) {
		require.Equal(t, id, digest.Sum(storetest.Get(t, c.Objects(), id)))
	}
}

var sizes = []int{3, 20} // of directories: files go alone, or in packs

// From the n-th call on nothing works: the push fails, what is there is sound, and the
// next push goes on from there.
func TestPush_serverGoesAwayAtAnyCall(t *testing.T) {
	for _, files := range sizes {
		for n := 1; ; n++ {
			w := newWorld(t, files)
			broken, calls := w.transfer(w.cache, bucket.Pace{Tries: 1, Idle: time.Minute}, func(call int) fault {
				if call >= n {
					return fails
				}
				return fine
			})
			first, err := broken.Push(t.Context(), w.items)
			w.requireSound()
			if calls.calls < n {
				require.NoError(t, err)
				break
			}
			require.ErrorIs(t, err, errBroken)
			require.ErrorAs(t, err, new(*bucket.Error))
			again, _ := w.transfer(w.cache, quick, never)
			second, err := again.Push(t.Context(), w.items)
			require.NoError(t, err)
			require.Equal(t, len(w.whole), second.Objects+second.Present)
			require.GreaterOrEqual(t, second.Present, first.Objects, "what was pushed is not pushed again")
			w.requirePushed()
		}
	}
}

// One call goes wrong, in any way: the transfer is tried again and comes right.
func TestTransfer_anyCallGoesWrong(t *testing.T) {
	for _, files := range sizes {
		for _, what := range []fault{fails, lies, stalls, truncate, swap} {
			for n := 1; ; n++ {
				if testing.Short() && n%6 != int(what)%6 {
					continue
				}
				w := newWorld(t, files)
				once := func(call int) fault {
					if call == n {
						return what
					}
					return fine
				}
				pushing, pushed := w.transfer(w.cache, quick, once)
				_, err := pushing.Push(t.Context(), w.items)
				require.NoError(t, err, "fault %d, push call %d", what, n)
				w.requireSound()
				fetching, fetched := w.transfer(newCache(t), quick, once)
				_, err = fetching.Fetch(t.Context(), w.items)
				if what == swap && errors.As(err, new(*store.CorruptError)) {
					requireWhole(t, fetching.Cache) // an object in a pack that lies nowhere else
					fetching, _ = w.transfer(fetching.Cache, quick, never)
					_, err = fetching.Fetch(t.Context(), w.items)
				}
				require.NoError(t, err, "fault %d, fetch call %d", what, n)
				w.requireFetched(fetching.Cache)
				if pushed.calls < n && fetched.calls < n {
					break
				}
			}
		}
	}
}

// A thousand transfers over a bad line end with the right bytes, or an error that says so.
func TestTransfer_badLine(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		random := rand.New(rand.NewPCG(uint64(round), 7))
		w := newWorld(t, sizes[round%2])
		bad := func(int) fault {
			if random.IntN(4) > 0 {
				return fine
			}
			return []fault{fails, lies, truncate, swap}[random.IntN(4)]
		}
		for tries := 0; ; tries++ {
			pushing, _ := w.transfer(w.cache, quick, bad)
			if _, err := pushing.Push(t.Context(), w.items); err == nil {
				break
			}
			require.Less(t, tries, 50)
		}
		w.requireSound()
		into := newCache(t)
		for tries := 0; ; tries++ {
			fetching, _ := w.transfer(into, quick, bad)
			_, err := fetching.Fetch(t.Context(), w.items)
			requireWhole(t, into)
			if err == nil {
				break
			}
			require.Less(t, tries, 50)
		}
		w.requireFetched(into)
	}
}

// Bytes that are wrong for good are refused; the rest comes.
func TestFetch_wrongForGood(t *testing.T) {
	for _, files := range sizes {
		w := newWorld(t, files)
		pushing, _ := w.transfer(w.cache, quick, never)
		_, err := pushing.Push(t.Context(), w.items)
		require.NoError(t, err)
		into := newCache(t)
		fetching, _ := w.transfer(into, quick, func(call int) fault { return swap })
		_, err = fetching.Fetch(t.Context(), w.items)
		var corrupt *store.CorruptError
		require.ErrorAs(t, err, &corrupt)
		require.ErrorContains(t, err, "remote test")
		require.NotEqual(t, corrupt.Want, corrupt.Got)
		require.Empty(t, storetest.All(t, into.Objects()))
	}
}

// A damaged object of the cache is not pushed, nor the tree that names it; it is moved
// aside and named. The rest goes.
func TestPush_damagedObject(t *testing.T) {
	for _, files := range sizes {
		w := newWorld(t, files)
		tree, err := w.cache.ReadTree(t.Context(), w.items[0].Content.ID)
		require.NoError(t, err)
		name := w.cache.Objects().Name(tree[1].ID)
		require.NoError(t, w.cache.Root().Chmod(name, 0o644))
		require.NoError(t, w.cache.Root().Replace(name, []byte("rot"), 0o444))
		pushing, _ := w.transfer(w.cache, quick, never)
		result, err := pushing.Push(t.Context(), w.items)
		require.ErrorContains(t, err, "data/"+tree[1].Path+" was not pushed")
		require.ErrorAs(t, err, new(*store.CorruptError))
		require.Equal(t, len(w.whole)-2, result.Objects)
		require.True(t, w.cache.Root().Exists("corrupt/"+tree[1].ID.Hex()))
		w.requireSound()
		has, err := pushing.Remote.Has(t.Context(), w.items[0].Content.ID)
		require.NoError(t, err)
		require.False(t, has)
	}
}

// A large object that was fetched in part goes on where it was, in another process, too.
func TestFetch_largeGoesOn(t *testing.T) {
	w := newWorld(t, 1)
	large := bytes.Repeat([]byte("0123456789abcdef"), lasting/16+1)
	batch := w.cache.Begin()
	id, err := batch.AddBytes(large)
	require.NoError(t, err)
	require.NoError(t, batch.Commit(t.Context()))
	items := []Item{{Path: "big", Content: digest.Content{ID: id, Mode: digest.File, Size: int64(len(large))}}}
	pushing, _ := w.transfer(w.cache, quick, never)
	_, err = pushing.Push(t.Context(), items)
	require.NoError(t, err)

	into := newCache(t)
	part := "objects/.flow-tmp-" + id.Hex()
	require.NoError(t, into.Root().MkdirAll("objects", 0o777))
	file, err := into.Root().OpenPartial(part)
	require.NoError(t, err)
	_, err = file.Write(large[:lasting/2])
	require.NoError(t, err)
	require.NoError(t, file.Close())
	var read int64
	again, counted := w.transfer(into, quick, never)
	counted.read = &read
	_, err = again.Fetch(t.Context(), items)
	require.NoError(t, err)
	require.True(t, bytes.Equal(large, storetest.Get(t, into.Objects(), id)))
	require.EqualValues(t, len(large)-lasting/2, read, "what had come is not read again")
	require.False(t, into.Root().Exists(part))

	into = newCache(t) // what had come is not what it should be
	require.NoError(t, into.Root().MkdirAll("objects", 0o777))
	require.NoError(t, into.Root().Replace(part, []byte("something else"), 0o666))
	again, _ = w.transfer(into, quick, never)
	_, err = again.Fetch(t.Context(), items)
	require.NoError(t, err)
	require.True(t, bytes.Equal(large, storetest.Get(t, into.Objects(), id)))
}
