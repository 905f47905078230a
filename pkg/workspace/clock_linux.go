package workspace

import (
	"os"

	"golang.org/x/sys/unix"
)

// localClock reports whether an open file's times are stamped by this machine's
// kernel.
func localClock(file *os.File) bool {
	var s unix.Statfs_t
	if unix.Fstatfs(int(file.Fd()), &s) != nil {
		return false
	}
	switch uint32(s.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.OVERLAYFS_SUPER_MAGIC, zfsMagic, bcachefsMagic:
		return true
	}
	return false
}

const (
	zfsMagic      = 0x2fc12fc1
	bcachefsMagic = 0xca451a4e
)
