// Package store is any place that keeps content by its digest.
//
// The cache on this machine and every remote are a Store; moving bytes between two
// of them is Copy. Content under a digest never changes and is never seen in part.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"flow/pkg/digest"
)

// ErrAbsent says that a store does not hold what was asked for.
var ErrAbsent = errors.New("not in the store")

// Store keeps content by its digest. Its methods may be called from several
// goroutines.
type Store interface {
	// Has reports whether an object is there. It does not read it.
	Has(ctx context.Context, id digest.ID) (bool, error)

	// Get opens an object, which the caller closes; ErrAbsent, wrapped, when it
	// isn't there. The bytes are those that are stored: whether they still match
	// the digest is for the caller to check.
	Get(ctx context.Context, id digest.ID) (io.ReadCloser, error)

	// Put stores what r gives if its digest is id; else a CorruptError, and nothing
	// is stored. When it returns nil the object is durable. Putting an object that
	// is there is fine, and repairs it.
	Put(ctx context.Context, id digest.ID, r io.Reader) error

	// List calls each for every object, in any order, until it returns an error,
	// which is what List then returns.
	List(ctx context.Context, each func(id digest.ID, size int64) error) error

	// Delete removes an object. One that isn't there is fine.
	Delete(ctx context.Context, id digest.ID) error
}

// CorruptError says that bytes don't have the digest under which they are kept, or
// were announced.
type CorruptError struct {
	Want, Got digest.ID
	Where     string // the file, the store or what else they came from
}

// Error tells both digests.
func (e *CorruptError) Error() string {
	where := ""
	if e.Where != "" {
		where = " in " + e.Where
	}
	return fmt.Sprintf("object %s%s is corrupt: its content has the digest %s", e.Want, where, e.Got)
}

// absent returns ErrAbsent with the object's name.
func absent(id digest.ID) error { return fmt.Errorf("object %s: %w", id, ErrAbsent) }

// contextReader ends a read when ctx does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
