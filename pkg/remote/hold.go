package remote

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// held is a content whose digest and size are known, to be read as often as need be.
type held struct {
	id      digest.ID
	size    int64
	content io.ReaderAt
	close   func()
}

// small is what is kept in memory.
const small = 1 << 20

// hold reads all of a content. A file is read where it is; else what is not small is
// written to a temporary file of the system's.
func hold(ctx context.Context, from io.Reader) (*held, error) {
	if file, ok := from.(disk.File); ok {
		id, size, err := sum(ctx, io.NewSectionReader(file, 0, math.MaxInt64), nil)
		return &held{id, size, file, func() {}}, err
	}
	start, err := io.ReadAll(io.LimitReader(within{ctx, from}, small))
	if err != nil {
		return nil, err
	}
	if len(start) < small {
		return &held{digest.Sum(start), int64(len(start)), bytes.NewReader(start), func() {}}, nil
	}
	temp, err := os.CreateTemp("", "flow-push-")
	if err != nil {
		return nil, err
	}
	gone := os.Remove(temp.Name()) == nil // where a file may go while it is open, a kill leaves nothing
	done := func() {
		temp.Close()
		if !gone {
			os.Remove(temp.Name())
		}
	}
	id, size, err := sum(ctx, io.MultiReader(bytes.NewReader(start), from), temp)
	if err != nil {
		done()
		return nil, err
	}
	return &held{id, size, temp, done}, nil
}

// sum hashes all that a reader gives, and writes it to to unless that is nil.
func sum(ctx context.Context, from io.Reader, to io.Writer) (digest.ID, int64, error) {
	hasher := digest.New()
	var into io.Writer = hasher
	if to != nil {
		into = io.MultiWriter(hasher, to)
	}
	size, err := io.CopyBuffer(into, within{ctx, from}, make([]byte, 256<<10))
	if err != nil {
		return digest.ID{}, size, err
	}
	return hasher.Sum(), size, nil
}

// within reads as long as ctx lasts.
type within struct {
	ctx context.Context
	io.Reader
}

func (w within) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.Reader.Read(p)
}

// watched tells how far a content was read.
type watched struct {
	io.ReaderAt
	sent func(upTo int64)
}

func (w *watched) ReadAt(p []byte, at int64) (int, error) {
	n, err := w.ReaderAt.ReadAt(p, at)
	w.sent(at + int64(n))
	return n, err
}
