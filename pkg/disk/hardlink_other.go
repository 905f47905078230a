//go:build !linux && !darwin

package disk

import "os"

// Hardlink gives the file at an absolute path a second name below root.
func Hardlink(file string, root *Root, name string) error {
	return os.Link(file, root.Path(name))
}
