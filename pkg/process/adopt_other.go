//go:build unix && !linux

package process

import (
	"runtime"
	"syscall"
)

// maxRSSUnit is what getrusage(2) counts memory in.
var maxRSSUnit = map[bool]int64{true: 1, false: 1024}[runtime.GOOS == "darwin"]

// blockBytes can't tell: what getrusage(2) counts here are operations, not bytes.
func blockBytes(*syscall.Rusage) (read, written int64) { return -1, -1 }

// Only Linux lets a process adopt orphans. Elsewhere a daemon that leaves the
// process group escapes.
func adoptOrphans() {}

func ownGroup(*int) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func adopted() []int { return nil }

func descendants() []int { return nil }

func killSession(int) {}
