//go:build unix

package disk

import "syscall"

const (
	nonBlock    = syscall.O_NONBLOCK // opening a pipe must not wait for its other end
	onlyDir     = syscall.O_DIRECTORY
	foldersSync = true
	syncFlag    = syscall.O_RDONLY // any descriptor will do for fsync
)
