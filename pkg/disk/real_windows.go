package disk

import (
	"io/fs"
	"os"
)

const (
	nonBlock    = 0
	onlyDir     = 0
	foldersSync = false     // NTFS journals names; there is no call for it
	syncFlag    = os.O_RDWR // FlushFileBuffers wants the right to write
)

// sameDevice reports whether two files may be on one file system.
func sameDevice(a, b fs.FileInfo) bool { return true }

// Writable returns why this process can't make files in a folder. Here nobody can tell
// without trying.
func (r *Root) Writable(string) error { return nil }

// allocated is how many bytes of a disk a file takes, as far as anyone can tell.
func allocated(info fs.FileInfo) int64 { return info.Size() }

// sameInode leaves the question to os.
func sameInode(a, b fs.FileInfo) bool { return false }
