package project

import "golang.org/x/sys/unix"

// totalMemory returns the machine's memory in bytes; 0 where that is not known.
func totalMemory() int64 {
	total, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(total)
}
