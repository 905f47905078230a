package store

import (
	"bytes"
	"context"
	"io"
	"maps"
	"sync"

	"flow/pkg/digest"
)

// Mem is a Store in memory. The zero Mem is empty and ready.
type Mem struct {
	mu      sync.RWMutex
	objects map[digest.ID][]byte
}

var _ Store = (*Mem)(nil)

// Has reports whether an object is there.
func (m *Mem) Has(ctx context.Context, id digest.ID) (bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, found := m.objects[id]
	return found, context.Cause(ctx)
}

// Get opens an object.
func (m *Mem) Get(ctx context.Context, id digest.ID) (io.ReadCloser, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	content, found := m.objects[id]
	if !found {
		return nil, absent(id)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// Put stores an object.
func (m *Mem) Put(ctx context.Context, id digest.ID, r io.Reader) error {
	content, err := io.ReadAll(contextReader{ctx, r})
	if err != nil {
		return err
	}
	if got := digest.Sum(content); got != id {
		return &CorruptError{Want: id, Got: got}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects == nil {
		m.objects = map[digest.ID][]byte{}
	}
	m.objects[id] = content
	return nil
}

// List calls each for every object.
func (m *Mem) List(ctx context.Context, each func(id digest.ID, size int64) error) error {
	m.mu.RLock()
	objects := maps.Clone(m.objects)
	m.mu.RUnlock()
	for id, content := range objects {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := each(id, int64(len(content))); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes an object.
func (m *Mem) Delete(ctx context.Context, id digest.ID) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, id)
	return nil
}
