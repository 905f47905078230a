//go:build !linux

package disk

import "os"

// Clone makes dst share all bytes of src; here it always says ErrNoClone.
func Clone(dst, src *os.File) error { return ErrNoClone }
