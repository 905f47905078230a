package remote

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"flow/pkg/digest"
	"flow/pkg/pack"
)

// DeleteAlone removes an object that is a blob of its own.
func (r *Remote) DeleteAlone(ctx context.Context, id digest.ID) error {
	return r.bucket.Delete(ctx, objectName(id))
}

// DeletePack removes a pack: first its index, so that nobody takes for there what is going.
func (r *Remote) DeletePack(ctx context.Context, id digest.ID) error {
	r.packs.mu.Lock()
	r.packs.all = slices.DeleteFunc(r.packs.all, func(p *pack.Pack) bool { return p.ID() == id })
	r.packs.mu.Unlock()
	if err := r.bucket.Delete(ctx, packName(id)+indexEnd); err != nil {
		return err
	}
	if r.packs.keep != nil {
		_ = r.packs.keep.Remove(r.packs.dir + "/" + id.Hex() + indexEnd) // it is in nobody's way
	}
	return r.bucket.Delete(ctx, packName(id)+packEnd)
}

// widestPack is how large packs get that are made of what is left of others.
const widestPack = 16 << 20

// Sift makes new packs of those objects of some packs that are needed. It removes nothing:
// that is for afterwards, when the new packs are there. A pack of which an object is damaged
// is returned, and nothing is taken from it. It tells how many bytes the new packs have.
func (r *Remote) Sift(ctx context.Context, packs []*pack.Pack, needed func(digest.ID) bool, still func() error) (added int64, damaged []digest.ID, err error) {
	s := &sifting{r: r, still: still, seen: map[digest.ID]bool{}}
	if err := s.begin(); err != nil {
		return 0, nil, err
	}
	for _, p := range packs {
		whole, err := s.one(ctx, p, needed)
		if err != nil {
			return s.added, damaged, err
		}
		if !whole {
			damaged = append(damaged, p.ID())
		}
		if s.whole.Len() >= widestPack {
			if err := s.finish(ctx); err != nil {
				return s.added, damaged, err
			}
		}
	}
	return s.added, damaged, s.finish(ctx)
}

// sifting is one Sift at work.
type sifting struct {
	r      *Remote
	still  func() error
	seen   map[digest.ID]bool
	whole  *bytes.Buffer
	writer *pack.Writer
	added  int64
}

func (s *sifting) begin() (err error) {
	s.whole = &bytes.Buffer{}
	s.writer, err = pack.NewWriter(s.whole)
	return err
}

// one takes what is needed of a pack, all of it or, when some of it is damaged, nothing.
func (s *sifting) one(ctx context.Context, p *pack.Pack, needed func(digest.ID) bool) (whole bool, err error) {
	var entries []pack.Entry
	for i := range p.Len() {
		if e := p.At(i); needed(e.ID) && !s.seen[e.ID] {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b pack.Entry) int { return int(a.Offset - b.Offset) })
	type object struct {
		id      digest.ID
		content []byte
	}
	var objects []object
	whole = true
	for len(entries) > 0 {
		n := near(entries)
		err := s.r.ReadRange(ctx, Range{p.ID(), entries[:n]}, func(id digest.ID, content []byte) error {
			whole = whole && digest.Sum(content) == id
			objects = append(objects, object{id, bytes.Clone(content)})
			return nil
		})
		if err != nil {
			return false, fmt.Errorf("read pack %s of remote %s: %w", p.ID(), s.r.Name, err)
		}
		entries = entries[n:]
	}
	if !whole {
		return false, nil
	}
	for _, o := range objects {
		if _, err := s.writer.Add(o.id, o.content); err != nil {
			return false, err
		}
		s.seen[o.id] = true
	}
	return true, nil
}

// finish puts the pack that is being made.
func (s *sifting) finish(ctx context.Context) error {
	if s.writer.Len() == 0 {
		return nil
	}
	id, err := s.writer.Finish()
	if err != nil {
		return err
	}
	if err := s.still(); err != nil {
		return err
	}
	if err := s.r.PutPack(ctx, id, s.whole.Bytes()); err != nil {
		return err
	}
	s.added += int64(s.whole.Len())
	return s.begin()
}
