//go:build unix

package process

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	settleTime  = 2 * time.Second // for background processes to end after their command: `> >(tee log)`
	orphanGrace = 2 * time.Second // between SIGTERM and SIGKILL when the parent is dead
	killWait    = 5 * time.Second // for a killed process to be gone; one inside a system call may take for ever
	tickTime    = 20 * time.Millisecond
	reapTime    = time.Second // at the latest, orphans that were adopted and have ended are let go of
)

// supervise runs the commands that the parent asks for, one after the other, and
// returns the supervisor's own exit code.
func supervise() int {
	runtime.LockOSThread() // Pdeathsig means this thread's death
	var stat unix.Stat_t
	if err := unix.Fstat(leashFD, &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFSOCK {
		fmt.Fprintf(os.Stderr, "%s is for this program's own use\n", Arg)
		return 2
	}
	unix.CloseOnExec(leashFD)
	unix.CloseOnExec(reportFD)
	adoptOrphans()
	hear, err := newEars()
	if err != nil {
		return 1
	}
	for {
		switch heard := hear.next(time.Time{}); {
		case heard.signal == syscall.SIGCHLD:
		case heard.signal != 0, heard.parentGone: // or it needs nobody any more
			return 1
		case heard.message == nil, heard.message.Task == nil: // an order that came when its command had ended
		case !serve(heard.message, hear):
			return 0
		}
	}
}

// serve runs one command to its end; false when something of it may be left.
func serve(m *message, hear *ears) bool {
	s := &supervisor{grace: m.Task.Grace, began: time.Now()}
	pid, err := m.start(hear)
	if err != nil {
		errno, _ := err.(syscall.Errno)
		tell(report{Errno: int(max(errno, 1))})
		return false
	}
	s.pid, s.group = pid, pid
	tell(report{Pid: pid})
	s.watch(hear)
	hear.forget()
	end := s.ending()
	end.Free = s.childless && !s.stopped && !s.killing && !s.gaveUp && !s.orphaned
	if end.Free {
		closeAll(m.files)
	}
	tell(report{Ended: end})
	return end.Free
}

// tell writes a report. That the parent is dead is seen on the leash.
func tell(r report) {
	text, _ := frame(r) // all of it is of kinds that can be written
	for len(text) > 0 {
		n, err := unix.Write(reportFD, text)
		if err != nil && err != unix.EINTR {
			return
		}
		text = text[max(n, 0):]
	}
}

// start starts the command as the leader of a process group, which dies with
// the supervisor even if that one is killed. Only the command's processes hold
// its pipes then.
func (m *message) start(hear *ears) (int, error) {
	if len(m.files) < 2 {
		return 0, unix.EBADF
	}
	files, given := []uintptr{0, uintptr(m.files[0]), uintptr(m.files[1])}, 2
	if m.Task.Stdin && len(m.files) > given {
		files[0] = uintptr(m.files[given])
		given++
	}
	if len(m.files) > given {
		for len(files) < commandLockFD {
			files = append(files, ^uintptr(0)) // closed
		}
	}
	for _, lock := range m.files[given:] {
		files = append(files, uintptr(lock))
	}
	pid, err := syscall.ForkExec(m.Task.Program, m.Task.Argv, &syscall.ProcAttr{
		Dir: m.Task.Dir, Env: m.Task.Env, Files: files, Sys: ownGroup(&hear.command),
	})
	if err == nil && hear.command < 0 {
		hear.children()
	}
	closeAll(m.files[:given])
	m.files = m.files[given:]
	return pid, err
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// supervisor is the state of the one command from its start to the end of all
// its processes.
type supervisor struct {
	pid       int
	group     int // 0 once no process is in it: the number may be another's then
	grace     time.Duration
	began     time.Time
	tooLate   time.Time // when what is waited for has taken too long; zero when nothing is
	tick      time.Time // when to look again whether the group is empty; zero before the command has ended
	end       *ending   // set when the command itself has ended
	stopped   bool      // it was stopped before it ended
	killing   bool
	childless bool
	gaveUp    bool
	orphaned  bool  // the parent is dead
	used      usage // by all that ended
}

func (s *supervisor) watch(hear *ears) {
	for {
		s.reap()
		if s.over() {
			return
		}
		switch heard := hear.next(s.alarm()); {
		case heard.parentGone:
			s.orphaned = true
			s.stop(syscall.SIGTERM, orphanGrace)
		case heard.message != nil && (heard.message.Order == kill || s.grace < 0):
			s.stop(syscall.SIGKILL, 0)
		case heard.message != nil:
			s.stop(syscall.SIGINT, s.grace)
		case heard.signal != 0 && heard.signal != syscall.SIGCHLD:
			s.signal(heard.signal)
		}
		now := time.Now()
		if !s.tooLate.IsZero() && !now.Before(s.tooLate) {
			s.tooLate = time.Time{}
			s.late()
		}
		if !s.tick.IsZero() && !now.Before(s.tick) {
			s.tick = now.Add(tickTime)
			s.settle()
		}
	}
}

// alarm returns when to wake up if nothing happens.
func (s *supervisor) alarm() time.Time {
	at := time.Now().Add(reapTime)
	for _, other := range []time.Time{s.tooLate, s.tick} {
		if !other.IsZero() && other.Before(at) {
			at = other
		}
	}
	return at
}

// reap takes note of each child that has ended, adopted orphans included.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage // its own, and that of those it waited for
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, &usage)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			s.childless = true
			return
		case pid <= 0:
			return
		default:
			s.bury(pid, status, &usage)
		}
	}
}

// over tells whether nothing is left to do.
func (s *supervisor) over() bool {
	return s.gaveUp || s.childless && s.end != nil && s.empty()
}

// stop asks all processes to end, and sees to it that they do in time. What a
// command left that has ended by itself is killed.
func (s *supervisor) stop(sig syscall.Signal, grace time.Duration) {
	if s.end == nil {
		s.stopped = true
	}
	if s.end != nil && !s.stopped || sig == syscall.SIGKILL {
		s.kill()
		return
	}
	if s.killing {
		return
	}
	s.tooLate = time.Now().Add(grace)
	s.signal(sig)
	s.signal(syscall.SIGCONT) // what is suspended can't end
}

// bury takes note of a child that ended. Only the command itself matters.
func (s *supervisor) bury(pid int, status syscall.WaitStatus, usage *syscall.Rusage) {
	s.used.add(usage)
	if pid != s.pid {
		return
	}
	s.end = &ending{Code: status.ExitStatus(), Wall: time.Since(s.began), Stopped: s.stopped}
	if status.Signaled() {
		s.end.Signal = unix.SignalName(status.Signal())
		s.end.Code = 128 + int(status.Signal())
	}
	if !s.stopped {
		s.tooLate = time.Now().Add(settleTime)
	}
	s.tick = time.Now().Add(tickTime)
	s.settle()
}

// settle kills daemons outside of the group, which got no signal, when a stopped
// group has ended; and what was adopted since the last look.
func (s *supervisor) settle() {
	if s.killing || s.stopped && s.empty() {
		s.kill()
	}
}

// late is called when time is up.
func (s *supervisor) late() {
	switch {
	case s.killing:
		s.gaveUp = true
	case s.end != nil && !s.stopped && s.end.Code == 0:
		s.gaveUp = true // what is left is the parent's business
	default:
		s.kill()
	}
}

// kill kills the group and whatever was adopted. It is called again at each
// tick, as the children of those killed are adopted then.
func (s *supervisor) kill() {
	if !s.killing {
		s.killing = true
		s.tooLate = time.Now().Add(killWait)
	}
	s.signal(syscall.SIGKILL)
	for _, pid := range adopted() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// signal signals the group.
func (s *supervisor) signal(sig syscall.Signal) {
	if s.group > 0 {
		_ = syscall.Kill(-s.group, sig)
	}
}

// empty tells whether the group has no process left.
func (s *supervisor) empty() bool {
	if s.group > 0 && s.end != nil && syscall.Kill(-s.group, 0) != nil {
		s.group = 0
	}
	return s.group == 0
}

// ending adds to how the command ended what it and its processes took.
func (s *supervisor) ending() *ending {
	end := s.end
	if end == nil { // killed, but the kernel doesn't let go of it
		end = &ending{Code: 128 + int(syscall.SIGKILL), Signal: "SIGKILL", Wall: time.Since(s.began), Stopped: s.stopped}
	}
	if s.gaveUp {
		end.Leftover = descendants()
	}
	end.CPU, end.MaxRSS, end.Read, end.Written = s.used.cpu, s.used.maxRSS, s.used.read, s.used.written
	return end
}

// usage is what processes took: the sums, and of memory the largest.
type usage struct {
	cpu           time.Duration
	maxRSS        int64
	read, written int64
}

func (u *usage) add(of *syscall.Rusage) {
	u.cpu += time.Duration(of.Utime.Nano() + of.Stime.Nano())
	u.maxRSS = max(u.maxRSS, int64(of.Maxrss)*maxRSSUnit)
	if read, written := blockBytes(of); read < 0 {
		u.read, u.written = read, written
	} else {
		u.read, u.written = u.read+read, u.written+written
	}
}
