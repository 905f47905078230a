//go:build linux || darwin

package cache

import (
	"os"
	"path"

	"flow/pkg/disk"

	"golang.org/x/sys/unix"
)

// hardlink gives the file at an absolute path a second name below root. The name's
// folder is opened below root first, so that no symbolic link leads out of it.
func hardlink(file string, root *disk.Root, name string) error {
	opened, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer opened.Close()
	dir, ok := disk.OSFile(opened)
	if !ok {
		return os.ErrInvalid
	}
	err = unix.Linkat(unix.AT_FDCWD, file, int(dir.Fd()), path.Base(name), 0)
	return os.NewSyscallError("linkat", err)
}
