package store

import (
	"context"
	"errors"
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
	id, size, err := b.link(ctx, info, path)
	if errors.Is(err, errNoLink) {
		return b.Add(ctx, src)
	}
	return id, size, err
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

// link gives a file a second name, and hashes what is behind that.
func (b *Batch) link(ctx context.Context, info os.FileInfo, path string) (digest.ID, int64, error) {
	below, err := b.open()
	if err != nil {
		return digest.ID{}, 0, err
	}
	name := below.TempName(".")
	if disk.Hardlink(path, below, name) != nil {
		return digest.ID{}, 0, errNoLink
	}
	kept := false
	defer func() {
		if !kept {
			below.Remove(name)
		}
	}()
	file, err := below.Open(name)
	if err != nil {
		return digest.ID{}, 0, err
	}
	defer file.Close()
	if linked, err := file.Stat(); err != nil || !disk.SameFile(info, linked) {
		return digest.ID{}, 0, errNoLink // something else is at the path by now
	}
	w := works.Get().(*work)
	defer works.Put(w)
	id, size, err := sumFile(ctx, file, w)
	if err != nil {
		return id, size, err
	}
	if there, err := b.stored(id, size); there || err != nil {
		return id, size, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return id, size, errEnded
	}
	if _, found := b.temps[id]; !found {
		b.temps[id], kept = name, true
	}
	return id, size, nil
}
