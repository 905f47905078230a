//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// command is one call of flow in a project.
func (o options) command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(o.binary, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func (o options) repro() []string { return []string{"repro", "-q", "-j", strconv.Itoa(o.jobs)} }

// patience is how long flow may take to stop what it is asked to, or commands to be gone.
const patience = time.Minute

// disturb starts a run and kills it in one of many ways at a random moment. It reports
// false when the run had ended before.
func (o options) disturb(dir string, chance *rand.Rand) (bool, error) {
	cmd := o.command(dir, o.repro()...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return false, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return false, fmt.Errorf("a run that nobody killed: %w\n%s", err, said.Bytes())
		}
		return false, nil
	case <-time.After(time.Duration(chance.ExpFloat64() * float64(400*time.Millisecond))):
	}
	pid := cmd.Process.Pid
	switch chance.IntN(5) {
	case 0:
		_ = syscall.Kill(pid, syscall.SIGKILL)
	case 1:
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	case 2: // one of its commands; flow goes on, and fails
		if below := o.processes(dir); len(below) > 0 {
			_ = syscall.Kill(below[chance.IntN(len(below))], syscall.SIGKILL)
		}
	case 3:
		_ = syscall.Kill(pid, syscall.SIGINT)
	default:
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		return true, errors.New("a run that was to stop went on")
	}
	return true, nil
}

// settle lets one run do what is left, and looks that nothing runs after it.
func (o options) settle(dir string) error {
	if out, err := o.command(dir, o.repro()...).CombinedOutput(); err != nil {
		return fmt.Errorf("the run after the kills: %w\n%s", err, out)
	}
	for deadline := time.Now().Add(patience); len(o.processes(dir)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("commands of killed runs go on: %v", o.processes(dir))
		}
	}
	return nil
}

// processes finds the commands of stages of a project that run now: flow tells them its
// root. Where there is no /proc there is none to be found.
func (o options) processes(dir string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		environment, err := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if err == nil && strings.Contains("\x00"+string(environment), "\x00FLOW_ROOT="+dir+"\x00") {
			pids = append(pids, pid)
		}
	}
	return pids
}
