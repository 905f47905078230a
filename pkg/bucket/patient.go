package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"

	"flow/pkg/diag"
	"flow/pkg/disk"
)

// Pace is how patient to be with a place.
type Pace struct {
	Tries int           // how often all in all; at least 1
	Wait  time.Duration // before the second try; each further one waits twice as long, up to a limit
	Idle  time.Duration // how long nothing may move
}

// longest is how long to wait at most before another try.
const longest = 30 * time.Second

// errStalled is what a try ends with when nothing has moved for too long.
var errStalled = errors.New("nothing has moved for too long")

// patient is a Bucket that tries again what may come right by itself: broken and stalled
// connections, short reads, servers that are too busy. A read goes on where it was. What
// it returns in the end is an *Error, unless the blob isn't there.
type patient struct {
	inner Bucket
	place string
	pace  Pace
}

var _ Bucket = (*patient)(nil)

// NewPatient makes a bucket patient; place is how messages call it.
func NewPatient(inner Bucket, place string, pace Pace) Bucket {
	return &patient{inner: inner, place: place, pace: pace}
}

// final reports whether trying again is of no use.
func final(err error) bool {
	var told interface{ Lasting() bool } // not net.Error's Temporary: to that a reset connection is for good
	var mistake *diag.Error
	switch {
	case errors.As(err, &told):
		return told.Lasting()
	case errors.As(err, &mistake):
		return true
	}
	for _, hopeless := range []error{fs.ErrNotExist, fs.ErrPermission, ErrReadOnly, ErrNoList, context.Canceled, disk.ErrNotRegular,
		disk.ErrEscapes, syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT, errors.ErrUnsupported} {
		if errors.Is(err, hopeless) {
			return true
		}
	}
	return false
}

// pause waits before another try; false when there is none, or ctx has ended.
func (p *patient) pause(ctx context.Context, tried int) bool {
	if tried >= p.pace.Tries {
		return false
	}
	wait := min(p.pace.Wait<<min(tried-1, 16), longest)
	timer := time.NewTimer(wait/2 + rand.N(wait/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try does something until it works or there is no hope. do gets a context that ends
// when it has not called moved for too long.
func (p *patient) try(ctx context.Context, op string, do func(ctx context.Context, moved func()) error) error {
	for tried := 1; ; tried++ {
		err := p.once(ctx, p.idle(op), do)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if final(err) || !p.pause(ctx, tried) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return p.fail(op, err, tried)
		}
	}
}

// idle is how long nothing may move. Before a listing begins to come a server may have to
// look at all that it has.
func (p *patient) idle(op string) time.Duration {
	if strings.HasPrefix(op, "list ") {
		return 10 * p.pace.Idle
	}
	return p.pace.Idle
}

func (p *patient) once(ctx context.Context, idle time.Duration, do func(ctx context.Context, moved func()) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watch := time.AfterFunc(idle, func() { stop(errStalled) })
	defer watch.Stop()
	err := do(ctx, func() { watch.Reset(idle) })
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled // and not that some context was cancelled
	}
	return err
}

func (p *patient) fail(op string, err error, tried int) error {
	var mistake *diag.Error
	var already *Error
	if errors.As(err, &mistake) || errors.As(err, &already) {
		return err
	}
	if tried > 1 {
		err = fmt.Errorf("%w (tried %d times)", err, tried)
	}
	return &Error{Place: p.place, Op: op, Err: err, Hint: hintOf(err)}
}

// hintOf returns what an error knows to do about it.
func hintOf(err error) string {
	var knows interface{ Hint() string }
	if errors.As(err, &knows) {
		return knows.Hint()
	}
	return ""
}

func (p *patient) Stat(ctx context.Context, name string) (size int64, err error) {
	err = p.try(ctx, "look for "+name, func(ctx context.Context, _ func()) error {
		size, err = p.inner.Stat(ctx, name)
		return err
	})
	return size, err
}

func (p *patient) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	return p.try(ctx, "put "+name, func(ctx context.Context, moved func()) error {
		return p.inner.Put(ctx, name, moving{content, moved}, size)
	})
}

// moving tells when it is read.
type moving struct {
	io.ReaderAt
	moved func()
}

func (m moving) ReadAt(b []byte, at int64) (int, error) {
	m.moved()
	return m.ReaderAt.ReadAt(b, at)
}

func (p *patient) Delete(ctx context.Context, name string) error {
	return p.try(ctx, "delete "+name, func(ctx context.Context, _ func()) error { return p.inner.Delete(ctx, name) })
}

// List gathers what there is before it tells, so that a listing that breaks off can begin
// again.
func (p *patient) List(ctx context.Context, folder string, each func(Blob) error) error {
	var blobs []Blob
	err := p.try(ctx, "list "+folder, func(ctx context.Context, moved func()) error {
		blobs = blobs[:0]
		return p.inner.List(ctx, folder, func(blob Blob) error {
			moved()
			blobs = append(blobs, blob)
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := each(b); err != nil {
			return err
		}
	}
	return nil
}

func (p *patient) Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error) {
	r := &resuming{p: p, ctx: ctx, name: name, at: from, end: -1}
	if size >= 0 {
		r.end = from + size
	}
	if err := p.try(ctx, "get "+name, r.open); err != nil {
		return nil, err
	}
	return r, nil
}

// Close ends the inner bucket's connections.
func (p *patient) Close() error { return Close(p.inner) }

// resuming reads a blob, and goes on where it was when that breaks off.
type resuming struct {
	p       *patient
	ctx     context.Context // ends with the caller's, which is that of the whole read
	name    string
	at, end int64 // end is -1 when it is not known

	body   io.ReadCloser
	cancel context.CancelCauseFunc
	tried  int // without any byte in between
}

// open begins to read at the place that was reached. It must not use the context that it
// is given beyond its return, so it has one of its own.
func (r *resuming) open(trying context.Context, _ func()) error {
	ctx, cancel := context.WithCancelCause(r.ctx)
	unlink := context.AfterFunc(trying, func() { cancel(context.Cause(trying)) })
	size := int64(-1)
	if r.end >= 0 {
		size = r.end - r.at
	}
	body, err := r.p.inner.Get(ctx, r.name, r.at, size)
	if !unlink() && err == nil {
		body.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		cancel(nil)
		return err
	}
	r.body, r.cancel = exactly(body, size), cancel
	return nil
}

func (r *resuming) drop() {
	if r.body != nil {
		r.cancel(nil)
		r.body.Close()
		r.body = nil
	}
}

func (r *resuming) Read(b []byte) (int, error) {
	for {
		if r.body == nil {
			if err := r.p.try(r.ctx, "get "+r.name, r.open); err != nil {
				return 0, err
			}
		}
		n, err := r.read(b)
		r.at += int64(n)
		if n > 0 {
			r.tried = 0
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		r.drop()
		if n > 0 {
			return n, nil // what is wrong shows with the next read
		}
		if r.ctx.Err() != nil {
			return 0, context.Cause(r.ctx)
		}
		r.tried++
		if final(err) || !r.p.pause(r.ctx, r.tried) {
			return 0, r.p.fail("get "+r.name, err, r.tried)
		}
	}
}

// read is one read, which ends with an error when nothing comes for too long.
func (r *resuming) read(b []byte) (int, error) {
	var stalled sync.Once
	was := false
	cancel, body := r.cancel, r.body
	watch := time.AfterFunc(r.p.pace.Idle, func() {
		stalled.Do(func() { was = true })
		cancel(errStalled)
	})
	n, err := body.Read(b)
	watch.Stop()
	stalled.Do(func() {})
	if was && err != nil {
		err = errStalled
	}
	return n, err
}

func (r *resuming) Close() error {
	r.drop()
	return nil
}
