package disk

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
)

// Faulty is an FS for tests, one of whose calls fails: the failAt-th that opens or
// changes something, counted from 1. A failing write writes half of its bytes.
type Faulty struct {
	under FS
	fault *fault
}

// fault is shared by a Faulty, its files and its folders.
type fault struct {
	calls  atomic.Int64
	failAt int64
	err    error
}

var _ FS = (*Faulty)(nil)

// NewFaulty returns an FS over another one. With failAt 0 nothing fails, and Calls
// tells up to which number it is worth trying.
func NewFaulty(under FS, failAt int, err error) *Faulty {
	return &Faulty{under: under, fault: &fault{failAt: int64(failAt), err: err}}
}

// OS returns the FS of a real folder, to be wrapped by another.
func OS(r *Root) FS { return r.fsys }

// Calls returns how many calls were counted so far.
func (f *Faulty) Calls() int { return int(f.fault.calls.Load()) }

// next counts a call and returns the error that it must give.
func (f *fault) next(op, name string) error {
	if f.calls.Add(1) == f.failAt {
		return &fs.PathError{Op: op, Path: name, Err: f.err}
	}
	return nil
}

// Open counts, as do all calls but Lstat, ReadDir, Readlink and Close.
func (f *Faulty) Open(name string, flag int, perm fs.FileMode) (File, error) {
	if err := f.fault.next("open", name); err != nil {
		return nil, err
	}
	file, err := f.under.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return file, nil // reads do not fail, and who reads may want the system's own file
	}
	return &faultyFile{File: file, fault: f.fault}, nil
}

// Lstat never fails by itself.
func (f *Faulty) Lstat(name string) (fs.FileInfo, error) { return f.under.Lstat(name) }

// ReadDir never fails by itself.
func (f *Faulty) ReadDir(name string) ([]fs.DirEntry, error) { return f.under.ReadDir(name) }

// Readlink never fails by itself.
func (f *Faulty) Readlink(name string) (string, error) { return f.under.Readlink(name) }

// Mkdir makes a folder or fails.
func (f *Faulty) Mkdir(name string, perm fs.FileMode) error {
	if err := f.fault.next("mkdir", name); err != nil {
		return err
	}
	return f.under.Mkdir(name, perm)
}

// Remove removes or fails.
func (f *Faulty) Remove(name string) error {
	if err := f.fault.next("remove", name); err != nil {
		return err
	}
	return f.under.Remove(name)
}

// Rename renames or fails.
func (f *Faulty) Rename(old, to string) error {
	if err := f.fault.next("rename", old); err != nil {
		return err
	}
	return f.under.Rename(old, to)
}

// Link links or fails.
func (f *Faulty) Link(old, to string) error {
	if err := f.fault.next("link", old); err != nil {
		return err
	}
	return f.under.Link(old, to)
}

// Symlink makes a symlink or fails.
func (f *Faulty) Symlink(target, name string) error {
	if err := f.fault.next("symlink", name); err != nil {
		return err
	}
	return f.under.Symlink(target, name)
}

// Chmod changes permissions or fails.
func (f *Faulty) Chmod(name string, mode fs.FileMode) error {
	if err := f.fault.next("chmod", name); err != nil {
		return err
	}
	return f.under.Chmod(name, mode)
}

// SyncDir syncs or fails.
func (f *Faulty) SyncDir(name string) error {
	if err := f.fault.next("sync", name); err != nil {
		return err
	}
	return f.under.SyncDir(name)
}

// SyncAll syncs or fails, if the FS below has the call.
func (f *Faulty) SyncAll() error {
	whole, ok := f.under.(interface{ SyncAll() error })
	if !ok {
		return errors.ErrUnsupported
	}
	if err := f.fault.next("sync", "."); err != nil {
		return err
	}
	return whole.SyncAll()
}

// Sub returns the FS below a folder, which counts on, or fails.
func (f *Faulty) Sub(name string) (FS, error) {
	if err := f.fault.next("open", name); err != nil {
		return nil, err
	}
	below, err := f.under.Sub(name)
	if err != nil {
		return nil, err
	}
	return &Faulty{under: below, fault: f.fault}, nil
}

// Close closes what is below.
func (f *Faulty) Close() error { return f.under.Close() }

// faultyFile hides the operating system's file, so that nothing goes past it.
type faultyFile struct {
	File
	fault *fault
	wrote bool
}

func (f *faultyFile) Write(p []byte) (int, error) {
	f.wrote = true
	if err := f.fault.next("write", f.Name()); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.fault.next("sync", f.Name()); err != nil {
		return err
	}
	return f.File.Sync()
}

// Close fails only for a file that was written: some systems write late.
func (f *faultyFile) Close() error {
	if !f.wrote {
		return f.File.Close()
	}
	failed := f.fault.next("close", f.Name())
	return errors.Join(failed, f.File.Close())
}
