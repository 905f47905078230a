// Package remote is the store behind a URL.
//
// It keeps, by name in some bucket,
//
//	objects/ab/cdef…   an object each, named by its digest
//	packs/<id>.pack    many small objects in each (see package pack), named by its index
//	packs/<id>.idx     the pack's index, as it stands at its end; written last
//	actions/<digest>   remembered runs, some in each blob, named by the blob's digest
//	runs/<run>/<digest>.<kind>  a note about a run of the history, named by its digest
//
//	holds/…            who is at work on it, and what was pushed lately (see holds.go)
//
// whatever the bucket is. All that is there, but for the holds, is named by what it holds,
// so nothing is ever changed, and a copy of the folder is a remote, too.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"flow/pkg/bucket"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

const (
	objectsDir = "objects"
	actionsDir = "actions"
)

// Remote is a Store in a bucket.
type Remote struct {
	Name   string
	Jobs   int // how many transfers at a time
	bucket bucket.Bucket
	packs  packs
	clock  Clock

	holding sync.Mutex
	hold    *Hold // of a push; nil for none
	// claims is how old the claims were that were there, by their digests, at a time.
	claims   map[string]time.Duration
	claimsAt time.Time
}

var _ store.Store = (*Remote)(nil)

// Jobs is how many transfers there are at a time when nobody says.
const Jobs = 8

// Open returns the store behind a URL. It makes no connection yet; Close ends those that
// were made.
func Open(spec bucket.Spec) (*Remote, error) {
	r := &Remote{Name: spec.Name, Jobs: Jobs, clock: machine}
	if text := spec.Settings["jobs"]; text != "" {
		jobs, err := strconv.Atoi(text)
		if err != nil || jobs < 1 || jobs > 1000 {
			return nil, diag.At(diag.Pos{}, "the jobs of remote %s, %q, are no number from 1 to 1000", spec.Name, text)
		}
		r.Jobs = jobs
	}
	var err error
	r.bucket, err = bucket.Open(spec)
	return r, err
}

// New returns the store in a bucket.
func New(name string, b bucket.Bucket) *Remote {
	return &Remote{Name: name, Jobs: Jobs, bucket: b, clock: machine}
}

// Close ends the hold of a push, and the connections.
func (r *Remote) Close() error {
	r.letGo()
	return bucket.Close(r.bucket)
}

// Sweep removes what interrupted pushes left unfinished long ago.
func (r *Remote) Sweep(ctx context.Context) error { return bucket.Sweep(ctx, r.bucket) }

// objectName is the name of an object's blob.
func objectName(id digest.ID) string {
	hex := id.Hex()
	return objectsDir + "/" + hex[:2] + "/" + hex[2:]
}

// Has reports whether an object is there.
func (r *Remote) Has(ctx context.Context, id digest.ID) (bool, error) {
	all, err := r.known(ctx)
	if err != nil {
		return false, err
	}
	if p, _ := find(all, id); p != nil {
		return true, nil
	}
	return r.hasAlone(ctx, id)
}

// hasAlone reports whether an object is there as a blob of its own.
func (r *Remote) hasAlone(ctx context.Context, id digest.ID) (bool, error) {
	_, err := r.bucket.Stat(ctx, objectName(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Get opens an object. Its bytes are not checked.
func (r *Remote) Get(ctx context.Context, id digest.ID) (io.ReadCloser, error) {
	if content, err := r.getPacked(ctx, id); content != nil || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return content, err
	}
	return r.GetFrom(ctx, id, 0)
}

// GetFrom opens an object that is a blob of its own, from a byte on.
func (r *Remote) GetFrom(ctx context.Context, id digest.ID, from int64) (io.ReadCloser, error) {
	content, err := r.bucket.Get(ctx, objectName(id), from, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r.absent(id)
	}
	return content, err
}

func (r *Remote) absent(id digest.ID) error {
	return fmt.Errorf("object %s: remote %s: %w", id, r.Name, store.ErrAbsent)
}

// Put stores an object. All of it is read and hashed before any of it is sent.
func (r *Remote) Put(ctx context.Context, id digest.ID, from io.Reader) error {
	held, err := hold(ctx, from)
	if err != nil {
		return err
	}
	defer held.close()
	return r.send(ctx, id, held)
}

// Send stores what a file holds as an object, and tells while it goes how many of its
// bytes have been sent.
func (r *Remote) Send(ctx context.Context, id digest.ID, file disk.File, sent func(upTo int64)) error {
	held, err := hold(ctx, file)
	if err != nil {
		return err
	}
	held.content = &watched{ReaderAt: file, sent: sent}
	return r.send(ctx, id, held)
}

func (r *Remote) send(ctx context.Context, id digest.ID, held *held) error {
	if held.id != id {
		return &store.CorruptError{Want: id, Got: held.id}
	}
	return r.bucket.Put(ctx, objectName(id), held.content, held.size)
}

// Alone returns the store of those objects only that are blobs of their own: a second copy
// of what is in packs.
func (r *Remote) Alone() store.Store { return alone{r} }

type alone struct{ *Remote }

func (a alone) Has(ctx context.Context, id digest.ID) (bool, error) { return a.hasAlone(ctx, id) }

func (a alone) Get(ctx context.Context, id digest.ID) (io.ReadCloser, error) {
	return a.GetFrom(ctx, id, 0)
}

func (a alone) List(ctx context.Context, each func(id digest.ID, size int64) error) error {
	return a.list(ctx, objectsDir, each)
}

// List calls each for every object.
func (r *Remote) List(ctx context.Context, each func(id digest.ID, size int64) error) error {
	all, err := r.known(ctx)
	if err != nil {
		return err
	}
	for i, p := range all {
		for j := range p.Len() {
			e := p.At(j)
			if first, _ := find(all[:i], e.ID); first != nil {
				continue
			}
			if err := each(e.ID, int64(e.Size)); err != nil {
				return err
			}
		}
	}
	return r.list(ctx, objectsDir, func(id digest.ID, size int64) error {
		if p, _ := find(all, id); p != nil {
			return nil
		}
		return each(id, size)
	})
}

func (r *Remote) list(ctx context.Context, folder string, each func(id digest.ID, size int64) error) error {
	return r.bucket.List(ctx, folder, func(blob bucket.Blob) error {
		id, ok := objectOf(blob.Name)
		if !ok {
			return nil // somebody else's
		}
		return each(id, blob.Size)
	})
}

// objectOf returns the digest that a blob is named by, if it is an object's.
func objectOf(name string) (digest.ID, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 3 || parts[0] != objectsDir || len(parts[1]) != 2 {
		return digest.ID{}, false
	}
	id, err := digest.ParseHex(parts[1] + parts[2])
	return id, err == nil
}

// Delete removes an object. One in a pack can't be removed alone.
func (r *Remote) Delete(ctx context.Context, id digest.ID) error {
	all, err := r.known(ctx)
	if err != nil {
		return err
	}
	if p, _ := find(all, id); p != nil {
		return fmt.Errorf("object %s is in a pack of remote %s: %w", id, r.Name, errors.ErrUnsupported)
	}
	return r.bucket.Delete(ctx, objectName(id))
}
