//go:build linux

package crashtest

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// tracerOrder is the variable that makes this test binary a tracer: strace counts the
// calls of each thread by itself, and which thread of a Go program makes a call is
// chance.
const tracerOrder = "FLOW_CRASH_TRACER"

// callSet is calls to the kernel that are counted as one kind.
type callSet struct {
	Name   string
	Calls  []uint64
	Create bool // of openat only those that make a file
}

var callSets = []callSet{
	{Name: "create", Calls: []uint64{unix.SYS_OPENAT}, Create: true},
	{Name: "write", Calls: []uint64{unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_COPY_FILE_RANGE, unix.SYS_FTRUNCATE}},
	{Name: "rename", Calls: []uint64{unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2}},
	{Name: "sync", Calls: []uint64{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNC_FILE_RANGE, unix.SYS_SYNCFS}},
	{Name: "unlink", Calls: []uint64{unix.SYS_UNLINKAT}},
	{Name: "link", Calls: []uint64{unix.SYS_LINKAT, unix.SYS_SYMLINKAT}},
	{Name: "mkdir", Calls: []uint64{unix.SYS_MKDIRAT}},
	{Name: "chmod", Calls: []uint64{unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_UTIMENSAT, unix.SYS_IOCTL}},
	{Name: "flock", Calls: []uint64{unix.SYS_FLOCK, unix.SYS_FCNTL}},
}

// order is what a tracer does: it kills its child as that makes the K-th call of a
// set, and writes down how many calls there were.
type order struct {
	Set   callSet
	K     int
	Tally string
}

// killAt runs flow and kills it just before the k-th call of a set; false when there
// are not so many. The number of calls that were made is returned, too.
func killAt(w *world, set callSet, k int, args ...string) (e ended, killed bool, calls int) {
	w.t.Helper()
	tally := w.dir + ".tally"
	text, err := json.Marshal(order{Set: set, K: k, Tally: tally})
	require.NoError(w.t, err)
	r := w.command(os.Args[0], append([]string{binary}, args...)...)
	r.cmd.Env = append(r.cmd.Env, tracerOrder+"="+string(text))
	e = r.start().wait()
	content, err := os.ReadFile(tally)
	require.NoError(w.t, err, "%s", e)
	calls, err = strconv.Atoi(string(content))
	require.NoError(w.t, err)
	return e, e.code == 137, calls
}

// needTracing skips a test where processes can't be traced.
func needTracing(t *testing.T) {
	t.Helper()
	r := newWorld(t).command(os.Args[0], "/bin/true")
	r.cmd.Env = append(r.cmd.Env, tracerOrder+`={"Tally": "/dev/null"}`)
	if e := r.start().wait(); e.code != 0 {
		lacking(t, "the right to trace processes: "+e.err)
	}
}

// traceIfAsked does not return in a process that shall be a tracer.
func traceIfAsked() {
	text := os.Getenv(tracerOrder)
	if text == "" {
		return
	}
	os.Unsetenv(tracerOrder)
	var o order
	err := json.Unmarshal([]byte(text), &o)
	code := 0
	if err == nil {
		code, err = o.trace()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tracer:", err)
		os.Exit(99)
	}
	os.Exit(code)
}

func (o *order) trace() (int, error) {
	runtime.LockOSThread() // the kernel knows a tracer by its thread
	pid, err := syscall.ForkExec(os.Args[1], os.Args[1:], &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return 0, err
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WALL, nil); err != nil {
		return 0, err
	}
	if err := syscall.PtraceSetOptions(pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL); err != nil {
		return 0, err
	}
	if err := syscall.PtraceSyscall(pid, 0); err != nil {
		return 0, err
	}
	count, code := o.follow(pid)
	return code, os.WriteFile(o.Tally, []byte(strconv.Itoa(count)), 0o644)
}

// follow lets all threads of a process go on from call to call until it ends.
func (o *order) follow(pid int) (count, code int) {
	threads := map[int]bool{pid: true}
	for {
		var status syscall.WaitStatus
		thread, err := syscall.Wait4(-1, &status, syscall.WALL, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return count, code
		case thread == pid && status.Exited():
			return count, status.ExitStatus()
		case thread == pid && status.Signaled():
			return count, 128 + int(status.Signal())
		case !status.Stopped():
			continue
		}
		signal := 0
		switch sig := status.StopSignal(); {
		case sig == syscall.SIGTRAP|0x80:
			if o.wanted(thread) {
				if count++; count == o.K {
					_ = syscall.Kill(pid, syscall.SIGKILL) // the call is not made any more
				}
			}
		case sig == syscall.SIGTRAP: // a new thread is told of
		case sig == syscall.SIGSTOP && !threads[thread]: // the new thread itself
		default:
			signal = int(sig)
		}
		threads[thread] = true
		_ = syscall.PtraceSyscall(thread, signal) // it may be dead by now
	}
}

// callInfo is the kernel's struct ptrace_syscall_info at the entry of a call.
type callInfo struct {
	Op     uint8
	_      [3]uint8
	Arch   uint32
	IP, SP uint64
	Number uint64
	Args   [6]uint64
	_      [4]uint64
}

// wanted reports whether a thread that was stopped is about to make a call of the set.
func (o *order) wanted(thread int) bool {
	const (
		getSyscallInfo = 0x420e
		atEntry        = 1
	)
	var info callInfo
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(thread), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 || info.Op != atEntry || !slices.Contains(o.Set.Calls, info.Number) {
		return false
	}
	return !o.Set.Create || info.Args[2]&syscall.O_CREAT != 0
}
