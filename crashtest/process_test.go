//go:build unix

package crashtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// running is a process that was started in a world.
type running struct {
	w    *world
	cmd  *exec.Cmd
	out  bytes.Buffer
	err  bytes.Buffer
	done chan struct{}
}

// ended is how a process ended: code is 128 + n when signal n killed it.
type ended struct {
	code     int
	out, err string
}

func (e ended) String() string {
	return fmt.Sprintf("exit code %d\nstdout:\n%s\nstderr:\n%s", e.code, clip(e.out), clip(e.err))
}

func clip(text string) string {
	if len(text) > 4000 {
		return text[:2000] + "\n…\n" + text[len(text)-2000:]
	}
	return text
}

// command prepares a command in a process group of its own.
func (w *world) command(name string, args ...string) *running {
	r := &running{w: w, cmd: exec.Command(name, args...), done: make(chan struct{})}
	r.cmd.Dir = w.dir
	r.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir + "/.home", "LC_ALL=C", "FLOW=" + binary, "TMPDIR=" + os.TempDir()}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	r.cmd.WaitDelay = 5 * time.Second
	return r
}

func (r *running) start() *running {
	r.w.t.Helper()
	require.NoError(r.w.t, r.cmd.Start())
	go func() {
		defer close(r.done)
		_ = r.cmd.Wait()
	}()
	return r
}

// wait waits for the end. A process that hangs is asked for its stacks.
func (r *running) wait() ended {
	r.w.t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		r.signal(syscall.SIGQUIT)
		select {
		case <-r.done:
		case <-time.After(5 * time.Second):
			r.signal(syscall.SIGKILL)
			<-r.done
		}
		require.Fail(r.w.t, "it hangs", "%v\n%s\n%s", r.cmd.Args, r.out.String(), r.err.String())
	}
	e := ended{code: r.cmd.ProcessState.ExitCode(), out: r.out.String(), err: r.err.String()}
	if status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.code = 128 + int(status.Signal())
	}
	require.NotContains(r.w.t, e.err, "goroutine ", "it panicked: %v", r.cmd.Args)
	require.NotEqual(r.w.t, 70, e.code, "a bug in flow: %s", e)
	return e
}

func (r *running) signal(sig syscall.Signal) { _ = syscall.Kill(r.cmd.Process.Pid, sig) }

// signalGroup signals the process group, as a terminal does.
func (r *running) signalGroup(sig syscall.Signal) { _ = syscall.Kill(-r.cmd.Process.Pid, sig) }

func (w *world) start(args ...string) *running {
	w.t.Helper()
	return w.command(binary, args...).start()
}

func (w *world) flow(args ...string) ended {
	w.t.Helper()
	return w.start(args...).wait()
}

// fine runs flow, which must exit with 0.
func (w *world) fine(args ...string) ended {
	w.t.Helper()
	e := w.flow(args...)
	require.Equal(w.t, 0, e.code, "flow %s: %s", strings.Join(args, " "), e)
	return e
}

// processes returns those that run in this world, where /proc tells.
func (w *world) processes() []string {
	names, _ := filepath.Glob("/proc/[0-9]*/cwd")
	var found []string
	for _, name := range names {
		cwd, err := os.Readlink(name)
		cwd = strings.TrimSuffix(cwd, " (deleted)")
		if err != nil || cwd != w.dir && !strings.HasPrefix(cwd, w.dir+"/") {
			continue
		}
		words, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
		found = append(found, filepath.Base(filepath.Dir(name))+" "+string(bytes.ReplaceAll(words, []byte{0}, []byte{' '})))
	}
	return found
}

// killAll ends what a failed test left running.
func (w *world) killAll() {
	for _, one := range w.processes() {
		pid, _, _ := strings.Cut(one, " ")
		if number, err := strconv.Atoi(pid); err == nil && number != os.Getpid() {
			_ = syscall.Kill(number, syscall.SIGKILL)
		}
	}
}

// nobodyLeft waits for all processes of this world to be gone by themselves.
func (w *world) nobodyLeft() {
	w.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for len(w.processes()) > 0 {
		if time.Now().After(deadline) {
			w.t.Fatalf("processes are left:\n%s", strings.Join(w.processes(), "\n"))
		}
		time.Sleep(5 * time.Millisecond)
	}
}
