package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// errEnded says that a batch was used after its end.
var errEnded = errors.New("the batch has ended")

// Batch is many additions to a Files that become durable, and then visible, together:
// with one barrier over all content and one over all names. Several goroutines may
// add at once. Commit ends it; Abort, which may always be deferred, drops what was
// not committed.
type Batch struct {
	files   *Files
	noClone atomic.Bool // the file system said so; no need to ask for each file

	mu    sync.Mutex
	below *disk.Root           // the store's folder; nil before the first addition
	temps map[digest.ID]string // what waits for Commit; local to below
	names map[string]bool      // folders whose names must be durable at the end
	bad   map[digest.ID]bool   // files of objects that are damaged
	taken []taken              // files that have become objects, until these have their names
	ended bool

	packMu  sync.Mutex // taken after mu by who needs both
	small   int        // how many small objects have files of their own
	packing *packing   // what small objects are written to now; nil when there are few
	packs   []packed   // that are whole
}

// Begin starts a batch. It costs nothing until something is added.
func (f *Files) Begin() *Batch {
	b := &Batch{files: f, temps: map[digest.ID]string{}, names: map[string]bool{}}
	return b
}

// open returns the store's folder, made if it wasn't there.
func (b *Batch) open() (*disk.Root, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil, errEnded
	}
	if b.below != nil {
		return b.below, nil
	}
	if err := b.files.root.MkdirDurable(b.files.dir, 0o777); err != nil {
		return nil, err
	}
	below, err := b.files.root.Sub(b.files.dir)
	if err != nil {
		return nil, err
	}
	b.files.packs.look()
	b.below = below
	return below, nil
}

// create makes a temp for an object.
func (b *Batch) create() (*disk.Temp, error) {
	below, err := b.open()
	if err != nil {
		return nil, err
	}
	return newTemp(below, ".")
}

// newTemp makes a temp for what is to be an object, or a pack of them.
func newTemp(root *disk.Root, dir string) (*disk.Temp, error) {
	mode := objectMode
	if runtime.GOOS == "windows" {
		mode = 0o666 // a read-only file couldn't be synced there
	}
	return root.CreateMode(dir, mode)
}

// pending reports whether the batch has an object already.
func (b *Batch) pending(id digest.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, found := b.temps[id]
	return found || b.isPacked(id)
}

// stored reports whether the store has an object, whole: what has rotten since it
// was put there is replaced by what is being added. If it has, Commit makes its name
// durable: whoever put it there may not have come so far yet.
func (b *Batch) stored(id digest.ID, size int64) (bool, error) {
	below, err := b.open()
	if err != nil {
		return false, err
	}
	info, err := below.Lstat(objectName(id))
	if errors.Is(err, fs.ErrNotExist) {
		return b.packedBefore(id, size), nil
	}
	if err != nil {
		return false, fmt.Errorf("object %s: %w", id, err)
	}
	whole := info.Mode().IsRegular() && info.Size() == size
	if whole {
		if whole, err = b.whole(below, id); err != nil {
			return false, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !whole {
		if b.bad == nil {
			b.bad = map[digest.ID]bool{}
		}
		b.bad[id] = true
		return false, nil
	}
	b.names[path.Dir(objectName(id))], b.names["."] = true, true
	return true, nil
}

// damaged reports whether the store has a file for an object that was found not to be whole.
func (b *Batch) damaged(id digest.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bad[id]
}

// packedBefore reports whether a pack of the store has an object, whole.
func (b *Batch) packedBefore(id digest.ID, size int64) bool {
	s, e, found := b.files.packs.find(id)
	if !found || int64(e.Size) != size {
		return false
	}
	if _, err := s.pack.Load(e); err != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names[packsDir], b.names["."] = true, true
	return true
}

// whole reads a stored object and compares it with its digest. One that may not be read,
// or can't, is not whole.
func (b *Batch) whole(below *disk.Root, id digest.ID) (bool, error) {
	file, err := below.Open(objectName(id))
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("object %s: %w", id, err)
	}
	defer file.Close()
	w := works.Get().(*work)
	defer works.Put(w)
	w.hasher.Reset()
	_, err = io.CopyBuffer(w.hasher, struct{ io.Reader }{file}, w.second())
	return err == nil && w.hasher.Sum() == id, nil
}

// keep closes a temp and lets it wait for Commit.
func (b *Batch) keep(id digest.ID, temp *disk.Temp) error {
	if err := temp.Close(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return errEnded
	}
	if _, found := b.temps[id]; found {
		return nil // the caller's Discard removes the second copy
	}
	b.temps[id] = temp.Name()
	return temp.Keep()
}

// Commit makes what was added durable and visible. When it fails, some of it may be
// visible, and what is, is whole; the rest is gone.
func (b *Batch) Commit(ctx context.Context) error { return Commit(ctx, b.files, []*Batch{b}, nil) }

// Commit ends several batches of a Files at the price of one. Other files, local to its
// Root, are made durable along with the content.
func Commit(ctx context.Context, to *Files, batches []*Batch, files []string) error {
	defer func() {
		for _, b := range batches {
			b.Abort()
		}
	}()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	root, names := to.root, map[string]bool{}
	for _, b := range batches {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.ended {
			return errEnded
		}
		for _, temp := range b.temps {
			files = append(files, path.Join(to.dir, temp))
		}
		packs, err := b.wholePacks()
		if err != nil {
			return err
		}
		for _, one := range packs {
			files = append(files, path.Join(to.dir, one.temp))
		}
	}
	slices.Sort(files)
	if err := root.Barrier(files, nil); err != nil {
		return err
	}
	for _, b := range batches {
		if err := b.publishAll(); err != nil {
			return err
		}
		for name := range b.names {
			names[path.Join(to.dir, name)] = true
		}
	}
	for _, b := range batches {
		b.taken = nil
	}
	return root.Barrier(nil, slices.Sorted(maps.Keys(names)))
}

func (b *Batch) publishAll() error {
	for id, temp := range b.temps {
		if err := b.publish(id, temp); err != nil {
			return err
		}
		delete(b.temps, id)
	}
	return b.publishPacks()
}

// publish gives a durable temp its name.
func (b *Batch) publish(id digest.ID, temp string) error {
	if err := b.rename(temp, objectName(id)); err != nil {
		return fmt.Errorf("object %s: %w", id, err)
	}
	return nil
}

// rename gives a temp a name in a folder, which it makes if need be.
func (b *Batch) rename(temp, name string) error {
	folder := path.Dir(name)
	if runtime.GOOS == "windows" {
		if err := b.below.Chmod(temp, objectMode); err != nil {
			return err
		}
	}
	err := b.below.Rename(temp, name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := b.below.Mkdir(folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		b.names["."] = true
		err = b.below.Rename(temp, name)
	}
	b.names[folder] = true
	return err
}

// Abort drops what was not committed.
func (b *Batch) Abort() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	if b.below == nil {
		return
	}
	for _, temp := range b.temps {
		b.below.Remove(temp) // what can't be removed now, a sweep removes later
	}
	for _, one := range b.taken {
		_ = os.Chmod(one.file, one.perm)
	}
	clear(b.temps)
	b.dropPacks()
	b.below.Close()
	b.below = nil
}
