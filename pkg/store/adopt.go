package store

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// Adopt is Add for a file that nobody writes to any more: an object of another store. A
// large one that is read-only costs no room: where the file system shares no blocks, it
// gets a second name in the store. The file was opened at an absolute path.
func (b *Batch) Adopt(ctx context.Context, src *os.File, path string) (digest.ID, int64, error) {
	info, err := src.Stat()
	if err != nil {
		return digest.ID{}, 0, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o222 != 0 || info.Size() <= chunk || b.clones(src) {
		return b.Add(ctx, src)
	}
	id, size, _, err := b.link(ctx, info, path)
	if errors.Is(err, errNoLink) {
		return b.Add(ctx, src)
	}
	return id, size, err
}

// Take has a large file become the object itself, which costs no room: it gets a second name
// in the store, and nobody's permission to write. taken is false where that can't be, as
// when somebody has it open to write, or the store has the object: then it is to be added.
// Until Commit has ended well, an Abort gives the permissions back. The file was opened at an
// absolute path.
func (b *Batch) Take(ctx context.Context, src *os.File, path string) (id digest.ID, size int64, taken bool, err error) {
	id, size, taken, err = b.take(ctx, src, path)
	if errors.Is(err, errNoLink) {
		return id, size, false, nil
	}
	return id, size, taken, err
}

func (b *Batch) take(ctx context.Context, src *os.File, path string) (digest.ID, int64, bool, error) {
	info, err := src.Stat()
	if err != nil {
		return digest.ID{}, 0, false, err
	}
	perm := info.Mode().Perm()
	if !info.Mode().IsRegular() || info.Size() < digest.Large || !disk.NoWriters(src) || src.Chmod(perm&objectMode) != nil {
		return digest.ID{}, 0, false, errNoLink
	}
	id, size, linked, err := b.link(ctx, info, path)
	if linked && !asBefore(src, info) {
		b.drop(id)
		err = errNoLink
	}
	if err != nil || !linked { // then the store has it, or the batch
		_ = src.Chmod(perm)
		return id, size, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = append(b.taken, taken{file: path, perm: perm})
	return id, size, true, nil
}

// asBefore reports whether nobody can have written to a file since it had a stat.
func asBefore(file *os.File, was fs.FileInfo) bool {
	now, err := file.Stat()
	return err == nil && now.ModTime().Equal(was.ModTime()) && now.Size() == was.Size() && disk.NoWriters(file)
}

// taken is a file that has become an object, and what it was allowed before.
type taken struct {
	file string
	perm fs.FileMode
}

// drop takes an object out of the batch.
func (b *Batch) drop(id digest.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if temp, found := b.temps[id]; found {
		b.below.Remove(temp)
		delete(b.temps, id)
	}
}

// clones finds out, once, whether the file system shares blocks.
func (b *Batch) clones(src *os.File) bool {
	if b.noClone.Load() {
		return false
	}
	temp, err := b.create()
	if err != nil {
		return false
	}
	defer temp.Discard()
	to, real := disk.OSFile(temp.File())
	if real && disk.Clone(to, src) == nil {
		return true
	}
	b.noClone.Store(true)
	return false
}

// errNoLink says that a file can't get a second name in the store.
var errNoLink = errors.New("the file can't be linked")

// link gives a file a second name, and hashes what is behind that. kept is false when the
// object is there already.
func (b *Batch) link(ctx context.Context, info os.FileInfo, path string) (id digest.ID, size int64, kept bool, err error) {
	below, err := b.open()
	if err != nil {
		return id, 0, false, err
	}
	name := below.TempName(".")
	if disk.Hardlink(path, below, name) != nil {
		return id, 0, false, errNoLink
	}
	defer func() {
		if !kept {
			below.Remove(name)
		}
	}()
	file, err := below.Open(name)
	if err != nil {
		return id, 0, false, err
	}
	defer file.Close()
	if linked, err := file.Stat(); err != nil || !disk.SameFile(info, linked) {
		return id, 0, false, errNoLink // something else is at the path by now
	}
	w := works.Get().(*work)
	defer works.Put(w)
	if id, size, err = sumFile(ctx, file, w); err != nil {
		return id, size, false, err
	}
	if there, err := b.stored(id, size); there || err != nil {
		return id, size, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return id, size, false, errEnded
	}
	if _, found := b.temps[id]; !found {
		b.temps[id], kept = name, true
	}
	return id, size, kept, nil
}
