//go:build unix

package disk

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// tryLock takes a flock(2) without waiting, and reports whether it got it.
func tryLock(file *os.File, mode LockMode) (bool, error) {
	how := unix.LOCK_EX | unix.LOCK_NB
	if mode == Shared {
		how = unix.LOCK_SH | unix.LOCK_NB
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return false, err
	}
	var locked error
	err = conn.Control(func(fd uintptr) {
		for {
			locked = unix.Flock(int(fd), how)
			if locked != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return false, err
	}
	if errors.Is(locked, unix.EWOULDBLOCK) {
		return false, nil
	}
	return locked == nil, locked
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
