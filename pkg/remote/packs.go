package remote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"flow/pkg/bucket"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/pack"
)

const (
	packsDir = "packs"
	packEnd  = ".pack"
	indexEnd = ".idx"
)

// packs is what is known of the packs of a remote. They are listed once.
type packs struct {
	keep *disk.Root // where indexes are kept for the next process; nil for nowhere
	dir  string

	mu     sync.Mutex
	listed bool
	all    []*pack.Pack
}

// KeepIndexes says where to keep the indexes of packs, so that they are read once on this
// machine. Whatever is there is checked before it is used.
func (r *Remote) KeepIndexes(root *disk.Root, dir string) { r.packs.keep, r.packs.dir = root, dir }

// known returns the packs that are there.
func (r *Remote) known(ctx context.Context) ([]*pack.Pack, error) {
	p := &r.packs
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listed {
		return p.all, nil
	}
	sizes := map[string]int64{} // -1 where the bucket doesn't tell
	err := r.bucket.List(ctx, packsDir, func(blob bucket.Blob) error {
		if strings.HasSuffix(blob.Name, indexEnd) {
			sizes[blob.Name] = blob.Size
		}
		return nil
	})
	if err != nil && !errors.Is(err, bucket.ErrNoList) {
		return nil, err
	}
	var mu sync.Mutex
	var all []*pack.Pack
	err = Each(ctx, r.Jobs, slices.Sorted(maps.Keys(sizes)), func(ctx context.Context, name string) error {
		index, err := r.index(ctx, name, sizes[name])
		mu.Lock()
		defer mu.Unlock()
		if index != nil {
			all = append(all, index)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *pack.Pack) int { return a.ID().Compare(b.ID()) })
	p.all, p.listed = all, true
	return all, nil
}

// index returns a pack by the name of its index; nil when that is not one. An index that
// is damaged, also when it is read once more, is as good as none: what the pack holds is
// then not there, and is pushed again.
func (r *Remote) index(ctx context.Context, name string, size int64) (*pack.Pack, error) {
	id, err := digest.ParseHex(strings.TrimSuffix(path.Base(name), indexEnd))
	if err != nil {
		return nil, nil // somebody else's
	}
	keep := r.packs.dir + "/" + path.Base(name)
	if r.packs.keep != nil {
		if text, err := r.packs.keep.Read(keep); err == nil {
			if index := openIndex(text, id); index != nil {
				return index, nil
			}
		}
	}
	for range 2 {
		text, err := r.read(ctx, name, size)
		if err != nil {
			return nil, err
		}
		index := openIndex(text, id)
		if index == nil {
			continue
		}
		if r.packs.keep != nil && r.packs.keep.MkdirAll(r.packs.dir, 0o777) == nil {
			_ = r.packs.keep.Replace(keep, text, 0o666) // what can't be kept is read again
		}
		return index, nil
	}
	return nil, nil
}

// read returns all of a small blob.
func (r *Remote) read(ctx context.Context, name string, size int64) ([]byte, error) {
	body, err := r.bucket.Get(ctx, name, 0, size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// openIndex returns the pack of an index, which is what stands at the pack's end; nil when
// it isn't the one of that name.
func openIndex(text []byte, id digest.ID) *pack.Pack {
	if len(text) < pack.TrailerSize {
		return nil
	}
	begin := binary.LittleEndian.Uint64(text[len(text)-pack.TrailerSize:])
	if begin > 1<<50 {
		return nil
	}
	p, err := pack.Open(shifted{bytes.NewReader(text), int64(begin)}, int64(begin)+int64(len(text)))
	if err != nil || p.ID() != id {
		return nil
	}
	return p
}

// shifted is the end of something longer.
type shifted struct {
	io.ReaderAt
	from int64
}

func (s shifted) ReadAt(p []byte, at int64) (int, error) {
	if at < s.from {
		return 0, io.ErrUnexpectedEOF
	}
	return s.ReaderAt.ReadAt(p, at-s.from)
}

// find returns where an object is in a pack; nil when it is in none.
func find(all []*pack.Pack, id digest.ID) (*pack.Pack, pack.Entry) {
	for _, p := range all {
		if e, found := p.Find(id); found {
			return p, e
		}
	}
	return nil, pack.Entry{}
}

func packName(id digest.ID) string { return packsDir + "/" + id.Hex() }

// getPacked opens an object that is in a pack; nil when it is in none.
func (r *Remote) getPacked(ctx context.Context, id digest.ID) (io.ReadCloser, error) {
	all, err := r.known(ctx)
	if err != nil {
		return nil, err
	}
	p, e := find(all, id)
	if p == nil {
		return nil, nil
	}
	return r.bucket.Get(ctx, packName(p.ID())+packEnd, e.Offset, int64(e.Size))
}

// PutPack stores a finished pack. Its objects are there when its index is.
func (r *Remote) PutPack(ctx context.Context, id digest.ID, whole []byte) error {
	p, err := pack.Open(bytes.NewReader(whole), int64(len(whole)))
	if err != nil || p.ID() != id {
		return fmt.Errorf("pack %s: %w", id, pack.ErrNoPack)
	}
	name := packName(id)
	if err := r.bucket.Put(ctx, name+packEnd, bytes.NewReader(whole), int64(len(whole))); err != nil {
		return err
	}
	begin := binary.LittleEndian.Uint64(whole[len(whole)-pack.TrailerSize:])
	index := bytes.Clone(whole[begin:]) // which is kept, and the rest need not be
	if err := r.bucket.Put(ctx, name+indexEnd, bytes.NewReader(index), int64(len(index))); err != nil {
		return err
	}
	r.packs.mu.Lock()
	defer r.packs.mu.Unlock()
	if r.packs.listed {
		r.packs.all = append(r.packs.all, openIndex(index, id))
	}
	return nil
}

// Range is objects that stand near each other in a pack, read with one request.
type Range struct {
	pack    digest.ID
	entries []pack.Entry // by offset
}

// Len returns how many objects there are.
func (g Range) Len() int { return len(g.entries) }

const (
	farthest = 64 << 10 // how many bytes that nobody wants are read rather than left out by another request
	widest   = 8 << 20  // the most that is read with one request
)

// Packed sorts some objects: those in packs, as ranges to read, and all others.
func (r *Remote) Packed(ctx context.Context, ids []digest.ID) ([]Range, []digest.ID, error) {
	all, err := r.known(ctx)
	if err != nil || len(all) == 0 {
		return nil, ids, err
	}
	byPack := map[digest.ID][]pack.Entry{}
	var others []digest.ID
	for _, id := range ids {
		p, e := find(all, id)
		if p == nil {
			others = append(others, id)
			continue
		}
		byPack[p.ID()] = append(byPack[p.ID()], e)
	}
	var ranges []Range
	for _, p := range all {
		entries := byPack[p.ID()]
		slices.SortFunc(entries, func(a, b pack.Entry) int { return int(a.Offset - b.Offset) })
		for len(entries) > 0 {
			n := near(entries)
			ranges = append(ranges, Range{p.ID(), entries[:n]})
			entries = entries[n:]
		}
	}
	return ranges, others, nil
}

// near returns how many of some entries are read with one request.
func near(entries []pack.Entry) int {
	for i := 1; i < len(entries); i++ {
		before := entries[i-1].Offset + int64(entries[i-1].Size)
		if entries[i].Offset-before > farthest || entries[i].Offset+int64(entries[i].Size)-entries[0].Offset > widest {
			return i
		}
	}
	return len(entries)
}

// ReadRange reads the objects of a range and hands over each with its bytes, which are not
// checked, and each's only until it returns.
func (r *Remote) ReadRange(ctx context.Context, g Range, each func(id digest.ID, content []byte) error) error {
	first, last := g.entries[0], g.entries[len(g.entries)-1]
	body, err := r.bucket.Get(ctx, packName(g.pack)+packEnd, first.Offset, last.Offset+int64(last.Size)-first.Offset)
	if err != nil {
		return err
	}
	defer body.Close()
	at := first.Offset
	var buffer []byte
	for _, e := range g.entries {
		if e.Offset < at { // two entries share bytes, as no writer of flow's makes them
			return fmt.Errorf("pack %s: %w", g.pack, pack.ErrNoPack)
		}
		if _, err := io.CopyN(io.Discard, body, e.Offset-at); err != nil {
			return fmt.Errorf("read pack %s: %w", g.pack, err)
		}
		if cap(buffer) < e.Size {
			buffer = make([]byte, e.Size)
		}
		buffer = buffer[:e.Size]
		if _, err := io.ReadFull(body, buffer); err != nil {
			return fmt.Errorf("read pack %s: %w", g.pack, err)
		}
		at = e.Offset + int64(e.Size)
		if err := each(e.ID, buffer); err != nil {
			return err
		}
	}
	return nil
}
