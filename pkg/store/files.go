package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/pack"
)

// objectMode is what an object's file may be used for: nobody changes it.
const objectMode fs.FileMode = 0o444

// Files is a Store in a folder: an object is the file ab/cdef… named by the 64 hex
// digits of its digest, or, when it is small and came with many others, a part of a file
// in packs/ (see pack.Pack). Nothing is made before the first object is put.
type Files struct {
	root  *disk.Root
	dir   string
	packs packs
	loose bool // none are packed
}

var _ Store = (*Files)(nil)

// NewFiles returns the store in a folder of root, which need not be there.
func NewFiles(root *disk.Root, dir string) *Files {
	return &Files{root: root, dir: dir, packs: packs{root: root, dir: path.Join(dir, packsDir)}}
}

// KeepLoose has every object that is added from now on be a file of its own.
func (f *Files) KeepLoose() { f.loose = true }

// Root returns the Root that the names are local to.
func (f *Files) Root() *disk.Root { return f.root }

// Name returns the local name of an object's file, if it has one of its own.
func (f *Files) Name(id digest.ID) string { return path.Join(f.dir, objectName(id)) }

// objectName is an object's name below the store's folder.
func objectName(id digest.ID) string {
	hex := id.Hex()
	return hex[:2] + "/" + hex[2:]
}

// Has reports whether an object is there.
func (f *Files) Has(ctx context.Context, id digest.ID) (bool, error) {
	_, found, err := f.Stat(ctx, id)
	return found, err
}

// Stat returns an object's size, and whether it is there.
func (f *Files) Stat(ctx context.Context, id digest.ID) (int64, bool, error) {
	if ctx.Err() != nil {
		return 0, false, context.Cause(ctx)
	}
	info, err := f.root.Lstat(f.Name(id))
	if errors.Is(err, fs.ErrNotExist) {
		_, e, found, err := f.packed(id)
		return int64(e.Size), found, err
	}
	if err != nil {
		return 0, false, err
	}
	return info.Size(), info.Mode().IsRegular(), nil
}

// packed returns where an object is among the packs that are there now.
func (f *Files) packed(id digest.ID) (*shelf, pack.Entry, bool, error) {
	f.packs.look()
	s, e, found := f.packs.find(id)
	if !found {
		return nil, e, false, f.packs.missed()
	}
	return s, e, true, nil
}

// Written returns when an object was stored, or its pack.
func (f *Files) Written(id digest.ID) (time.Time, error) {
	info, err := f.root.Lstat(f.Name(id))
	if err == nil {
		return info.ModTime(), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	s, _, found, err := f.packed(id)
	if err != nil {
		return time.Time{}, err
	}
	if !found {
		return time.Time{}, absent(id)
	}
	return s.info.ModTime(), nil
}

// Object is an open object.
type Object struct {
	ID   digest.ID
	Size int64
	Name string      // of the file that it is in, local to the Files' Root
	Info fs.FileInfo // of that file
	File disk.File   // it, when it is the object's own; nil when that is in a pack

	shelf   *shelf // nil when it is in no pack
	section *io.SectionReader
}

// Reader returns a reader from the object's start.
func (o *Object) Reader() *io.SectionReader {
	section := *o.section
	return &section
}

// Read reads on.
func (o *Object) Read(p []byte) (int, error) { return o.section.Read(p) }

// Close closes the object.
func (o *Object) Close() error {
	if o.shelf == nil {
		return o.File.Close()
	}
	o.shelf.give()
	return nil
}

// Open opens an object; ErrAbsent, wrapped, when it isn't there. Packs that are known already
// are asked first, as that costs nothing.
func (f *Files) Open(id digest.ID) (*Object, error) {
	if _, _, known := f.packs.find(id); known {
		if o, err := f.openPacked(id); !errors.Is(err, ErrAbsent) {
			return o, err
		}
	}
	file, err := f.root.Open(f.Name(id))
	if errors.Is(err, fs.ErrNotExist) {
		return f.openPacked(id)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: %w", file.Name(), disk.ErrNotRegular)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Object{ID: id, Size: info.Size(), Name: f.Name(id), Info: info, File: file, section: io.NewSectionReader(file, 0, math.MaxInt64)}, nil
}

// openPacked opens an object in a pack. A pack that somebody has written anew meanwhile is no
// reason to fail: the object is in another one then.
func (f *Files) openPacked(id digest.ID) (*Object, error) {
	for s, e, found := f.packs.find(id); found; s, e, found = f.packs.find(id) {
		file, err := s.take()
		if err == nil {
			return &Object{ID: id, Size: int64(e.Size), Name: s.name, Info: s.info, shelf: s,
				section: io.NewSectionReader(file, e.Offset, int64(e.Size))}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f.packs.forget()
		f.packs.look()
	}
	_, _, found, err := f.packed(id)
	switch {
	case err != nil:
		return nil, err
	case found:
		return f.openPacked(id)
	}
	return nil, absent(id)
}

// Get opens an object.
func (f *Files) Get(ctx context.Context, id digest.ID) (io.ReadCloser, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	object, err := f.Open(id)
	if err != nil {
		return nil, err
	}
	return object, nil
}

// Put stores an object.
func (f *Files) Put(ctx context.Context, id digest.ID, r io.Reader) error {
	batch := f.Begin()
	defer batch.Abort()
	if err := batch.Put(ctx, id, r); err != nil {
		return err
	}
	return batch.Commit(ctx)
}

// List calls each for every object, ordered by digest. Files with other names, as
// those of an unfinished batch, are not objects. Packs that can't be read are a *PackError in
// the end.
func (f *Files) List(ctx context.Context, each func(id digest.ID, size int64) error) error {
	folders, err := f.root.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	packed := f.allPacked()
	// upTo tells of the objects in packs that come before one of their own, or all.
	upTo := func(id digest.ID, all bool) error {
		for len(packed) > 0 && (all || packed[0].ID.Compare(id) <= 0) {
			next := packed[0]
			packed = packed[1:]
			if !all && next.ID == id {
				continue
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := each(next.ID, int64(next.Size)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, folder := range folders {
		if len(folder.Name()) != 2 || !folder.IsDir() {
			continue
		}
		err := f.listFolder(ctx, folder.Name(), func(id digest.ID, size int64) error {
			if err := upTo(id, false); err != nil {
				return err
			}
			return each(id, size)
		})
		if err != nil {
			return err
		}
	}
	if err := upTo(digest.ID{}, true); err != nil {
		return err
	}
	return f.packs.missed()
}

// allPacked returns what the packs hold, sorted by digest, each once.
func (f *Files) allPacked() []pack.Entry {
	f.packs.look()
	var all []pack.Entry
	for _, s := range f.packs.known() {
		for i := range s.pack.Len() {
			all = append(all, s.pack.At(i))
		}
	}
	slices.SortFunc(all, func(a, b pack.Entry) int { return a.ID.Compare(b.ID) })
	return slices.CompactFunc(all, func(a, b pack.Entry) bool { return a.ID == b.ID })
}

func (f *Files) listFolder(ctx context.Context, folder string, each func(id digest.ID, size int64) error) error {
	entries, err := f.root.ReadDir(path.Join(f.dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		id, err := digest.ParseHex(folder + entry.Name())
		if err != nil || !entry.Type().IsRegular() {
			continue
		}
		info, err := f.root.Lstat(path.Join(f.dir, folder, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		if err := each(id, info.Size()); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes an object. Remove is for many.
func (f *Files) Delete(ctx context.Context, id digest.ID) error {
	return f.Remove(ctx, []digest.ID{id})
}
