package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"flow/pkg/digest"
	"flow/pkg/pack"
	"flow/pkg/remote"
	"flow/pkg/store"
)

const (
	fewest  = 16       // fewer small objects than this go each by itself
	full    = 16 << 20 // how large packs get
	sparse  = 4 << 20  // and are, where there is more
	packers = 3        // how many are made at a time: each is in memory
)

// split takes small objects apart from others, where there are many.
func split(objects []object) (small, others []object) {
	for _, o := range objects {
		if o.size <= pack.SmallObject {
			small = append(small, o)
		} else {
			others = append(others, o)
		}
	}
	if len(small) < fewest {
		return nil, objects
	}
	return small, others
}

// loads cuts small objects into what goes into one pack each, in their order: what lies
// together is likely read together. A few packs are of one size, as they are made side by side.
func loads(objects []object) [][]object {
	weight := func(o object) int64 { return max(o.size, 1<<10) }
	var whole int64
	for _, o := range objects {
		whole += weight(o)
	}
	each := int64(full)
	if whole < packers*full {
		each = max(whole/packers+1, sparse)
	}
	var all [][]object
	var size int64
	from := 0
	for i, o := range objects {
		if size += weight(o); size >= each {
			all = append(all, objects[from:i+1])
			from, size = i+1, 0
		}
	}
	if from < len(objects) {
		all = append(all, objects[from:])
	}
	return all
}

// many moves objects, the small ones in packs when there are many.
func (p *push) many(ctx context.Context, objects []object) error {
	small, others := split(objects)
	if p.t.Again {
		small, others = nil, objects // a copy that Fetch takes when one in a pack is damaged
	}
	if err := remote.Each(ctx, min(p.t.jobs(), packers), loads(small), p.pack); err != nil {
		return err
	}
	return remote.Each(ctx, p.t.jobs(), others, p.one)
}

// pack moves some objects in one pack.
func (p *push) pack(ctx context.Context, objects []object) error {
	whole := p.spare.Get().(*bytes.Buffer)
	whole.Reset()
	var size int64
	for _, o := range objects {
		size += min(max(o.size, 0), pack.SmallObject)
	}
	whole.Grow(int(size) + pack.Overhead(len(objects)))
	writer, err := pack.NewWriter(whole)
	if err != nil {
		return err
	}
	var inside []object
	var content []byte
	for _, o := range objects {
		content, err = p.content(ctx, o.id, content[:0])
		if err != nil {
			if err := p.note(o, 0, err); err != nil {
				return err
			}
			continue
		}
		if len(content) > pack.SmallObject { // it is not what it was said to be
			if err := p.one(ctx, o); err != nil {
				return err
			}
			continue
		}
		if _, err := writer.Add(o.id, content); err != nil {
			return err
		}
		o.size = int64(len(content))
		inside = append(inside, o)
	}
	if len(inside) == 0 {
		return nil
	}
	id, err := writer.Finish()
	if err != nil {
		return err
	}
	if err := p.t.Remote.PutPack(ctx, id, whole.Bytes()); err != nil {
		return err // somebody may still be reading it
	}
	p.spare.Put(whole)
	for _, o := range inside {
		p.progress.bytes.Add(o.size)
		if err := p.note(o, o.size, nil); err != nil {
			return err
		}
	}
	return nil
}

// content appends the bytes of a small object of the cache, checked, to what is empty.
func (p *push) content(ctx context.Context, id digest.ID, content []byte) ([]byte, error) {
	if ctx.Err() != nil {
		return content, context.Cause(ctx)
	}
	object, err := p.t.Cache.Objects().Open(id)
	if err != nil {
		return content, err
	}
	defer object.Close()
	content = slices.Grow(content, int(min(object.Size, pack.SmallObject+1)))
	content = content[:cap(content)]
	n, err := io.ReadFull(object, content[:min(object.Size, pack.SmallObject+1)])
	content = content[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return content, fmt.Errorf("object %s: %w", id, err)
	}
	if len(content) <= pack.SmallObject && digest.Sum(content) != id {
		return content, p.corrupt(ctx, id, &store.CorruptError{Want: id, Got: digest.Sum(content)})
	}
	return content, nil
}

// corrupt has the cache move a damaged object aside, and returns what it says of it.
func (p *push) corrupt(ctx context.Context, id digest.ID, err error) error {
	if found := p.t.Cache.Check(ctx, id); found != nil {
		return found
	}
	return err
}

// packed brings objects here that are in packs, by ranges. Those that came with other bytes
// may lie there alone, too.
func (f *fetch) packed(ctx context.Context, ranges []remote.Range, progress *progress) (map[digest.ID]error, error) {
	damaged := map[digest.ID]error{}
	err := remote.Each(ctx, f.t.jobs(), ranges, func(ctx context.Context, some remote.Range) error {
		batch := f.t.Cache.Begin()
		defer batch.Abort()
		bad := map[digest.ID]error{}
		var size int64
		count := 0
		err := f.t.Remote.ReadRange(ctx, some, func(id digest.ID, content []byte) error {
			err := batch.Put(ctx, id, bytes.NewReader(content))
			var corrupt *store.CorruptError
			if errors.As(err, &corrupt) {
				bad[id] = corrupt
				return nil
			}
			count++
			size += int64(len(content))
			progress.objects.Add(1)
			progress.bytes.Add(int64(len(content)))
			return err
		})
		if ending := batch.Commit(context.WithoutCancel(ctx)); err == nil {
			err = ending
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		maps.Copy(damaged, bad)
		f.result.Objects += count
		f.result.Bytes += size
		return err
	})
	return damaged, err
}
