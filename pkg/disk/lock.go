package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

// LockMode says who else may hold a lock at the same time.
type LockMode int

// The modes.
const (
	Shared    LockMode = iota // others that hold it shared
	Exclusive                 // nobody
)

// Lock is a held lock. The kernel frees it when the last process that has its
// descriptor is gone, however that ends; the file stays for ever.
type Lock struct{ file *os.File }

// BusyError says that somebody else holds a lock.
type BusyError struct {
	Name  string // the lock file's local name
	Owner string // what its holder wrote into it; of several holders, the last one
}

// Error names the holder.
func (e *BusyError) Error() string {
	if e.Owner == "" {
		return fmt.Sprintf("%s is locked", e.Name)
	}
	return fmt.Sprintf("%s is locked by %s", e.Name, e.Owner)
}

// Polling a held lock starts at the shortest pause and ends up at the longest.
const (
	shortestPause = time.Millisecond
	longestPause  = 100 * time.Millisecond
)

// Lock takes the lock on a file, which is made if it isn't there. While somebody
// else holds it, Lock tries again until ctx ends; the error is then both a BusyError
// and ctx's. waiting, unless nil, is told once what the holder wrote.
func (r *Root) Lock(ctx context.Context, name string, mode LockMode, owner string, waiting func(holder string)) (*Lock, error) {
	pause := shortestPause
	for {
		lock, err := r.TryLock(name, mode, owner)
		var busy *BusyError
		if !errors.As(err, &busy) {
			return lock, err
		}
		if waiting != nil {
			waiting(busy.Owner)
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(busy, context.Cause(ctx))
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, longestPause)
	}
}

// settling is how long TryLock insists. A process that is just being started has all
// descriptors of the one that starts it, and may so hold a lock that was let go.
const settling = 4 * time.Millisecond

// TryLock is Lock that doesn't wait: a *BusyError when somebody else holds it.
func (r *Root) TryLock(name string, mode LockMode, owner string) (*Lock, error) {
	pause := shortestPause
	for {
		lock, err := r.tryOnce(name, mode, owner)
		if errors.Is(err, errReplaced) {
			continue
		}
		var busy *BusyError
		if !errors.As(err, &busy) || pause > settling {
			return lock, err
		}
		time.Sleep(pause)
		pause *= 2
	}
}

// errReplaced says that the lock that was taken is on a file no longer there.
var errReplaced = errors.New("the lock file was replaced")

func (r *Root) tryOnce(name string, mode LockMode, owner string) (*Lock, error) {
	opened, err := r.fsys.Open(name, os.O_RDWR|os.O_CREATE, 0o666)
	if mode == Shared && (errors.Is(err, fs.ErrPermission) || isReadOnly(err)) {
		if readable, failed := r.fsys.Open(name, os.O_RDONLY, 0); failed == nil {
			opened, err = readable, nil
		}
	}
	if err != nil {
		return nil, r.fail("open lock", name, err)
	}
	file, ok := OSFile(opened)
	if !ok { // the FS of a test, which one process uses
		return &Lock{}, opened.Close()
	}
	held, err := tryLock(file, mode)
	if err != nil {
		file.Close()
		return nil, r.fail("lock", name, err)
	}
	if !held {
		defer file.Close()
		return nil, &BusyError{Name: name, Owner: readOwner(file)}
	}
	there, err := r.isAt(file, name)
	if err == nil && !there {
		err = errReplaced
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	writeOwner(file, owner)
	return &Lock{file: file}, nil
}

// isAt reports whether an open file is still the one at name.
func (r *Root) isAt(file *os.File, name string) (bool, error) {
	open, err := file.Stat()
	if err != nil {
		return false, r.fail("lock", name, err)
	}
	there, err := r.fsys.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, r.fail("lock", name, err)
	}
	return SameFile(open, there) || there.Mode()&fs.ModeSymlink != 0, nil
}

// Unlock lets go of the lock. A child process that was given its File and still
// lives keeps it held.
func (l *Lock) Unlock() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// File returns the descriptor to hand down to a child process, so that the lock is
// held for as long as the child lives. Nil on the FS of a test.
func (l *Lock) File() *os.File { return l.file }

// maxOwner bounds the text in a lock file.
const maxOwner = 1 << 10

// writeOwner writes who holds the lock into the first line, for messages: that it can't be
// written stops nobody.
func writeOwner(file *os.File, owner string) {
	_, _ = file.WriteAt([]byte(owner[:min(len(owner), maxOwner)]+"\n"), 0)
}

func readOwner(file *os.File) string {
	text := make([]byte, maxOwner)
	n, _ := file.ReadAt(text, 0)
	line, _, _ := strings.Cut(string(text[:n]), "\n")
	return line
}
