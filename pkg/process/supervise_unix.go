//go:build unix

package process

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
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
	// A signal that is caught here is at its default in the command, even if the
	// parent was started with it ignored, as a shell does with `flow repro &`.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	adoptOrphans()
	messages, reports := heard(), json.NewEncoder(os.NewFile(reportFD, "reports"))
	for {
		select {
		case <-signals:
			return 1
		case m, ok := <-messages:
			switch {
			case !ok:
				return 1 // the parent is dead, or needs nobody any more
			case m.Task == nil: // an order that came when its command had ended
			case !serve(m, messages, signals, reports):
				return 0
			}
		}
	}
}

// serve runs one command to its end; false when something of it may be left.
func serve(m message, messages <-chan message, signals <-chan os.Signal, reports *json.Encoder) bool {
	s := &supervisor{grace: m.Task.Grace, began: time.Now(), timer: time.NewTimer(time.Hour), tick: time.NewTicker(time.Hour)}
	s.timer.Stop()
	s.tick.Stop()
	pid, err := m.start()
	if err != nil {
		errno, _ := err.(syscall.Errno)
		_ = reports.Encode(report{Errno: int(max(errno, 1))})
		return false
	}
	s.pid, s.group = pid, pid
	_ = reports.Encode(report{Pid: pid}) // a dead parent is seen on the leash
	s.watch(messages, signals, reaped())
	s.tick.Stop()
	s.timer.Stop()
	end := s.ending()
	end.Free = s.childless && !s.stopped && !s.killing && !s.gaveUp && !s.orphaned
	if end.Free {
		closeAll(m.files)
	}
	_ = reports.Encode(report{Ended: end})
	return end.Free
}

// start starts the command as the leader of a process group, which dies with
// the supervisor even if that one is killed. Only the command's processes hold
// its pipes then.
func (m *message) start() (int, error) {
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
	pid, err := syscall.ForkExec(string(m.Task.Program), toStrings(m.Task.Argv), &syscall.ProcAttr{
		Dir: string(m.Task.Dir), Env: toStrings(m.Task.Env), Files: files, Sys: ownGroup(),
	})
	closeAll(m.files[:given])
	m.files = m.files[given:]
	return pid, err
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// death is a child that ended.
type death struct {
	pid    int
	status syscall.WaitStatus
	usage  syscall.Rusage // its own, and that of those it waited for
}

// reaped returns each child that ends, orphans that were adopted included; the
// channel closes when there is none left.
func reaped() <-chan death {
	deaths := make(chan death)
	go func() {
		defer close(deaths)
		for {
			var d death
			var err error
			d.pid, err = syscall.Wait4(-1, &d.status, 0, &d.usage)
			switch err {
			case nil:
				deaths <- d
			case syscall.EINTR:
			default:
				return
			}
		}
	}()
	return deaths
}

// supervisor is the state of the one command from its start to the end of all
// its processes.
type supervisor struct {
	pid       int
	group     int // 0 once no process is in it: the number may be another's then
	grace     time.Duration
	began     time.Time
	timer     *time.Timer  // what is waited for has taken too long
	tick      *time.Ticker // looks whether the group is empty; runs when the command has ended
	end       *ending      // set when the command itself has ended
	stopped   bool         // it was stopped before it ended
	killing   bool
	childless bool
	gaveUp    bool
	orphaned  bool  // the parent is dead
	used      usage // by all that ended
}

func (s *supervisor) watch(messages <-chan message, signals <-chan os.Signal, deaths <-chan death) {
	for !s.over() {
		select {
		case m, ok := <-messages:
			if !ok {
				messages, s.orphaned = nil, true
				s.stop(syscall.SIGTERM, orphanGrace)
			} else if m.Order == kill || s.grace < 0 {
				s.stop(syscall.SIGKILL, 0)
			} else {
				s.stop(syscall.SIGINT, s.grace)
			}
		case sig := <-signals:
			s.signal(sig.(syscall.Signal))
		case d, ok := <-deaths:
			if !ok {
				deaths, s.childless = nil, true
			} else {
				s.bury(d)
			}
		case <-s.timer.C:
			s.late()
		case <-s.tick.C:
			s.settle()
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
	s.timer.Reset(grace)
	s.signal(sig)
	s.signal(syscall.SIGCONT) // what is suspended can't end
}

// bury takes note of a child that ended. Only the command itself matters.
func (s *supervisor) bury(d death) {
	s.used.add(&d.usage)
	if d.pid != s.pid {
		return
	}
	s.end = &ending{Code: d.status.ExitStatus(), Wall: time.Since(s.began), Stopped: s.stopped}
	if d.status.Signaled() {
		s.end.Signal = unix.SignalName(d.status.Signal())
		s.end.Code = 128 + int(d.status.Signal())
	}
	if !s.stopped {
		s.timer.Reset(settleTime)
	}
	s.tick.Reset(tickTime)
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
		s.timer.Reset(killWait)
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
