package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"flow/pkg/digest"
	"flow/pkg/store"
)

// Fetch moves what the cache lacks of some items here. Bytes that don't fit their digest
// are refused, and don't keep the rest from coming; nor does what is not there.
func (t *Transfer) Fetch(ctx context.Context, items []Item) (Result, error) {
	result := Result{Remote: t.Remote.Name}
	lock, err := t.Cache.LockShared(ctx, "flow fetch", nil)
	if err != nil {
		return result, err
	}
	defer lock.Unlock()
	f := &fetch{t: t, result: &result, problems: newProblems("remote "+t.Remote.Name, "who has it in the cache can push it: flow push")}
	items, err = f.trees(ctx, items)
	if err != nil {
		return result, err
	}
	load := newCargo()
	f.problems.optional = load.optional
	for _, item := range items {
		if item.Content.Mode != digest.Dir {
			load.addItem(item)
			continue
		}
		tree, err := t.Cache.ReadTree(ctx, item.Content.ID)
		if err != nil {
			f.problems.others = append(f.problems.others, fmt.Errorf("%s: %w", item.Path, err))
			continue
		}
		load.addTree(item, tree)
	}
	if err := f.objects(ctx, load.files, &result.Present); err != nil {
		return result, err
	}
	return result, f.problems.err()
}

// fetch is one Fetch at work.
type fetch struct {
	t        *Transfer
	mu       sync.Mutex
	result   *Result
	problems *problems
}

// trees brings the trees of directories here and returns the items whose trees came.
func (f *fetch) trees(ctx context.Context, items []Item) ([]Item, error) {
	var trees []object
	seen := map[digest.ID]bool{}
	for _, item := range items {
		if item.Content.Mode == digest.Dir && !seen[item.Content.ID] {
			seen[item.Content.ID] = true
			trees = append(trees, object{id: item.Content.ID, path: item.Path, tree: true})
		}
	}
	if err := f.objects(ctx, trees, new(int)); err != nil {
		return nil, err
	}
	var here []Item
	for _, item := range items {
		if item.Content.Mode == digest.Dir {
			if has, err := f.t.Cache.Objects().Has(ctx, item.Content.ID); err != nil || !has {
				if err != nil {
					return nil, err
				}
				continue // it was told why
			}
		}
		here = append(here, item)
	}
	return here, nil
}

// objects brings those objects here that are not. Where a pack went meanwhile, which happens
// when somebody collects, it looks once more for where they are.
func (f *fetch) objects(ctx context.Context, objects []object, present *int) error {
	were := *present
	err := f.objectsOnce(ctx, objects, present)
	if errors.Is(err, fs.ErrNotExist) {
		*present = were
		f.t.Remote.Relist()
		err = f.objectsOnce(ctx, objects, present)
	}
	return err
}

func (f *fetch) objectsOnce(ctx context.Context, objects []object, present *int) error {
	var wanted []digest.ID
	var size int64
	paths, sizes := map[digest.ID]string{}, map[digest.ID]int64{}
	for _, o := range objects {
		has, err := f.t.Cache.Objects().Has(ctx, o.id)
		if err != nil {
			return err
		}
		if has {
			*present++
			continue
		}
		wanted = append(wanted, o.id)
		paths[o.id], sizes[o.id] = o.path, o.size
		size += o.size
	}
	if len(wanted) == 0 {
		return nil
	}
	progress := f.t.begin("fetch", len(wanted), size)
	defer progress.end()
	ranges, alone, err := f.t.Remote.Packed(ctx, wanted)
	if err != nil {
		return err
	}
	damaged, err := f.packed(ctx, ranges, progress)
	if err != nil {
		return err
	}
	if err := f.second(ctx, damaged, paths, progress); err != nil {
		return err
	}
	if alone, err = f.large(ctx, alone, sizes, paths, progress); err != nil {
		return err
	}
	stats, err := f.copy(ctx, alone, progress)
	f.result.Objects += stats.Copied
	f.result.Bytes += stats.Bytes
	for _, id := range stats.Absent {
		f.problems.missing(paths[id], id)
	}
	return f.sort(err, paths)
}

// second looks for objects that were damaged in a pack once more, where they may lie alone.
func (f *fetch) second(ctx context.Context, damaged map[digest.ID]error, paths map[digest.ID]string, progress *progress) error {
	if len(damaged) == 0 {
		return nil
	}
	stats, err := store.Copy(ctx, f.t.Cache.Objects(), f.t.Remote.Alone(), slices.Collect(maps.Keys(damaged)), store.CopyOptions{
		Jobs: f.t.jobs(), Done: func(digest.ID, int64) { progress.objects.Add(1) }})
	f.result.Objects += stats.Copied
	f.result.Bytes += stats.Bytes
	for _, id := range stats.Absent {
		_ = f.sort(damaged[id], paths)
	}
	return f.sort(err, paths)
}

// sort keeps what an error tells of objects that came with other bytes, and returns what
// else it tells. What is absent is known already.
func (f *fetch) sort(err error, paths map[digest.ID]string) error {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		var rest []error
		for _, one := range joined.Unwrap() {
			rest = append(rest, f.sort(one, paths))
		}
		return errors.Join(rest...)
	}
	var corrupt *store.CorruptError
	switch {
	case errors.As(err, &corrupt):
		corrupt.Where = "remote " + f.t.Remote.Name
		f.problems.others = append(f.problems.others, &RefusedError{Path: paths[corrupt.Want], Err: corrupt})
	case err != nil && !errors.Is(err, store.ErrAbsent):
		return err
	}
	return nil
}

// others returns what an error tells besides objects that are absent or damaged.
func others(err error) error {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		var rest []error
		for _, one := range joined.Unwrap() {
			rest = append(rest, others(one))
		}
		return errors.Join(rest...)
	}
	var corrupt *store.CorruptError
	if errors.As(err, &corrupt) || errors.Is(err, store.ErrAbsent) {
		return nil
	}
	return err
}

// copy copies objects here. What came with other bytes is asked for once more: a server
// may have cut it short without saying so.
func (f *fetch) copy(ctx context.Context, ids []digest.ID, progress *progress) (store.Stats, error) {
	options := store.CopyOptions{
		Jobs: f.t.jobs(),
		Done: func(digest.ID, int64) { progress.objects.Add(1) },
		Read: func(n int) { progress.bytes.Add(int64(n)) },
	}
	stats, err := store.Copy(ctx, f.t.Cache.Objects(), f.t.Remote.Alone(), ids, options)
	if len(stats.Corrupt) == 0 || others(err) != nil {
		return stats, err
	}
	again, err := store.Copy(ctx, f.t.Cache.Objects(), f.t.Remote.Alone(), stats.Corrupt, options)
	stats.Copied += again.Copied
	stats.Bytes += again.Bytes
	stats.Absent = append(stats.Absent, again.Absent...)
	stats.Corrupt = again.Corrupt
	return stats, err
}
