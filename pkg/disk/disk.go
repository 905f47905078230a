// Package disk is every write flow makes to this machine, whole or not at all.
//
// A Root is one folder; every name handed to it is slash-separated and local to
// that folder. A symbolic link on the way is followed only as long as it stays
// below the folder, so that no name can lead a read or a write out of it.
//
// What is durable and when: Replace, Append and MkdirDurable are durable when they
// return. Everything else is durable after a Barrier over the files and the folders
// that hold their names.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
)

// FS is the calls flow changes a disk with, on local slash names below one folder.
type FS interface {
	Open(name string, flag int, perm fs.FileMode) (File, error)
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error) // sorted by name, bytewise
	Mkdir(name string, perm fs.FileMode) error
	Remove(name string) error
	Rename(old, to string) error
	Link(old, to string) error
	Symlink(target, name string) error
	Readlink(name string) (string, error)
	Chmod(name string, mode fs.FileMode) error
	SyncDir(name string) error   // makes the names in a folder durable
	Sub(name string) (FS, error) // the same below a folder; deep names cost less there
	Close() error
}

// File is an open file of an FS.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	Sync() error
	Stat() (fs.FileInfo, error)
	Name() string
}

// OSFile returns the operating system's file under f, if that is what f is.
func OSFile(f File) (*os.File, bool) {
	file, ok := f.(*os.File)
	return file, ok
}

// SameFile reports whether two stats that came from a Root, or from os, are of one file.
func SameFile(a, b fs.FileInfo) bool { return sameInode(a, b) || os.SameFile(a, b) }

// Root is one folder, and all that flow reads and changes below it. It is safe for
// use by several goroutines.
type Root struct {
	fsys    FS
	dir     string
	temps   string   // see SetTemps
	nearby  sync.Map // whether the folder for temps is near a folder, by name
	durable sync.Map // what the folders are that MkdirDurable has seen to, by name
}

// OpenRoot opens a folder, which must exist.
func OpenRoot(dir string) (*Root, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find folder %s: %w", dir, err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	folder, err := os.OpenRoot(resolved)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	fsys, err := newReal(folder, nil)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return &Root{fsys: fsys, dir: resolved}, nil
}

// NewRoot returns a Root over another FS; dir is only what names are shown below.
func NewRoot(fsys FS, dir string) *Root { return &Root{fsys: fsys, dir: dir} }

// Sub returns a Root for a folder below, which must exist and not be a symlink.
func (r *Root) Sub(name string) (*Root, error) {
	info, err := r.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, r.fail("open folder", name, errNotDir)
	}
	below, err := r.fsys.Sub(name)
	if err != nil {
		return nil, r.fail("open folder", name, err)
	}
	return &Root{fsys: below, dir: r.Path(name)}, nil
}

// Dir returns the folder's absolute path, free of symlinks.
func (r *Root) Dir() string { return r.dir }

// Path returns the absolute path of a local name.
func (r *Root) Path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

// Close lets go of the folder.
func (r *Root) Close() error { return r.fsys.Close() }

// Read returns the content of a regular file. A symlink is followed.
func (r *Root) Read(name string) ([]byte, error) {
	file, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, r.fail("read", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, r.fail("read", name, ErrNotRegular)
	}
	content, err := readAll(file, info.Size())
	if err != nil {
		return nil, r.fail("read", name, err)
	}
	return content, nil
}

// readAll reads to the end; size is what to expect.
func readAll(r io.Reader, size int64) ([]byte, error) {
	content := make([]byte, 0, min(max(size, 0), 1<<30)+512)
	for {
		n, err := r.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		if err == io.EOF {
			return content, nil
		}
		if err != nil {
			return content, err
		}
		if len(content) == cap(content) {
			content = append(content, 0)[:len(content)]
		}
	}
}

// Open opens for reading. It returns at once whatever is there: a pipe that nobody
// writes to opens too, so look at Stat before reading.
func (r *Root) Open(name string) (File, error) {
	file, err := r.fsys.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, r.fail("open", name, err)
	}
	return file, nil
}

// Folder opens a folder for who works with descriptors and closes it; false where that can't
// be, and Open is to do it, or to say why not.
func (r *Root) Folder(name string) (fd int, opened bool) {
	if direct, ok := r.fsys.(interface{ folder(string) (int, bool) }); ok {
		return direct.folder(name)
	}
	return -1, false
}

// Lstat says what is at a name, without following a symlink there.
func (r *Root) Lstat(name string) (fs.FileInfo, error) {
	info, err := r.fsys.Lstat(name)
	if err != nil {
		return nil, r.fail("stat", name, err)
	}
	return info, nil
}

// Exists reports whether anything is at a name, be it a dangling symlink.
func (r *Root) Exists(name string) bool {
	_, err := r.fsys.Lstat(name)
	return err == nil
}

// ReadDir returns a folder's entries, sorted by name, bytewise.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := r.fsys.ReadDir(name)
	if err != nil {
		return nil, r.fail("read folder", name, err)
	}
	return entries, nil
}

// Readlink returns the target of a symlink as it was made.
func (r *Root) Readlink(name string) (string, error) {
	target, err := r.fsys.Readlink(name)
	if err != nil {
		return "", r.fail("read link", name, err)
	}
	return target, nil
}

// ErrNotRegular says that what was to be read is a folder, a pipe or a device.
var ErrNotRegular = errors.New("not a regular file")

// ErrEscapes says that a name, or a symlink on its way, leads out of the folder.
var ErrEscapes = errors.New("the path leads out of its folder")

var errNotDir = errors.New("not a folder")

// fail returns err with what was being done and the absolute path. The names that
// the system put into err are left out: they are relative to some folder.
func (r *Root) fail(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: r.Path(name), Err: bare(err)}
}

// failBoth is fail for a call with two names.
func (r *Root) failBoth(op, old, to string, err error) error {
	return &os.LinkError{Op: op, Old: r.Path(old), New: r.Path(to), Err: bare(err)}
}

// bare strips the system's own path and call from an error.
func bare(err error) error {
	var inPath *fs.PathError
	var inLink *os.LinkError
	var inCall *os.SyscallError
	switch {
	case errors.As(err, &inPath):
		return bare(inPath.Err)
	case errors.As(err, &inLink):
		return bare(inLink.Err)
	case errors.As(err, &inCall):
		return bare(inCall.Err)
	case err.Error() == "path escapes from parent": // os.Root's, which os doesn't export
		return ErrEscapes
	}
	return err
}

// sortEntries sorts by name, bytewise.
func sortEntries(entries []fs.DirEntry) {
	sort.Slice(entries, func(i, j int) bool { return strings.Compare(entries[i].Name(), entries[j].Name()) < 0 })
}
