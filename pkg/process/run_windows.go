package process

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// supervise is never needed: a job object kills the command when flow dies.
func supervise() int { return 2 }

// Crew is nothing here: a command needs no supervisor.
type Crew struct{}

// Close does nothing.
func (*Crew) Close() {}

// Run runs a command to its end and passes on what it prints, line by line, the
// lines of a stream in order, never two at the same time. A line longer than 64
// KiB comes in pieces of that size.
//
// When ctx ends, the command gets CTRL_BREAK, and after Spec.Grace it and all
// its processes are killed. That is no error but told in the Result. Whatever a
// command left in the background is killed when it has ended. Spec.Locks are not
// inherited: no process outlives this one.
//
// The error is a *StartError when the command never ran.
func (*Crew) Run(ctx context.Context, spec Spec, output func(stderr bool, line string)) (Result, error) {
	if err := spec.check(); err != nil {
		return Result{}, err
	}
	program := spec.Argv[0]
	if err := ctx.Err(); err != nil {
		return Result{Stopped: true}, &StartError{Program: program, Err: err}
	}
	job, err := newJob()
	if err != nil {
		return Result{}, &StartError{Program: program, Err: fmt.Errorf("make a job object: %w", err)}
	}
	defer windows.CloseHandle(job)
	stdout, stderr := newLines(output, spec.Stdin != nil)
	cmd := exec.Command(program, spec.Argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = spec.Dir, spec.environment(), stdout, stderr
	if spec.Stdin != nil {
		cmd.Stdin = spec.Stdin
	}
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP, CmdLine: commandLine(spec.Argv)}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, &StartError{Program: program, Err: err}
	}
	adopt(job, cmd.Process.Pid)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	result, err := follow(ctx, &spec, cmd, job, ended)
	stdout.Flush()
	stderr.Flush()
	if err != nil {
		return Result{}, fmt.Errorf("run %s: %w", program, err)
	}
	result.Wall = time.Since(began)
	result.Code = cmd.ProcessState.ExitCode()
	result.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	result.MaxRSS, result.Read, result.Written = peak(job), -1, -1
	return result, nil
}

// follow passes on what is asked of the command until it has ended.
func follow(ctx context.Context, spec *Spec, cmd *exec.Cmd, job windows.Handle, ended <-chan error) (Result, error) {
	var timeout, late <-chan time.Time
	if spec.Timeout > 0 {
		timeout = time.After(spec.Timeout)
	}
	grace := spec.Grace
	if grace == 0 {
		grace = DefaultGrace
	}
	var result Result
	done, killed := ctx.Done(), spec.Kill
	stop := func(flag *bool) {
		done, timeout, *flag = nil, nil, true
		if grace > 0 {
			_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(cmd.Process.Pid))
		}
		late = time.After(max(grace, 0))
	}
	end := func() {
		_ = windows.TerminateJobObject(job, 1)
		_ = cmd.Process.Kill()
	}
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) {
				err = nil
			}
			return result, err
		case <-done:
			stop(&result.Stopped)
		case <-timeout:
			stop(&result.TimedOut)
		case <-killed:
			killed, done, timeout = nil, nil, nil
			result.Stopped = !result.TimedOut
			end()
		case <-late:
			end()
		}
	}
}

// commandLine returns the command line for cmd.exe, which does not take words
// apart as all other programs do; "" leaves it to package os.
func commandLine(argv []string) string {
	name := strings.ToLower(strings.TrimSuffix(strings.ToLower(filepath.Base(argv[0])), ".exe"))
	if name != "cmd" || len(argv) < 3 || !strings.EqualFold(argv[1], "/C") {
		return ""
	}
	return syscall.EscapeArg(argv[0]) + ` /S /C "` + strings.Join(argv[2:], " ") + `"`
}

// newJob returns a job object whose processes die with its last handle.
func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		_ = windows.CloseHandle(job)
		return 0, err
	}
	return job, nil
}

// adopt puts a process into a job object. It can't be done when the process has
// ended already; then nothing needs it.
func adopt(job windows.Handle, pid int) {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return
	}
	defer windows.CloseHandle(process)
	_ = windows.AssignProcessToJobObject(job, process)
}

// peak returns the peak memory in bytes of the largest process of a job.
func peak(job windows.Handle) int64 {
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	err := windows.QueryInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), nil)
	if err != nil {
		return 0
	}
	return int64(info.PeakProcessMemoryUsed)
}
