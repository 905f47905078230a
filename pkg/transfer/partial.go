package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/remote"
	"flow/pkg/store"
)

// lasting is from which size on what has come of an object outlasts the process: the next
// one goes on from there.
const lasting = 64 << 20

// large brings those objects here that are so large, and returns all others, with those that
// another process is fetching.
func (f *fetch) large(ctx context.Context, ids []digest.ID, sizes map[digest.ID]int64, paths map[digest.ID]string, progress *progress) ([]digest.ID, error) {
	var large, others []digest.ID
	for _, id := range ids {
		if sizes[id] >= lasting {
			large = append(large, id)
		} else {
			others = append(others, id)
		}
	}
	err := remote.Each(ctx, f.t.jobs(), large, func(ctx context.Context, id digest.ID) error {
		size, err := f.whole(ctx, id, progress)
		var corrupt *store.CorruptError
		if errors.As(err, &corrupt) { // what an earlier process left may have been wrong
			size, err = f.whole(ctx, id, progress)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		var busy *disk.BusyError
		switch {
		case err == nil:
			f.result.Objects++
			f.result.Bytes += size
			progress.objects.Add(1)
		case errors.As(err, &busy):
			others = append(others, id)
		case errors.Is(err, store.ErrAbsent):
			f.problems.missing(paths[id], id)
		default:
			return f.sort(err, paths)
		}
		return nil
	})
	return others, err
}

// whole brings a large object here. What comes is written to a file of its own, which an
// interrupted fetch leaves behind. Its bytes are hashed when they go into the cache.
func (f *fetch) whole(ctx context.Context, id digest.ID, progress *progress) (int64, error) {
	root := f.t.Cache.Root()
	name := cache.PartName(id)
	if err := root.MkdirAll("objects", 0o777); err != nil {
		return 0, err
	}
	lock, err := root.TryLock(name+"-lock", disk.Exclusive, "flow fetch")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = root.Remove(name + "-lock")
		lock.Unlock()
	}()
	file, err := root.OpenPartial(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if err := f.append(ctx, id, file, progress); err != nil {
		return 0, err
	}
	source, ok := disk.OSFile(file)
	if !ok {
		return 0, fmt.Errorf("object %s: %w", id, errors.ErrUnsupported)
	}
	size, err := f.adopt(ctx, id, source)
	var corrupt *store.CorruptError
	if err == nil || errors.As(err, &corrupt) {
		_ = root.Remove(name) // when it is wrong, the next try begins anew
	}
	return size, err
}

// append reads an object from where the file ends on.
func (f *fetch) append(ctx context.Context, id digest.ID, file disk.File, progress *progress) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	progress.bytes.Add(info.Size())
	content, err := f.t.Remote.GetFrom(ctx, id, info.Size())
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, &reading{content, progress}, make([]byte, 1<<20))
	return err
}

// reading counts what is read.
type reading struct {
	io.Reader
	progress *progress
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.progress.bytes.Add(int64(n))
	return n, err
}

// adopt puts a file into the cache if it is what it should be.
func (f *fetch) adopt(ctx context.Context, id digest.ID, source *os.File) (int64, error) {
	batch := f.t.Cache.Begin()
	defer batch.Abort()
	got, size, err := digest.SumReader(io.NewSectionReader(source, 0, 1<<62))
	if err != nil {
		return 0, err
	}
	if got != id {
		return 0, &store.CorruptError{Want: id, Got: got}
	}
	if got, _, err = batch.Add(ctx, source); err != nil {
		return 0, err
	}
	if got != id {
		return 0, &store.CorruptError{Want: id, Got: got}
	}
	return size, batch.Commit(ctx)
}
