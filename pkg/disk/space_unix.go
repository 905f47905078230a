//go:build unix

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// FreeSpace returns how many bytes this user may still write to a folder's disk.
func FreeSpace(dir string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return uint64(max(int64(stat.Bavail), 0)) * uint64(stat.Bsize), nil
}
