//go:build unix

package disk

import (
	"io/fs"
	"syscall"
)

const (
	nonBlock    = syscall.O_NONBLOCK // opening a pipe must not wait for its other end
	onlyDir     = syscall.O_DIRECTORY
	foldersSync = true
	syncFlag    = syscall.O_RDONLY // any descriptor will do for fsync
)

// sameDevice reports whether two files may be on one file system.
func sameDevice(a, b fs.FileInfo) bool {
	one, ok := a.Sys().(*syscall.Stat_t)
	other, both := b.Sys().(*syscall.Stat_t)
	return !ok || !both || one.Dev == other.Dev
}
