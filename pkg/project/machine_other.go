//go:build !linux && !darwin

package project

// totalMemory returns the machine's memory in bytes; 0 where that is not known.
func totalMemory() int64 { return 0 }
