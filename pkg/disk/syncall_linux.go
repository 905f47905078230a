package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// newReal returns the FS of a folder. One that is above it, if it is on the same file
// system, shares its descriptor for SyncAll.
func newReal(root *os.Root, above *real) (FS, error) {
	all, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	r := real{root: root, all: all}
	if fsys, ok := newBeneath(r); ok {
		return fsys, nil
	}
	if above != nil && onOne(all, above.all) {
		all.Close()
		r.all, r.shared = above.all, true
	}
	return r, nil
}

func onOne(a, b *os.File) bool {
	one, err := a.Stat()
	if err != nil {
		return false
	}
	other, err := b.Stat()
	return err == nil && sameDevice(one, other)
}

// SyncAll makes all that was written to the folder's file system durable, in one call.
func (r real) SyncAll() error {
	return os.NewSyscallError("syncfs", unix.Syncfs(int(r.all.Fd())))
}
