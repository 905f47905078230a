package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Clone makes dst share all bytes of src, which costs next to nothing; a later
// change of either is not seen in the other. ErrNoClone when that can't be.
func Clone(dst, src *os.File) error {
	to, err := dst.SyscallConn()
	if err != nil {
		return err
	}
	from, err := src.SyscallConn()
	if err != nil {
		return err
	}
	var cloned error
	err = to.Control(func(toFD uintptr) {
		err := from.Control(func(fromFD uintptr) {
			cloned = unix.IoctlFileClone(int(toFD), int(fromFD))
		})
		if err != nil {
			cloned = err
		}
	})
	if err != nil {
		return err
	}
	for _, cannot := range []error{unix.EOPNOTSUPP, unix.EXDEV, unix.EINVAL, unix.ENOTTY, unix.ENOSYS, unix.EPERM, unix.ETXTBSY} {
		if errors.Is(cloned, cannot) {
			return ErrNoClone
		}
	}
	return os.NewSyscallError("clone", cloned)
}
