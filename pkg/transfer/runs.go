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
	known, _, err := t.runs(ctx)
	if err != nil {
		return Result{Remote: t.Remote.Name}, err
	}
	fresh, err := t.Cache.RunsNotIn(ctx, known, wanted)
	if err != nil || fresh.Len() == 0 {
		return Result{Remote: t.Remote.Name}, err
	}
	result := Result{Remote: t.Remote.Name}
	for {
		some, err := t.Push(ctx, itemsOf(fresh))
		some.Present = 0 // they were counted with the data, or are nobody's interest
		result.Add(some)
		if err != nil {
			return result, err
		}
		hold, err := t.Remote.Pushing(ctx, t.Waiting)
		if err != nil {
			return result, err
		}
		if err := t.putRuns(ctx, fresh); err != nil {
			return result, err
		}
		if !hold.Lost() { // else what they name may be gone
			result.Runs = fresh.Len()
			return result, nil
		}
	}
}

// putRuns puts remembered runs there, and makes one blob of many. While nobody collects,
// what is there names nothing that is gone.
func (t *Transfer) putRuns(ctx context.Context, fresh *cache.Runs) error {
	known, blobs, err := t.runs(ctx)
	if err != nil {
		return err
	}
	if len(blobs) < manyBlobs {
		return t.Remote.PutActions(ctx, fresh.Encode())
	}
	if err := known.Add(fresh.Encode()); err != nil {
		return err
	}
	text := known.Encode()
	if err := t.Remote.PutActions(ctx, text); err != nil {
		return err
	}
	for _, id := range blobs {
		if id == digest.Sum(text) {
			continue
		}
		if err := t.Remote.DeleteActions(ctx, id); err != nil {
			return err
		}
	}
	return nil
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
