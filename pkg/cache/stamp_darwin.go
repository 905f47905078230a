package cache

import (
	"io/fs"
	"syscall"
)

// stampOf returns what would differ if the file were written to or replaced.
func stampOf(info fs.FileInfo) (stamp, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, false
	}
	return stamp{size: info.Size(), mtime: info.ModTime().UnixNano(), ctime: stat.Ctimespec.Nano(), inode: stat.Ino}, true
}
