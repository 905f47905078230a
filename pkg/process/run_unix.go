//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
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
func (c *Crew) Run(ctx context.Context, spec Spec, output func(stderr bool, line string)) (Result, error) {
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
	r := &running{name: spec.Argv[0], grace: spec.Grace, crew: c}
	if r.grace == 0 {
		r.grace = DefaultGrace
	}
	what := task{
		Program: program, Argv: spec.Argv, Env: env, Dir: spec.Dir, Grace: r.grace, Stdin: spec.Stdin != nil,
	}
	c.runs.Add(1)
	defer c.runs.Add(-1)
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err = r.launch(&spec, what, output)
		if !errors.Is(err, syscall.EMFILE) || c.runs.Load() == 1 || time.Since(began) > patience {
			break // else others hold descriptors for a moment
		}
	}
	if err != nil {
		return Result{}, &StartError{Program: r.name, Err: fmt.Errorf("start its supervisor: %w", err)}
	}
	defer r.close()
	return r.follow(ctx, &spec)
}

// running is a command as its parent sees it.
type running struct {
	*hired
	crew  *Crew
	name  string
	grace time.Duration
	pumps [2]*pump
	pid   int  // of the command, which is its process group as well; 0 before it is known
	free  bool // the supervisor can take another command
}

// launch hands the command to a supervisor, with the pipes that it writes to. In
// the parent only its own ends of them stay open.
func (r *running) launch(spec *Spec, what task, output func(bool, string)) error {
	var ours, theirs [2]*os.File
	shut := func(files [2]*os.File) {
		for _, file := range files {
			_ = file.Close() // also when it is nil
		}
	}
	defer func() { shut(theirs) }()
	for i := range ours {
		var err error
		if ours[i], theirs[i], err = os.Pipe(); err != nil {
			shut(ours)
			return err
		}
	}
	var err error
	files := theirs[:]
	if spec.Stdin != nil {
		files = append(files, spec.Stdin)
	}
	if r.hired, err = r.crew.hire(what, append(files, spec.Locks...)); err != nil {
		shut(ours)
		return err
	}
	stdout, stderr := newLines(output, spec.Stdin != nil)
	r.pumps = [2]*pump{startPump(ours[0], stdout), startPump(ours[1], stderr)}
	return nil
}

// close ends the pumps, once all is read that the command wrote, and the
// supervisor unless it can be used again.
func (r *running) close() {
	for _, p := range r.pumps {
		p.finish()
	}
	if r.free {
		r.crew.keep(r.hired)
	} else {
		r.dismiss()
	}
}

// follow passes on what is asked of the command until it has ended.
func (r *running) follow(ctx context.Context, spec *Spec) (Result, error) {
	var timeout, tooLate <-chan time.Time
	if spec.Timeout > 0 {
		timeout = time.After(spec.Timeout)
	}
	reports := r.reports
	done, killed, timedOut := ctx.Done(), spec.Kill, false
	obey := func(what order, after time.Duration) {
		_ = r.send(message{Order: what}, nil)
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
				r.free = report.Ended.Free
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
