//go:build !linux && !darwin

package cache

import (
	"os"

	"flow/pkg/disk"
)

// hardlink gives the file at an absolute path a second name below root.
func hardlink(file string, root *disk.Root, name string) error {
	return os.Link(file, root.Path(name))
}
