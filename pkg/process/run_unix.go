//go:build unix

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// patience is how long the parent waits for a supervisor beyond what that one
// may take itself.
const patience = 5 * time.Second

// Run runs a command to its end and passes on what it prints, line by line, the
// lines of a stream in order, never two at the same time. A line longer than 64
// KiB comes in pieces of that size.
//
// When ctx ends, all processes of the command get SIGINT, and after Spec.Grace
// SIGKILL. That is no error but told in the Result. Nor does Run wait for what a
// command that succeeded left in the background: see Result.Leftover. Of a
// command that failed or was stopped, nothing is left.
//
// The error is a *StartError when the command never ran, or tells that the
// supervisor was killed, and the command with it.
func Run(ctx context.Context, spec Spec, output func(stderr bool, line string)) (Result, error) {
	if err := spec.check(); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{Stopped: true}, &StartError{Program: spec.Argv[0], Err: err}
	}
	env := spec.environment()
	program, err := lookup(spec.Argv[0], spec.Dir, env)
	if err != nil {
		return Result{}, &StartError{Program: spec.Argv[0], Err: err}
	}
	r := &running{name: spec.Argv[0], grace: spec.Grace}
	if r.grace == 0 {
		r.grace = DefaultGrace
	}
	if err := r.launch(&spec, output); err != nil {
		return Result{}, &StartError{Program: r.name, Err: fmt.Errorf("start its supervisor: %w", err)}
	}
	defer r.close()
	// A failed write means that the supervisor is gone, and reports end.
	_ = r.orders.Encode(task{
		Program: []byte(program), Argv: toBytes(spec.Argv), Env: toBytes(env), Dir: []byte(spec.Dir),
		Grace: r.grace, Locks: len(spec.Locks),
	})
	return r.follow(ctx, &spec)
}

// running is a command as its parent sees it.
type running struct {
	name       string
	grace      time.Duration
	supervisor *exec.Cmd
	leash      *os.File
	orders     *json.Encoder
	reports    *os.File
	pumps      [2]*pump
	pid        int // of the command, which is its process group as well; 0 before it is known
}

// launch starts the supervisor and the pumps. In the parent only its own ends
// of the pipes stay open.
func (r *running) launch(spec *Spec, output func(bool, string)) error {
	theirs := make([]*os.File, 0, lockFD-leashFD+len(spec.Locks))
	ours := make([]*os.File, 0, 4)
	shut := func(files []*os.File) {
		for _, file := range files {
			_ = file.Close()
		}
	}
	for fd := leashFD; fd < lockFD; fd++ {
		read, write, err := os.Pipe()
		if err != nil {
			shut(theirs)
			shut(ours)
			return err
		}
		if fd == leashFD {
			read, write = write, read
		}
		ours, theirs = append(ours, read), append(theirs, write)
	}
	err := r.exec(append(theirs, spec.Locks...))
	shut(theirs)
	if err != nil {
		shut(ours)
		return err
	}
	r.leash, r.orders, r.reports = ours[0], json.NewEncoder(ours[0]), ours[1]
	stdout, stderr := newLines(output)
	r.pumps = [2]*pump{startPump(ours[2], stdout), startPump(ours[3], stderr)}
	return nil
}

// exec re-executes this program with the files from descriptor 3 on. On Linux
// /proc/self/exe is what runs now, even when an upgrade replaced the file.
func (r *running) exec(files []*os.File) error {
	start := func(path string) error {
		r.supervisor = &exec.Cmd{
			Path: path, Args: []string{os.Args[0], Arg}, ExtraFiles: files,
			Env:         []string{"GOMAXPROCS=2"},
			SysProcAttr: &syscall.SysProcAttr{Setsid: true}, // no terminal signals it, or asks the command for a password
		}
		return r.supervisor.Start()
	}
	if err := start("/proc/self/exe"); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	return start(path)
}

// close ends the pumps, once all is read that the command wrote, and the
// supervisor.
func (r *running) close() {
	for _, p := range r.pumps {
		p.finish()
	}
	_ = r.leash.Close()
	_ = r.reports.Close()
	_ = r.supervisor.Wait()
}

// follow passes on what is asked of the command until it has ended.
func (r *running) follow(ctx context.Context, spec *Spec) (Result, error) {
	var timeout, tooLate <-chan time.Time
	if spec.Timeout > 0 {
		timeout = time.After(spec.Timeout)
	}
	reports := r.listen()
	done, killed, timedOut := ctx.Done(), spec.Kill, false
	obey := func(what order, after time.Duration) {
		_ = r.orders.Encode(what)
		tooLate = time.After(after + killWait + patience)
	}
	for {
		select {
		case report, ok := <-reports:
			if !ok {
				return Result{}, r.lost()
			}
			if report.Errno != 0 {
				return Result{}, &StartError{Program: r.name, Err: syscall.Errno(report.Errno)}
			}
			if report.Ended != nil {
				return report.Ended.result(timedOut), nil
			}
			r.pid = report.Pid
		case <-done:
			done, timeout = nil, nil
			obey(stop, max(r.grace, 0))
		case <-timeout:
			done, timeout, timedOut = nil, nil, true
			obey(stop, max(r.grace, 0))
		case <-killed:
			done, timeout, killed = nil, nil, nil
			obey(kill, 0)
		case <-tooLate:
			tooLate = nil
			_ = r.supervisor.Process.Kill()
		}
	}
}

// listen returns what the supervisor tells; the channel closes when it is gone.
func (r *running) listen() <-chan report {
	reports := make(chan report, 2) // all there can be: nobody is blocked when Run has returned
	go func() {
		defer close(reports)
		decoder := json.NewDecoder(r.reports)
		for {
			var next report
			if decoder.Decode(&next) != nil {
				return
			}
			reports <- next
		}
	}()
	return reports
}

// lost kills what a supervisor left behind that ended without a word; maybe even
// before it could tell which process the command is.
func (r *running) lost() error {
	if r.pid > 0 {
		_ = syscall.Kill(-r.pid, syscall.SIGKILL)
	}
	killSession(r.supervisor.Process.Pid)
	_ = r.supervisor.Wait()
	return fmt.Errorf("run %s: its supervisor ended early (%v), and the command was killed", r.name, r.supervisor.ProcessState)
}

// result is what the caller gets. A stop counts as what caused it first.
func (e *ending) result(timedOut bool) Result {
	return Result{
		Code: e.Code, Signal: e.Signal, Wall: e.Wall, CPU: e.CPU, MaxRSS: e.MaxRSS, Read: e.Read, Written: e.Written,
		TimedOut: e.Stopped && timedOut, Stopped: e.Stopped && !timedOut, Leftover: e.Leftover,
	}
}
