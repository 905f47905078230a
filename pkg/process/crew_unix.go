//go:build unix

package process

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"flow/pkg/wire"
)

// Crew is the supervisors of one run. To start one costs more than most small
// commands take, so one whose command ended, with all that it started, is given the
// next. The zero Crew is ready, and safe for use by several goroutines.
type Crew struct {
	mu   sync.Mutex
	idle []*hired
	runs atomic.Int64 // that have not returned
}

// Close ends the supervisors that have nothing to do. The crew can be used again.
func (c *Crew) Close() {
	c.mu.Lock()
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, h := range idle {
		h.dismiss()
	}
}

// hired is a supervisor as its parent sees it.
type hired struct {
	supervisor *exec.Cmd
	leash      *os.File // a socket: messages go down, and its end tells that the parent is dead
	reports    <-chan report
	told       *os.File
}

// hire has a supervisor start a command whose files are these: what it writes to,
// then its locks.
func (c *Crew) hire(what task, files []*os.File) (*hired, error) {
	for {
		h := c.take()
		if h == nil {
			break
		}
		if h.send(message{Task: &what}, files) == nil {
			return h, nil
		}
		h.dismiss() // somebody killed it meanwhile
	}
	h, err := newHired()
	if err != nil {
		return nil, err
	}
	// A failed write means that the supervisor is gone, and its reports end.
	_ = h.send(message{Task: &what}, files)
	return h, nil
}

func (c *Crew) take() *hired {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) == 0 {
		return nil
	}
	h := c.idle[len(c.idle)-1]
	c.idle = c.idle[:len(c.idle)-1]
	return h
}

// keep lets a supervisor wait for its next command.
func (c *Crew) keep(h *hired) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, h)
}

// newHired starts a supervisor.
func newHired() (*hired, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	read, write, err := os.Pipe()
	if err != nil {
		_ = ours.Close()
		return nil, err
	}
	defer write.Close()
	h := &hired{leash: ours, told: read}
	if err := h.exec([]*os.File{theirs, write}); err != nil {
		_ = ours.Close()
		_ = read.Close()
		return nil, err
	}
	h.reports = listen(read)
	return h, nil
}

// socketPair returns two ends that no process inherits unasked. Ours may be waited on
// by the runtime; theirs blocks.
func socketPair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(ends[0])
		unix.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(ends[0]), "leash"), os.NewFile(uintptr(ends[1]), "leash"), nil
}

// bySignal has a supervisor do as where there is no descriptor of a process.
const bySignal = "FLOW_SUPERVISE_BY_SIGNAL"

var supervisorEnv = []string{"GOMAXPROCS=1"}

// exec re-executes this program with the files from descriptor 3 on. On Linux
// /proc/self/exe is what runs now, even when an upgrade replaced the file.
func (h *hired) exec(files []*os.File) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	start := func(path string) error {
		h.supervisor = &exec.Cmd{
			Path: path, Args: []string{os.Args[0], Arg}, ExtraFiles: files,
			Stdin: null, Stdout: null, Stderr: null, // one descriptor, not three
			Env:         supervisorEnv,
			SysProcAttr: &syscall.SysProcAttr{Setsid: true}, // no terminal signals it, or asks the command for a password
		}
		return h.supervisor.Start()
	}
	if err := start("/proc/self/exe"); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var path string
	if path, err = os.Executable(); err != nil {
		return err
	}
	return start(path)
}

// listen returns what the supervisor tells; the channel closes when it is gone.
func listen(file *os.File) <-chan report {
	reports := make(chan report, 2) // all there can be of one command: nobody is blocked when Run has returned
	go func() {
		defer close(reports)
		from := bufio.NewReader(file)
		for {
			var head [4]byte
			if _, err := io.ReadFull(from, head[:]); err != nil {
				return
			}
			text := make([]byte, binary.LittleEndian.Uint32(head[:]))
			if _, err := io.ReadFull(from, text); err != nil {
				return
			}
			var told report
			if wire.Decode(text, &told) != nil {
				return
			}
			reports <- told
		}
	}()
	return reports
}

// dismiss ends a supervisor, and what still runs under it.
func (h *hired) dismiss() {
	_ = h.leash.Close()
	_ = h.supervisor.Wait()
	_ = h.told.Close()
}

// send writes a message, with whose first bytes the files travel.
func (h *hired) send(m message, files []*os.File) error {
	rest, err := frame(m)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, file := range files {
			fds[i] = int(file.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	for len(rest) > 0 {
		n, err := unix.SendmsgN(int(h.leash.Fd()), rest, rights, nil, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("sendmsg", err)
		}
		rest, rights = rest[n:], nil
	}
	return nil
}
