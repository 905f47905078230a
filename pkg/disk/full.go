package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// IsFull reports whether an error says that a disk, or a person's share of it, is full.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// OpenHint says what can be done about an error that says that too many files are open; ""
// for any other.
func OpenHint(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return "a process may have no more files open here: let it have more (ulimit -n), or run less at a time (-j)"
	case errors.Is(err, syscall.ENFILE):
		return "this machine has as many files open as it can: end something that holds many, then try again"
	}
	return ""
}

// worthAsking is from which size on a file's room is asked for before it is copied.
const worthAsking = 1 << 20

// Room returns an error that IsFull when a folder's disk has no room for a copy of a file,
// so that the disk is not filled up in vain. nil says nothing: others write, too.
func (r *Root) Room(src *os.File) error {
	info, err := src.Stat()
	if err != nil || info.Size() < worthAsking {
		return nil
	}
	free, err := FreeSpace(r.dir)
	if err != nil || uint64(min(info.Size(), allocated(info))) <= free {
		return nil
	}
	return &fs.PathError{Op: "copy to", Path: r.dir + string(filepath.Separator), Err: syscall.ENOSPC}
}

// FullError is a disk that is full, with how much was needed and how much is left.
type FullError struct {
	Needs int64 // bytes; 0 when nobody knows
	Free  int64
	Place string // where the disk is mounted
	Err   error
}

// Full explains an error that IsFull: by the file that it names, or else by a folder.
func Full(err error, needs int64, folder string) error {
	var inPath *fs.PathError
	var inLink *os.LinkError
	at := folder
	switch {
	case errors.As(err, &inPath):
		at = filepath.Dir(inPath.Path)
	case errors.As(err, &inLink):
		at = filepath.Dir(inLink.New)
	}
	free, failed := FreeSpace(at)
	if failed != nil {
		return err
	}
	return &FullError{Needs: needs, Free: int64(min(free, 1<<62)), Place: mountOf(at), Err: err}
}

// Error says what is needed, what is free, and where.
func (e *FullError) Error() string {
	why := bare(e.Err)
	var errno syscall.Errno
	if errors.As(e.Err, &errno) {
		why = errno
	}
	if e.Needs == 0 {
		return fmt.Sprintf("%v: %s free on %s", why, megabytes(e.Free), e.Place)
	}
	return fmt.Sprintf("%v: it needs %s, %s free on %s", why, megabytes(e.Needs), megabytes(e.Free), e.Place)
}

// Unwrap returns the cause.
func (e *FullError) Unwrap() error { return e.Err }

func megabytes(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// mountOf returns the highest folder on the way to one that is on the same disk.
func mountOf(folder string) string {
	at, err := filepath.Abs(folder)
	if err != nil {
		return folder
	}
	here, err := os.Stat(at)
	if err != nil {
		return folder
	}
	for {
		above := filepath.Dir(at)
		info, err := os.Stat(above)
		if above == at || err != nil || !sameDevice(here, info) {
			return at
		}
		at = above
	}
}
