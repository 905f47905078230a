package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// NoWriters reports whether nobody has a file open to write, or mapped: the system grants a
// lease to read only then. False also where it grants none, as to who doesn't own the file.
func NoWriters(file *os.File) bool {
	conn, err := file.SyscallConn()
	if err != nil {
		return false
	}
	granted := false
	err = conn.Control(func(fd uintptr) {
		if _, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK); err != nil {
			return
		}
		_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
		granted = err == nil
	})
	return err == nil && granted
}
