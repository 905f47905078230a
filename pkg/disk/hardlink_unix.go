//go:build linux || darwin

package disk

import (
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Hardlink gives the file at an absolute path a second name below root. The name's
// folder is opened below root first, so that no symbolic link leads out of it.
func Hardlink(file string, root *Root, name string) error {
	opened, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer opened.Close()
	dir, ok := OSFile(opened)
	if !ok {
		return os.ErrInvalid
	}
	err = unix.Linkat(unix.AT_FDCWD, file, int(dir.Fd()), path.Base(name), 0)
	return os.NewSyscallError("linkat", err)
}
