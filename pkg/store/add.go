package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// chunk is how much is read and written at once. What fits into one is hashed before
// anything is written, so that what is stored already costs no write.
const chunk = 256 << 10

// work is what one addition needs while it lasts.
type work struct {
	buffers [2][]byte
	hasher  *digest.Hasher
}

// works are what additions have used.
var works = sync.Pool{New: func() any {
	return &work{buffers: [2][]byte{make([]byte, chunk), nil}, hasher: digest.New()}
}}

// second returns the other buffer, which small files do without.
func (w *work) second() []byte {
	if w.buffers[1] == nil {
		w.buffers[1] = make([]byte, chunk)
	}
	return w.buffers[1]
}

// Add stores all of a regular file and returns the digest and size of what was
// stored: of the copy, whatever happens to the file meanwhile.
func (b *Batch) Add(ctx context.Context, src *os.File) (digest.ID, int64, error) {
	if ctx.Err() != nil {
		return digest.ID{}, 0, context.Cause(ctx)
	}
	w := works.Get().(*work)
	defer works.Put(w)
	n, err := src.ReadAt(w.buffers[0], 0)
	if err == io.EOF {
		id, err := b.AddBytes(w.buffers[0][:n])
		return id, int64(n), err
	}
	if err != nil {
		return digest.ID{}, 0, err
	}
	temp, err := b.create()
	if err != nil {
		return digest.ID{}, 0, err
	}
	defer temp.Discard()
	id, size, err := b.copy(ctx, temp, src, w)
	if err != nil || b.pending(id) {
		return id, size, err
	}
	if there, err := b.stored(id, size); there || err != nil {
		return id, size, err
	}
	return id, size, b.keep(id, temp)
}

// copy makes a temp hold all of a file, and hashes what the temp then holds.
func (b *Batch) copy(ctx context.Context, temp *disk.Temp, src *os.File, w *work) (digest.ID, int64, error) {
	if to, ok := disk.OSFile(temp.File()); ok && !b.noClone.Load() {
		err := disk.Clone(to, src)
		if err == nil {
			return sumFile(ctx, to, w)
		}
		if !errors.Is(err, disk.ErrNoClone) {
			return digest.ID{}, 0, err
		}
		b.noClone.Store(true)
	}
	if below, err := b.open(); err == nil {
		if err := below.Room(src); err != nil {
			return digest.ID{}, 0, err
		}
	}
	return copyInto(ctx, temp, src, w)
}

// sumFile hashes a file that nobody changes, a large one on all cores.
func sumFile(ctx context.Context, file disk.File, w *work) (digest.ID, int64, error) {
	info, err := file.Stat()
	if err != nil || info.Size() < digest.Large {
		return pour(ctx, nil, io.NewSectionReader(file, 0, 1<<62), w)
	}
	id, err := digest.SumLarge(ctx, file, info.Size())
	return id, info.Size(), err
}

// copyInto copies a file into a temp, a large one on all cores.
func copyInto(ctx context.Context, temp *disk.Temp, src *os.File, w *work) (digest.ID, int64, error) {
	to, real := disk.OSFile(temp.File())
	info, err := src.Stat()
	if err != nil || !real || info.Size() < digest.Large {
		return pour(ctx, temp, io.NewSectionReader(src, 0, 1<<62), w)
	}
	id, err := digest.CopyLarge(ctx, to, src, info.Size())
	if !errors.Is(err, digest.ErrCut) {
		return id, info.Size(), err
	}
	if err := to.Truncate(0); err != nil { // it became shorter meanwhile
		return digest.ID{}, 0, err
	}
	return pour(ctx, temp, io.NewSectionReader(src, 0, 1<<62), w)
}

// AddBytes stores some bytes.
func (b *Batch) AddBytes(content []byte) (digest.ID, error) {
	id := digest.Sum(content)
	if b.pending(id) {
		return id, nil
	}
	there, err := b.stored(id, int64(len(content)))
	switch {
	case err != nil || there:
		return id, err
	case b.damaged(id): // a file of its own is asked for its bytes first
		return id, b.writeFile(id, content)
	}
	return id, b.write(id, content)
}

// write stores some bytes whose digest is known.
func (b *Batch) write(id digest.ID, content []byte) error {
	if done, err := b.intoPack(id, content); done || err != nil {
		return err
	}
	return b.writeFile(id, content)
}

// writeFile gives them a file of their own.
func (b *Batch) writeFile(id digest.ID, content []byte) error {
	temp, err := b.create()
	if err != nil {
		return err
	}
	defer temp.Discard()
	if _, err := temp.Write(content); err != nil {
		return err
	}
	return b.keep(id, temp)
}

// Put stores what r gives if its digest is id, else it returns a CorruptError. What
// is stored already is replaced, so that a damaged object is repaired.
func (b *Batch) Put(ctx context.Context, id digest.ID, r io.Reader) error {
	w := works.Get().(*work)
	defer works.Put(w)
	r = contextReader{ctx, r}
	n, err := io.ReadFull(r, w.buffers[0])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return b.putSmall(id, w.buffers[0][:n])
	}
	if err != nil {
		return err
	}
	temp, err := b.create()
	if err != nil {
		return err
	}
	defer temp.Discard()
	head := bytes.Clone(w.buffers[0])
	got, _, err := pour(ctx, temp, io.MultiReader(bytes.NewReader(head), r), w)
	if err != nil {
		return err
	}
	if got != id {
		return &CorruptError{Want: id, Got: got}
	}
	return b.keep(id, temp)
}

func (b *Batch) putSmall(id digest.ID, content []byte) error {
	if got := digest.Sum(content); got != id {
		return &CorruptError{Want: id, Got: got}
	}
	if b.pending(id) {
		return nil
	}
	below, err := b.open()
	if err != nil {
		return err
	}
	if below.Exists(objectName(id)) { // it may be damaged, and is asked for its bytes first
		return b.writeFile(id, content)
	}
	return b.write(id, content)
}

// pour reads all of from, once, hashes it, and writes it to to unless that is nil.
// One goroutine hashes a chunk while the next is written and read.
func pour(ctx context.Context, to io.Writer, from io.Reader, w *work) (digest.ID, int64, error) {
	w.hasher.Reset()
	full := make(chan []byte, 1)
	empty := make(chan []byte, 2)
	empty <- w.buffers[0]
	empty <- w.second()
	go func() {
		for bytes := range full {
			w.hasher.Write(bytes)
			empty <- bytes
		}
		close(empty)
	}()
	size, err := pump(ctx, to, from, full, empty)
	close(full)
	for range empty { // until the hasher is done
	}
	if err != nil {
		return digest.ID{}, size, err
	}
	return w.hasher.Sum(), size, nil
}

// pump reads into empty buffers, hands them to the hasher, and writes them.
func pump(ctx context.Context, to io.Writer, from io.Reader, full chan<- []byte, empty <-chan []byte) (int64, error) {
	var size int64
	for {
		if ctx.Err() != nil {
			return size, context.Cause(ctx)
		}
		buffer := <-empty
		n, err := io.ReadFull(from, buffer[:chunk])
		if n > 0 {
			full <- buffer[:n]
			size += int64(n)
			if to != nil {
				if _, err := to.Write(buffer[:n]); err != nil {
					return size, err
				}
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}
