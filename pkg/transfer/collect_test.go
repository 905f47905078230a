package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/bucket"
	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/remote"
)

// place is a bucket in memory whose every call waits for its turn.
type place struct {
	mu    sync.Mutex
	blobs map[string]kept
	now   time.Time
	turns chan *turn // nil: nobody waits
}

type kept struct {
	data []byte
	at   time.Time
}

// turn is a call that waits.
type turn struct {
	actor int
	write bool // it changes what is there, or is about to
	since time.Time
	from  string
	pause time.Duration
	go_   chan struct{}
}

// actors is the place as one actor sees it.
type actor struct {
	*place
	id int
}

func (a actor) wait(write bool, from string, pause time.Duration) {
	if a.turns == nil {
		return
	}
	a.mu.Lock()
	now := a.now
	a.mu.Unlock()
	t := &turn{actor: a.id, write: write, since: now, from: from, pause: pause, go_: make(chan struct{})}
	a.turns <- t
	<-t.go_
}

func (a actor) Stat(_ context.Context, name string) (int64, error) {
	a.wait(false, "stat "+name, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	if b, found := a.blobs[name]; found {
		return int64(len(b.data)), nil
	}
	return 0, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

func (a actor) Get(_ context.Context, name string, from, size int64) (io.ReadCloser, error) {
	a.wait(false, "get "+name, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	b, found := a.blobs[name]
	if !found {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	data := b.data[from:]
	if size >= 0 {
		data = data[:size]
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (a actor) Put(_ context.Context, name string, content io.ReaderAt, size int64) error {
	a.wait(true, "put "+name, 0)
	data, err := io.ReadAll(io.NewSectionReader(content, 0, size))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.blobs[name] = kept{data, a.now}
	return err
}

func (a actor) List(_ context.Context, folder string, each func(bucket.Blob) error) error {
	a.wait(false, "list "+folder, 0)
	a.mu.Lock()
	blobs := maps.Clone(a.blobs)
	a.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(blobs)) {
		if strings.HasPrefix(name, folder+"/") {
			if err := each(bucket.Blob{Name: name, Size: int64(len(blobs[name].data)), Modified: blobs[name].at}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a actor) Delete(_ context.Context, name string) error {
	a.wait(true, "delete "+name, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.blobs, name)
	return nil
}

func (a actor) time() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

// open returns a transfer of an actor that goes by the place's time.
func (a actor) open(c *cache.Cache) *Transfer {
	r := remote.New("there", a)
	r.Jobs = 1
	r.SetClock(remote.Clock{Now: a.time, Pause: func(_ context.Context, d time.Duration) error {
		a.wait(false, "pause", d)
		return nil
	}})
	return &Transfer{Cache: c, Remote: r, Jobs: 1}
}

func tempCache(t interface {
	require.TestingT
	Cleanup(func())
}) *cache.Cache {
	dir, err := os.MkdirTemp("", "flow-collect-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	opened, err := cache.Open(root, cache.Options{})
	require.NoError(t, err)
	return opened
}

// commit is a folder with some files of a pool.
func commit(t require.TestingT, c *cache.Cache, files []int) digest.Content {
	batch := c.Begin()
	defer batch.Abort()
	var tree cache.Tree
	slices.Sort(files)
	for _, n := range slices.Compact(files) {
		text := fmt.Appendf(nil, "file %d", n)
		id, err := batch.AddBytes(text)
		require.NoError(t, err)
		tree = append(tree, cache.FileEntry(fmt.Sprintf("f%03d", n), digest.File, id, int64(len(text))))
	}
	_, err := batch.AddBytes(tree.Encode())
	require.NoError(t, err)
	require.NoError(t, batch.Commit(context.Background()))
	return tree.Content()
}

// pushed is a commit that a push said is there.
type pushedCommit struct {
	content digest.Content
	at      time.Time
	by      int
	lost    bool // a collection that began long after it did not know of it
}

// TestCollect_neverWhatIsNeeded: whatever pushes and collections do at the same time, in
// whatever order their requests come, and however long a machine sleeps in between: what a
// push said is there, is there, as long as those who collect know of it, or began to before
// the grace period was over.
// Nor does a remembered run on the remote ever name what is gone.
func TestCollect_neverWhatIsNeeded(t *testing.T) {
	const grace = 24 * time.Hour
	rapid.Check(t, func(t *rapid.T) {
		p := &place{blobs: map[string]kept{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		caches := map[int]*cache.Cache{}
		for i := range 4 {
			caches[i] = tempCache(t)
		}
		var mu sync.Mutex
		var done []*pushedCommit
		ctx := context.Background()
		push := func(a actor, content digest.Content) {
			transfer := a.open(caches[a.id])
			defer transfer.Remote.Close()
			_, err := transfer.Push(ctx, []Item{{Path: "x", Content: content}})
			if err == nil {
				_, err = transfer.PushRuns(ctx, func(cache.Result) bool { return true })
			}
			if err != nil {
				panic(err)
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, &pushedCommit{content: content, at: a.time(), by: a.id})
		}
		collect := func(a actor, known []digest.Content) {
			transfer := a.open(caches[a.id])
			defer transfer.Remote.Close()
			began := a.time()
			_, err := transfer.Collect(ctx, func(context.Context) ([]digest.Content, error) { return known, nil }, CollectOptions{Grace: grace})
			mu.Lock()
			defer mu.Unlock()
			_ = err // it may have had to stop
			for _, one := range done {
				if one.at.Add(grace).Before(began) && !slices.Contains(known, one.content) {
					one.lost = true
				}
			}
		}
		rounds := rapid.IntRange(1, 5).Draw(t, "rounds")
		for range rounds {
			var works []func(actor)
			for range rapid.IntRange(1, 4).Draw(t, "actors") {
				id := len(works)
				if rapid.Bool().Draw(t, "collects") {
					var known []digest.Content
					for _, one := range done {
						if rapid.Bool().Draw(t, "knows") {
							known = append(known, one.content)
						}
					}
					works = append(works, func(a actor) { collect(a, known) })
					continue
				}
				content := commit(t, caches[id], rapid.SliceOfN(rapid.IntRange(0, 30), 1, 24).Draw(t, "files"))
				if rapid.Bool().Draw(t, "remembered") {
					action := cache.Action{Lines: []string{"flow action v1", "cmd " + content.ID.Hex()}}
					require.NoError(t, caches[id].Remember(ctx, action, cache.Result{Stage: "x", Time: p.now, Outs: []cache.ResultOut{{Path: "x", Content: content}}}))
				}
				works = append(works, func(a actor) { push(a, content) })
			}
			p.together(t, works)
			p.mu.Lock()
			p.now = p.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 25 * time.Hour, 72 * time.Hour}).Draw(t, "later"))
			p.mu.Unlock()
			for _, one := range done {
				if one.lost {
					continue
				}
				reader := actor{place: p}.open(tempCache(t))
				_, err := reader.Fetch(ctx, []Item{{Path: "x", Content: one.content}})
				require.NoError(t, err, "pushed by %d at %s, now %s", one.by, one.at, p.now)
			}
			_, err := actor{place: p}.open(tempCache(t)).FetchRuns(ctx, true)
			require.NoError(t, err, "remembered runs, now %s", p.now)
		}
	})
}

// together lets actors work at the same time, in turns that are drawn.
func (p *place) together(t *rapid.T, works []func(actor)) {
	p.turns = make(chan *turn)
	ended := make(chan int)
	for id, work := range works {
		go func() {
			work(actor{p, id})
			ended <- id
		}()
	}
	waiting := map[int]*turn{}
	naps := 0
	for live, steps := len(works), 0; live > 0; steps++ {
		for len(waiting) < live {
			select {
			case turn := <-p.turns:
				waiting[turn.actor] = turn
			case id := <-ended:
				delete(waiting, id)
				live--
			}
		}
		if live == 0 {
			break
		}
		if steps > 20000 {
			t.Fatalf("it never ends: %v", waiting)
		}
		ids := slices.Sorted(maps.Keys(waiting))
		next := waiting[rapid.SampledFrom(ids).Draw(t, "next")]
		p.mu.Lock()
		p.now = p.now.Add(time.Second + next.pause)
		if naps < 6 && rapid.IntRange(0, 5).Draw(t, "nap") == 0 {
			if nap := rapid.SampledFrom([]time.Duration{time.Minute, 15 * time.Minute, 30 * time.Minute, 26 * time.Hour}).Draw(t, "how long"); p.mayNap(waiting, nap) {
				p.now = p.now.Add(nap)
				naps++
			}
		}
		p.mu.Unlock()
		delete(waiting, next.actor)
		close(next.go_)
	}
	p.turns = nil
}

// mayNap reports whether time may pass while calls are under way: one that changes something
// takes some minutes at most, which is what holds reckon with.
func (p *place) mayNap(waiting map[int]*turn, nap time.Duration) bool {
	for _, one := range waiting {
		if one.write && p.now.Add(nap).Sub(one.since) > 9*time.Minute {
			return false
		}
	}
	return true
}

// TestFetch_packsGoMeanwhile: who has listed the packs before a collection gets what is left
// of them all the same.
func TestFetch_packsGoMeanwhile(t *testing.T) {
	p := &place{blobs: map[string]kept{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	ctx := t.Context()
	writer := tempCache(t)
	var all []int
	for n := range 40 {
		all = append(all, n)
	}
	large, little := commit(t, writer, slices.Clone(all)), commit(t, writer, all[:10])
	pushing := actor{place: p}.open(writer)
	_, err := pushing.Push(ctx, []Item{{Path: "large", Content: large}, {Path: "little", Content: little}})
	require.NoError(t, err)
	require.NoError(t, pushing.Remote.Close())

	reading := actor{place: p}.open(tempCache(t))
	missing, err := reading.Remote.Missing(ctx, []digest.ID{little.ID})
	require.NoError(t, err)
	require.Empty(t, missing)
	done, err := actor{place: p}.open(writer).Collect(ctx, func(context.Context) ([]digest.Content, error) { return []digest.Content{little}, nil }, CollectOptions{})
	require.NoError(t, err)
	require.Equal(t, 1, done.Sifted)
	require.Equal(t, 31, done.Objects)
	_, err = reading.Fetch(ctx, []Item{{Path: "little", Content: little}})
	require.NoError(t, err)
}
