package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// real is an FS on this machine: every call walks down from an open folder.
type real struct {
	root *os.Root
	all  *os.File // Linux: for SyncAll; open since before the first write, or errors would be missed

	shared bool // all is that of the folder above, which is open for longer
}

var _ machine = real{}

func (r real) here() {}

func (r real) Open(name string, flag int, perm fs.FileMode) (File, error) {
	file, err := r.root.OpenFile(filepath.FromSlash(name), flag|nonBlock, perm)
	if err != nil {
		return nil, err // not file: a nil *os.File in an interface is not nil
	}
	return file, nil
}

func (r real) Lstat(name string) (fs.FileInfo, error) {
	return r.root.Lstat(filepath.FromSlash(name))
}

func (r real) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := r.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|nonBlock|onlyDir, 0)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	sortEntries(entries)
	return entries, err
}

func (r real) Mkdir(name string, perm fs.FileMode) error {
	return r.root.Mkdir(filepath.FromSlash(name), perm)
}

func (r real) Remove(name string) error { return r.root.Remove(filepath.FromSlash(name)) }

func (r real) Rename(old, to string) error {
	return r.root.Rename(filepath.FromSlash(old), filepath.FromSlash(to))
}

func (r real) Link(old, to string) error {
	return r.root.Link(filepath.FromSlash(old), filepath.FromSlash(to))
}

func (r real) Symlink(target, name string) error {
	return r.root.Symlink(target, filepath.FromSlash(name))
}

func (r real) Readlink(name string) (string, error) {
	return r.root.Readlink(filepath.FromSlash(name))
}

func (r real) Chmod(name string, mode fs.FileMode) error {
	return r.root.Chmod(filepath.FromSlash(name), mode)
}

func (r real) SyncDir(name string) error {
	if !foldersSync {
		return nil
	}
	dir, err := r.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|nonBlock|onlyDir, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // a file system without such a call for folders
	}
	return err
}

func (r real) Sub(name string) (FS, error) {
	below, err := r.root.OpenRoot(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	return newReal(below, &r)
}

func (r real) Close() error {
	if r.all != nil && !r.shared {
		r.all.Close()
	}
	return r.root.Close()
}
