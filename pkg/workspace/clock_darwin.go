package workspace

import (
	"os"

	"golang.org/x/sys/unix"
)

// localClock reports whether an open file's times are stamped by this machine's
// kernel.
func localClock(file *os.File) bool {
	var s unix.Statfs_t
	return unix.Fstatfs(int(file.Fd()), &s) == nil && s.Flags&unix.MNT_LOCAL != 0
}
