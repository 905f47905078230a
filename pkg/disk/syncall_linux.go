package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

func newReal(root *os.Root) (FS, error) {
	all, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	return real{root: root, all: all}, nil
}

// SyncAll makes all that was written to the folder's file system durable, in one call.
func (r real) SyncAll() error {
	return os.NewSyscallError("syncfs", unix.Syncfs(int(r.all.Fd())))
}
