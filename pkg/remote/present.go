package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"flow/pkg/bucket"
	"flow/pkg/digest"
)

const (
	few = 64   // up to how many objects are asked for one by one
	fan = 256  // the folders that objects are in
	tip = 1000 // how many names a server tells with one answer
)

// Missing returns which of some objects are not there, sorted and each once. It asks for
// each, or lists what is there, whichever takes fewer requests as far as one folder tells.
func (r *Remote) Missing(ctx context.Context, ids []digest.ID) ([]digest.ID, error) {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, digest.ID.Compare)
	ids = slices.Compact(ids)
	all, err := r.known(ctx)
	if err == nil {
		ids = slices.DeleteFunc(ids, func(id digest.ID) bool {
			p, _ := find(all, id)
			return p != nil
		})
	}
	var there map[digest.ID]bool
	if err == nil {
		there, err = r.present(ctx, ids)
	}
	if err != nil {
		return nil, fmt.Errorf("find out what remote %s has: %w", r.Name, err)
	}
	return slices.DeleteFunc(ids, func(id digest.ID) bool { return there[id] }), nil
}

func (r *Remote) present(ctx context.Context, ids []digest.ID) (map[digest.ID]bool, error) {
	if len(ids) > few {
		there, err := r.listed(ctx, ids)
		if there != nil || err != nil && !errors.Is(err, bucket.ErrNoList) {
			return there, err
		}
	}
	var mu sync.Mutex
	there := map[digest.ID]bool{}
	err := Each(ctx, r.Jobs, ids, func(ctx context.Context, id digest.ID) error {
		has, err := r.hasAlone(ctx, id)
		mu.Lock()
		defer mu.Unlock()
		there[id] = has
		return err
	})
	return there, err
}

// listed finds objects by listing; nil when that would take more requests than asking.
func (r *Remote) listed(ctx context.Context, ids []digest.ID) (map[digest.ID]bool, error) {
	there := map[digest.ID]bool{}
	keep := func(id digest.ID, _ int64) error {
		there[id] = true
		return nil
	}
	first := ids[0].Hex()[:2]
	if err := r.list(ctx, objectsDir+"/"+first, keep); err != nil {
		return nil, err
	}
	if len(there)*fan/tip > len(ids) {
		return nil, nil
	}
	clear(there)
	return there, r.list(ctx, objectsDir, keep)
}

// Each does something with every item, several at a time; the first error stops it.
func Each[T any](ctx context.Context, jobs int, items []T, do func(context.Context, T) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan T)
	var workers sync.WaitGroup
	for range min(max(jobs, 1), len(items)) {
		workers.Go(func() {
			for item := range queue {
				if ctx.Err() != nil {
					continue
				}
				if err := do(ctx, item); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, item := range items {
		select {
		case queue <- item:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}
