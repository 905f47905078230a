package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// startSync has the kernel begin to write a file, and waits for nothing. It promises
// nothing: that is for Sync.
func startSync(file *os.File) {
	_ = unix.SyncFileRange(int(file.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}
