package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"flow/pkg/digest"
)

// CopyOptions says how Copy works. The zero value copies four objects at a time.
type CopyOptions struct {
	Jobs int // how many objects are copied at a time; 0 means 4

	// Done, unless nil, is told of every object that was copied; never by two
	// goroutines at once.
	Done func(id digest.ID, size int64)

	// Read, unless nil, is told how many bytes were read, while they are; by several
	// goroutines.
	Read func(n int)
}

// Stats is what Copy did.
type Stats struct {
	Copied  int // objects
	Bytes   int64
	Present int         // objects that were there already
	Absent  []digest.ID // objects that were to be copied but aren't in the source
	Corrupt []digest.ID // objects that were refused, as their bytes had another digest
}

// copied bounds the objects and bytes that an interrupted Copy into a Files loses.
const (
	commitObjects = 4096
	commitBytes   = 1 << 30
)

// Copy copies objects from one store to another, skipping those that are there. Every
// byte is verified on its way. An object that is absent or corrupt doesn't keep it
// from copying the others: it is in the Stats, and in the error at the end. With any
// other error it stops, and what was copied so far stays.
func Copy(ctx context.Context, to, from Store, ids []digest.ID, options CopyOptions) (Stats, error) {
	c := &copying{to: to, from: from, options: options, problems: map[digest.ID]error{}}
	if files, ok := to.(*Files); ok {
		c.files = files
		c.batch = files.Begin()
	}
	err := c.all(ctx, ids)
	if ending := c.commit(context.WithoutCancel(ctx)); err == nil {
		err = ending
	}
	for _, id := range append(c.stats.Absent[:len(c.stats.Absent):len(c.stats.Absent)], c.stats.Corrupt...) {
		err = errors.Join(err, c.problems[id])
	}
	return c.stats, err
}

// copying is one Copy at work.
type copying struct {
	to, from Store
	options  CopyOptions
	files    *Files // the same as to, or nil

	mu       sync.Mutex
	stats    Stats
	problems map[digest.ID]error
	batch    *Batch         // what goes into files together; nil without files
	using    sync.WaitGroup // who adds to batch
	objects  int            // in batch
	bytes    int64
}

// all copies every id, once, with several goroutines; the first error stops them.
func (c *copying) all(ctx context.Context, ids []digest.ID) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan digest.ID)
	var workers sync.WaitGroup
	jobs := c.options.Jobs
	if jobs <= 0 {
		jobs = 4
	}
	for range min(jobs, len(ids)) {
		workers.Go(func() {
			for id := range queue {
				if err := c.one(ctx, id); err != nil {
					stop(err)
				}
			}
		})
	}
	seen := make(map[digest.ID]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		select {
		case queue <- id:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

// one copies one object. Its error is one that stops Copy.
func (c *copying) one(ctx context.Context, id digest.ID) error {
	if ctx.Err() != nil {
		return nil
	}
	there, err := c.to.Has(ctx, id)
	if err != nil {
		return fmt.Errorf("look for object %s: %w", id, err)
	}
	if there {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stats.Present++
		return nil
	}
	size, err := c.transfer(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	var corrupt *CorruptError
	switch {
	case err == nil:
		c.stats.Copied++
		c.stats.Bytes += size
		if c.options.Done != nil {
			c.options.Done(id, size)
		}
		return nil
	case errors.Is(err, ErrAbsent):
		c.stats.Absent = append(c.stats.Absent, id)
	case errors.As(err, &corrupt):
		c.stats.Corrupt = append(c.stats.Corrupt, id)
	default:
		return err
	}
	c.problems[id] = err
	return nil
}

// transfer moves the bytes of one object.
func (c *copying) transfer(ctx context.Context, id digest.ID) (int64, error) {
	content, err := c.from.Get(ctx, id)
	if err != nil {
		if errors.Is(err, ErrAbsent) {
			return 0, err
		}
		return 0, fmt.Errorf("read object %s: %w", id, err)
	}
	defer content.Close()
	counted := &counter{r: content, read: c.options.Read}
	if c.files == nil {
		err = c.to.Put(ctx, id, counted)
	} else {
		err = c.add(ctx, id, counted)
	}
	return counted.n, err
}

// add puts an object into the batch, which it commits when that has become large.
func (c *copying) add(ctx context.Context, id digest.ID, r *counter) error {
	c.mu.Lock()
	batch := c.batch
	c.using.Add(1)
	c.mu.Unlock()
	err := batch.Put(ctx, id, r)
	c.using.Done()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects++
	c.bytes += r.n
	if c.objects < commitObjects && c.bytes < commitBytes {
		return nil
	}
	c.using.Wait() // nobody joins while mu is held
	full := c.batch
	c.batch, c.objects, c.bytes = c.files.Begin(), 0, 0
	c.batch.Many()
	return full.Commit(ctx)
}

// commit commits the last batch.
func (c *copying) commit(ctx context.Context) error {
	if c.batch == nil {
		return nil
	}
	return c.batch.Commit(ctx)
}

// counter counts what was read.
type counter struct {
	r    io.Reader
	n    int64
	read func(n int) // may be nil
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.read != nil {
		c.read(n)
	}
	return n, err
}
