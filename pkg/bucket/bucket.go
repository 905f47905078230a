// Package bucket is named blobs in some place: a folder, or a server.
//
// A blob is seen whole or not at all, and its name says what it holds: putting it twice
// puts the same. What a place can do besides is nobody's business, so that each kind of
// place is one small file, and what is written on top of it is written once.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Bucket keeps blobs by slash-separated names. Its methods may be called from several
// goroutines. An error that is fs.ErrNotExist says that there is no such blob.
type Bucket interface {
	// Stat returns the size of a blob.
	Stat(ctx context.Context, name string) (int64, error)

	// Get opens size bytes of a blob from an offset on, which the caller closes; with
	// a size of -1, all that follow. Bytes that don't come are an error, never an end.
	Get(ctx context.Context, name string, from, size int64) (io.ReadCloser, error)

	// Put stores a blob. Nobody sees it before it is complete and durable. It may read
	// the content more than once and from several goroutines.
	Put(ctx context.Context, name string, content io.ReaderAt, size int64) error

	// List calls each for every blob below a folder, at any depth and in any order,
	// until it returns an error, which is what List then returns. The folder need not
	// be there. "" is all.
	List(ctx context.Context, folder string, each func(Blob) error) error

	// Delete removes a blob. One that isn't there is fine.
	Delete(ctx context.Context, name string) error
}

// Blob is what a listing tells of a blob.
type Blob struct {
	Name     string
	Size     int64     // -1 where the place doesn't tell
	Modified time.Time // when it was put, by the place's clock; zero where the place doesn't tell
}

// leftover is how old something unfinished must be for nobody to be at work on it.
const leftover = 24 * time.Hour

// Sweep removes what interrupted Puts have left of blobs that nobody is putting any more,
// where a place keeps that apart. Elsewhere a listing does so.
func Sweep(ctx context.Context, b Bucket) error {
	if p, patient := b.(*patient); patient {
		b = p.inner
	}
	if sweeper, can := b.(interface{ sweep(context.Context) error }); can {
		return sweeper.sweep(ctx)
	}
	return nil
}

// ErrReadOnly says that a kind of place can only be read.
var ErrReadOnly = errors.New("it can only be read")

// ErrNoList says that a server does not tell what it holds.
var ErrNoList = errors.New("it does not list what it holds")

// Error is a place that could not do what it was asked. It holds no credentials.
type Error struct {
	Place string // the remote, as a person knows it
	Op    string // what was asked: "put objects/ab/cdef…"
	Hint  string // what to do about it; may be ""
	Err   error
}

// Error tells what was asked of whom and what came of it.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %v", e.Place, e.Op, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Explain returns what to do about it.
func (e *Error) Explain() (lines []string, hint string) { return nil, e.Hint }

// absent is the error for a blob that isn't there.
func absent(name string) error { return fmt.Errorf("%s: %w", name, fs.ErrNotExist) }

// exactly makes a stream that ends early an error. size is -1 when it is not known.
func exactly(body io.ReadCloser, size int64) io.ReadCloser {
	if size < 0 {
		return body
	}
	return &exact{body: body, left: size}
}

type exact struct {
	body io.ReadCloser
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > e.left {
		p = p[:e.left]
	}
	n, err := e.body.Read(p)
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (e *exact) Close() error { return e.body.Close() }
