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

// supervise runs the one command that the parent asks for, and returns the
// supervisor's own exit code.
func supervise() int {
	runtime.LockOSThread() // Pdeathsig means this thread's death
	var stat unix.Stat_t
	if err := unix.Fstat(leashFD, &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		fmt.Fprintf(os.Stderr, "%s is for this program's own use\n", Arg)
		return 2
	}
	leash := json.NewDecoder(os.NewFile(leashFD, "leash"))
	reports := json.NewEncoder(os.NewFile(reportFD, "reports"))
	var work task
	if err := leash.Decode(&work); err != nil {
		return 1 // the parent is dead
	}
	for fd := leashFD; fd < lockFD+work.Locks; fd++ {
		unix.CloseOnExec(fd)
	}
	// A signal that is caught here is at its default in the command, even if the
	// parent was started with it ignored, as a shell does with `flow repro &`.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	adoptOrphans()
	s := &supervisor{grace: work.Grace, began: time.Now(), timer: time.NewTimer(time.Hour), tick: time.NewTicker(time.Hour)}
	s.timer.Stop()
	s.tick.Stop()
	pid, err := work.start()
	if err != nil {
		errno, _ := err.(syscall.Errno)
		_ = reports.Encode(report{Errno: int(max(errno, 1))})
		return 0
	}
	s.pid, s.group = pid, pid
	_ = reports.Encode(report{Pid: pid}) // a dead parent is seen on the leash
	s.watch(obeyed(leash), signals, reaped())
	_ = reports.Encode(report{Ended: s.ending()})
	return 0
}

// start starts the command as the leader of a process group, which dies with
// the supervisor even if that one is killed. Only the command's processes hold
// its pipes then.
func (t *task) start() (int, error) {
	files := []uintptr{0, stdoutFD, stderrFD}
	if t.Locks > 0 {
		for len(files) < commandLockFD {
			files = append(files, ^uintptr(0)) // closed
		}
	}
	for i := range t.Locks {
		files = append(files, uintptr(lockFD+i))
	}
	pid, err := syscall.ForkExec(string(t.Program), toStrings(t.Argv), &syscall.ProcAttr{
		Dir: string(t.Dir), Env: toStrings(t.Env), Files: files, Sys: ownGroup(),
	})
	_ = unix.Close(stdoutFD)
	_ = unix.Close(stderrFD)
	return pid, err
}

// obeyed returns the parent's orders; the channel closes when the parent is dead.
func obeyed(leash *json.Decoder) <-chan order {
	orders := make(chan order)
	go func() {
		defer close(orders)
		for {
			var next order
			if leash.Decode(&next) != nil {
				return
			}
			orders <- next
		}
	}()
	return orders
}

// death is a child that ended.
type death struct {
	pid    int
	status syscall.WaitStatus
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
			d.pid, err = syscall.Wait4(-1, &d.status, 0, nil)
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
}

func (s *supervisor) watch(orders <-chan order, signals <-chan os.Signal, deaths <-chan death) {
	for !s.over() {
		select {
		case what, ok := <-orders:
			if !ok {
				orders = nil
				s.stop(syscall.SIGTERM, orphanGrace)
			} else if what == kill || s.grace < 0 {
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
	end.Read, end.Written = -1, -1
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &usage) == nil {
		end.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		end.MaxRSS = int64(usage.Maxrss) * maxRSSUnit
		end.Read, end.Written = blockBytes(&usage)
	}
	return end
}
