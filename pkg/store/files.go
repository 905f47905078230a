package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// objectMode is what an object's file may be used for: nobody changes it.
const objectMode fs.FileMode = 0o444

// Files is a Store in a folder: an object is the file ab/cdef… named by the 64 hex
// digits of its digest. Nothing is made before the first object is put.
type Files struct {
	root *disk.Root
	dir  string
}

var _ Store = (*Files)(nil)

// NewFiles returns the store in a folder of root, which need not be there.
func NewFiles(root *disk.Root, dir string) *Files { return &Files{root: root, dir: dir} }

// Root returns the Root that the names are local to.
func (f *Files) Root() *disk.Root { return f.root }

// Name returns the local name of an object's file.
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
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return info.Size(), info.Mode().IsRegular(), nil
}

// Get opens an object. What it returns is a disk.File.
func (f *Files) Get(ctx context.Context, id digest.ID) (io.ReadCloser, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	file, err := f.root.Open(f.Name(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent(id)
	}
	if err != nil {
		return nil, err
	}
	return file, nil
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
// those of an unfinished batch, are not objects.
func (f *Files) List(ctx context.Context, each func(id digest.ID, size int64) error) error {
	folders, err := f.root.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if len(folder.Name()) != 2 || !folder.IsDir() {
			continue
		}
		if err := f.listFolder(ctx, folder.Name(), each); err != nil {
			return err
		}
	}
	return nil
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

// Delete removes an object.
func (f *Files) Delete(ctx context.Context, id digest.ID) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := f.root.Remove(f.Name(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
