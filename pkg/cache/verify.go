package cache

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"flow/pkg/digest"
	"flow/pkg/store"
)

// Verified is what Verify looked at.
type Verified struct {
	Objects int
	Bytes   int64
	Trees   int // directories, of roots and of remembered results
}

// Verify reads every object, whatever is remembered of it, and then decodes every tree
// that a root or a remembered result names. each is called for all that is wrong, from
// one goroutine at a time: a *store.CorruptError for an object, which was moved aside;
// a *TreeError for a tree that is not valid; store.ErrAbsent, wrapped, for what a root
// or its tree names and is not here; a *RecordError, with the zero ID, for a damaged
// record of the run cache, which was moved aside; a *store.PackError, with the zero ID,
// for a damaged pack. That a remembered result is not here is no fault.
func (c *Cache) Verify(ctx context.Context, roots []digest.Content, each func(id digest.ID, err error)) (Verified, error) {
	var mu sync.Mutex
	tell := func(id digest.ID, err error) {
		mu.Lock()
		defer mu.Unlock()
		each(id, err)
	}
	check := &verification{cache: c, tell: tell, trees: map[digest.ID]bool{}}
	if err := check.packs(ctx); err != nil {
		return check.done, fmt.Errorf("verify the packs: %w", err)
	}
	if err := check.objects(ctx); err != nil {
		return check.done, fmt.Errorf("verify the objects: %w", err)
	}
	for _, root := range roots {
		if err := check.root(ctx, root, true); err != nil {
			return check.done, fmt.Errorf("verify %s: %w", root, err)
		}
	}
	err := c.eachRecord(ctx, func(file string, r *record, err error) error {
		if err != nil {
			return check.damaged(ctx, file, err)
		}
		for _, result := range r.results {
			for _, out := range result.Outs {
				if err := check.root(ctx, out.Content, false); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return check.done, fmt.Errorf("verify the run cache: %w", err)
	}
	return check.done, nil
}

type verification struct {
	cache *Cache
	tell  func(digest.ID, error)
	trees map[digest.ID]bool
	done  Verified
}

// packs moves away what is not a pack any more; what is whole of it stays.
func (v *verification) packs(ctx context.Context) error {
	damaged, err := v.cache.objects.Mend(ctx, corruptDir)
	for _, one := range damaged {
		v.tell(digest.ID{}, one)
	}
	return err
}

// objects reads every object, several at a time.
func (v *verification) objects(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ids := make(chan digest.ID, 64)
	var group sync.WaitGroup
	for range workers() {
		group.Go(func() {
			for id := range ids {
				if err := v.object(ctx, id); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := v.cache.objects.List(ctx, func(id digest.ID, size int64) error {
		select {
		case ids <- id:
			v.done.Objects++
			v.done.Bytes += size
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(ids)
	group.Wait()
	var told *store.PackError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &told): // by packs
		return nil
	}
	return err
}

// object reads one object and remembers that it is whole. Its error is not about the
// object.
func (v *verification) object(ctx context.Context, id digest.ID) error {
	c := v.cache
	err := c.checked(ctx, id, func(o *store.Object) error {
		began := time.Now()
		got, err := c.sum(ctx, o.Reader(), o.Size)
		if err != nil {
			return fmt.Errorf("read object %s: %w", id, err)
		}
		if got != id {
			return c.mismatch(o, got)
		}
		c.stamps.learn(id, o.Info, began)
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, store.ErrAbsent): // removed meanwhile
	case err != nil:
		v.tell(id, err)
	}
	return nil
}

// Check reads an object and compares it with its digest. The error is a
// *store.CorruptError when it is damaged, and it was moved aside; it wraps
// store.ErrAbsent when it is not here.
func (c *Cache) Check(ctx context.Context, id digest.ID) error {
	return c.checked(ctx, id, func(o *store.Object) error {
		got, err := c.sum(ctx, o.Reader(), o.Size)
		if err == nil && got != id {
			err = c.mismatch(o, got)
		}
		return err
	})
}

// root checks that a content is whole; wanted says that it should be here.
func (v *verification) root(ctx context.Context, content digest.Content, wanted bool) error {
	if content.Mode == digest.Dir && !v.trees[content.ID] {
		v.trees[content.ID] = true
		v.done.Trees++
		var problem error // of the look for what the tree names
		err := v.cache.eachShelves(ctx, content.ID, manyNames, func(ids []digest.ID) error {
			if wanted {
				problem = v.here(ctx, ids)
			}
			return problem
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if problem == nil && err != nil && (wanted || !errors.Is(err, store.ErrAbsent)) {
			v.tell(content.ID, err)
		}
		return problem
	}
	if content.Mode == digest.Dir || !content.Exists() || !wanted {
		return nil
	}
	return v.here(ctx, []digest.ID{content.ID})
}

// here tells of objects, sorted and each once, that are not here.
func (v *verification) here(ctx context.Context, ids []digest.ID) error {
	absent, err := v.cache.absentSorted(ctx, ids)
	for _, id := range absent {
		v.tell(id, fmt.Errorf("object %s: %w", id, store.ErrAbsent))
	}
	return err
}

// damaged tells of a record and moves it to the folder for what is corrupt, where
// nobody meets it again: the run cache works without it. Where the cache can't be
// written, it stays.
func (v *verification) damaged(ctx context.Context, file string, problem error) error {
	c := v.cache
	release, err := c.lockActions(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		defer release()
		if _, err := c.readRecord(file); !isDamaged(err) {
			return nil // a new one has taken its place
		}
		if c.root.MkdirAll(corruptDir, 0o777) == nil {
			_ = c.root.Rename(file, path.Join(corruptDir, "record-"+path.Base(file)))
		}
	}
	v.tell(digest.ID{}, problem)
	return nil
}
