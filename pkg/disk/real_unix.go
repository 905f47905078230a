//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	nonBlock    = syscall.O_NONBLOCK // opening a pipe must not wait for its other end
	onlyDir     = syscall.O_DIRECTORY
	foldersSync = true
	syncFlag    = syscall.O_RDONLY // any descriptor will do for fsync
)

// allocated is how many bytes of a disk a file takes: less than its size when it has holes.
func allocated(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}

// Writable returns why this process can't make files in a folder; nil when it can, or
// when the folder is not there.
func (r *Root) Writable(folder string) error {
	err := unix.Faccessat(unix.AT_FDCWD, r.Path(folder), unix.W_OK, unix.AT_EACCESS)
	if err == nil || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return r.fail("write into", folder, err)
}

func sameInode(a, b fs.FileInfo) bool {
	one, ok := a.Sys().(*syscall.Stat_t)
	other, both := b.Sys().(*syscall.Stat_t)
	return ok && both && one.Dev == other.Dev && one.Ino == other.Ino
}

// sameDevice reports whether two files may be on one file system.
func sameDevice(a, b fs.FileInfo) bool {
	one, ok := a.Sys().(*syscall.Stat_t)
	other, both := b.Sys().(*syscall.Stat_t)
	return !ok || !both || one.Dev == other.Dev
}
