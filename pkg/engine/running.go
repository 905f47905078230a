package engine

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"flow/pkg/stages"
)

// Running is a stage that a process is at.
type Running struct {
	Process int
	Since   time.Time
}

// Running tells who is at a stage, without taking its lock: what it says may be over
// already.
func (e *Engine) Running(stage *stages.Stage) (Running, bool) {
	intended, err := e.Root.Read(e.attemptDir(stage.Name) + "/intent")
	if err != nil {
		return Running{}, false
	}
	at, _ := readIntent(intended, stageKey(stage.Name))
	text, err := e.Root.Read(e.guardName(stage.Name))
	if err != nil {
		return Running{}, false
	}
	now := Running{Since: at.Began}
	first, _, _ := strings.Cut(string(text), "\n")
	if _, err := fmt.Sscanf(first, "process %d, at stage ", &now.Process); err != nil || !alive(now.Process) {
		return Running{}, false // a crash left it, and the next run ends it
	}
	return now, true
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = process.Signal(syscall.Signal(0))
	return err == nil || err == syscall.EPERM
}
