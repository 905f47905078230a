package workspace

import (
	"io/fs"

	"flow/pkg/digest"
)

// stat is what the system tells of a file without reading it.
type stat struct {
	kind  digest.Mode // File, Exec, Link, Dir, or one that special names
	size  int64
	mtime int64 // ns
	ctime int64 // ns; 0 where there is none
	inode uint64

	// What follows is not compared: a device's number differs after each mount, and a
	// change of the others changes ctime.
	dev   uint64
	nlink uint64
	perm  fs.FileMode
}

// same reports whether nothing shows that a file was changed or replaced.
func (s stat) same(to stat) bool {
	return s.kind == to.kind && s.size == to.size && s.mtime == to.mtime && s.ctime == to.ctime && s.inode == to.inode
}

// newest is when the file was last changed, as far as its stat tells.
func (s stat) newest() int64 { return max(s.mtime, s.ctime) }

func (s stat) regular() bool { return s.kind == digest.File || s.kind == digest.Exec }

// statOf takes what it can from the portable form, which has no ctime.
func statOf(info fs.FileInfo) stat {
	s := stat{size: info.Size(), mtime: info.ModTime().UnixNano(), perm: info.Mode().Perm(), nlink: 1}
	switch mode := info.Mode(); {
	case mode.IsRegular() && mode&0o100 != 0:
		s.kind = digest.Exec
	case mode.IsRegular():
		s.kind = digest.File
	case mode.IsDir():
		s.kind = digest.Dir
	case mode&fs.ModeSymlink != 0:
		s.kind = digest.Link
	case mode&fs.ModeNamedPipe != 0:
		s.kind = fifo
	case mode&fs.ModeSocket != 0:
		s.kind = socket
	case mode&fs.ModeDevice != 0:
		s.kind = device
	default:
		s.kind = other
	}
	return s
}
