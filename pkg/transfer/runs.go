package transfer

import (
	"context"
	"fmt"
	"sync"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/remote"
)

// manyBlobs is how many blobs of remembered runs there may be before a push makes one of
// them.
const manyBlobs = 32

// PushRuns moves the remembered runs that are wanted and that the remote lacks there, after
// the objects that they name.
func (t *Transfer) PushRuns(ctx context.Context, wanted func(cache.Result) bool) (Result, error) {
	known, blobs, err := t.runs(ctx)
	if err != nil {
		return Result{Remote: t.Remote.Name}, err
	}
	fresh, err := t.Cache.RunsNotIn(ctx, known, wanted)
	if err != nil || fresh.Len() == 0 {
		return Result{Remote: t.Remote.Name}, err
	}
	result, err := t.Push(ctx, itemsOf(fresh))
	result.Present = 0 // they were counted with the data, or are nobody's interest
	if err != nil {
		return result, err
	}
	result.Runs = fresh.Len()
	if len(blobs) < manyBlobs {
		return result, t.Remote.PutActions(ctx, fresh.Encode())
	}
	// While nobody collects, what is there names nothing that is gone.
	if known, blobs, err = t.runs(ctx); err != nil {
		return result, err
	}
	if err := known.Add(fresh.Encode()); err != nil {
		return result, err
	}
	if err := t.Remote.PutActions(ctx, known.Encode()); err != nil {
		return result, err
	}
	for _, id := range blobs {
		if err := t.Remote.DeleteActions(ctx, id); err != nil {
			return result, err
		}
	}
	return result, nil
}

// FetchRuns has the cache learn the remote's remembered runs; with objects, also what
// these name comes.
func (t *Transfer) FetchRuns(ctx context.Context, objects bool) (Result, error) {
	known, _, err := t.runs(ctx)
	if err != nil {
		return Result{Remote: t.Remote.Name}, err
	}
	result := Result{Remote: t.Remote.Name}
	if objects {
		if result, err = t.Fetch(ctx, itemsOf(known)); err != nil {
			return result, err
		}
	}
	result.Runs, err = t.Cache.Learn(ctx, known)
	return result, err
}

// itemsOf returns what results name.
func itemsOf(runs *cache.Runs) []Item {
	var items []Item
	for _, result := range runs.Results() {
		items = append(items, itemsOfOne(result)...)
	}
	return items
}

func itemsOfOne(result cache.Result) []Item {
	var items []Item
	for _, out := range result.Outs {
		items = append(items, Item{Path: out.Path, Content: out.Content})
	}
	return items
}

// runs returns all remembered runs of the remote, and the blobs that they are in.
func (t *Transfer) runs(ctx context.Context) (*cache.Runs, []digest.ID, error) {
	blobs, err := t.Remote.Actions(ctx)
	if err != nil {
		return nil, nil, err
	}
	known := cache.NewRuns()
	var mu sync.Mutex
	err = remote.Each(ctx, t.jobs(), blobs, func(ctx context.Context, id digest.ID) error {
		text, err := t.Remote.ReadActions(ctx, id)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if err := known.Add(text); err != nil {
			return fmt.Errorf("remote %s: actions/%s: %w", t.Remote.Name, id.Hex(), err)
		}
		return nil
	})
	return known, blobs, err
}
