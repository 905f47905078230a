package remote

import (
	"context"
	"errors"
	"strings"
	"time"

	"flow/pkg/bucket"
	"flow/pkg/digest"
	"flow/pkg/pack"
)

// Stock is all that a remote holds of flow's.
type Stock struct {
	Objects []Stored // blobs of their own
	Packs   []Stored // whole ones
	Halves  []Stored // packs whose index isn't there: they hold nothing
	Actions []Stored // blobs of remembered runs
	Other   int64    // bytes of all else: indexes, the history of runs, holds
}

// Stored is a blob that is named by a digest.
type Stored struct {
	ID       digest.ID
	Size     int64
	Modified time.Time
	Pack     *pack.Pack // of a whole pack: what is in it
}

// Bytes returns how many bytes there are.
func (s *Stock) Bytes() int64 {
	sum := s.Other
	for _, some := range [][]Stored{s.Objects, s.Packs, s.Halves, s.Actions} {
		for _, one := range some {
			sum += max(0, one.Size)
		}
	}
	return sum
}

// Sizes returns the size of every object, be it alone or in packs.
func (s *Stock) Sizes() map[digest.ID]int64 {
	sizes := map[digest.ID]int64{}
	for _, one := range s.Packs {
		for i := range one.Pack.Len() {
			e := one.Pack.At(i)
			sizes[e.ID] = int64(e.Size)
		}
	}
	for _, one := range s.Objects {
		sizes[one.ID] = one.Size
	}
	return sizes
}

// Stock lists all that is there.
func (r *Remote) Stock(ctx context.Context) (*Stock, error) {
	s := &Stock{}
	r.forget()
	known, err := r.known(ctx)
	if err != nil {
		return nil, err
	}
	indexes := map[digest.ID]*pack.Pack{}
	for _, p := range known {
		indexes[p.ID()] = p
	}
	for _, folder := range []string{objectsDir, packsDir, actionsDir, notesDir, holdsDir} {
		err := r.bucket.List(ctx, folder, func(blob bucket.Blob) error {
			s.add(blob, indexes)
			return nil
		})
		if err != nil && !errors.Is(err, bucket.ErrNoList) {
			return nil, err
		}
	}
	return s, nil
}

func (s *Stock) add(blob bucket.Blob, indexes map[digest.ID]*pack.Pack) {
	one := Stored{Size: blob.Size, Modified: blob.Modified}
	if id, ok := objectOf(blob.Name); ok {
		one.ID = id
		s.Objects = append(s.Objects, one)
		return
	}
	folder, name, _ := strings.Cut(blob.Name, "/")
	id, err := digest.ParseHex(strings.TrimSuffix(name, packEnd))
	one.ID, one.Pack = id, indexes[id]
	switch {
	case folder == packsDir && err == nil && strings.HasSuffix(name, packEnd) && one.Pack != nil:
		s.Packs = append(s.Packs, one)
	case folder == packsDir && err == nil && strings.HasSuffix(name, packEnd):
		s.Halves = append(s.Halves, one)
	case folder == actionsDir && err == nil:
		one.Pack = nil
		s.Actions = append(s.Actions, one)
	default:
		s.Other += max(0, blob.Size)
	}
}

// Relist has what is known of the packs looked up again: they may have given way to others.
func (r *Remote) Relist() { r.forget() }

// forget has what is known of the packs looked up again.
func (r *Remote) forget() {
	r.packs.mu.Lock()
	defer r.packs.mu.Unlock()
	r.packs.listed, r.packs.all = false, nil
}
