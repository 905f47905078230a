//go:build unix

package process

import (
	"encoding/binary"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"flow/pkg/wire"
)

// ears is what a supervisor listens to, all on its one thread: to wake up others takes as
// long as many a command.
type ears struct {
	leash   int32 // -1 once the parent is gone
	caught  int32 // what comes from it are the numbers of signals, a byte each
	command int   // becomes readable when the command ends; -1 where there is no such thing, and SIGCHLD tells
	signals chan os.Signal
}

// heard is what woke a supervisor; empty when it was the time.
type heard struct {
	message    *message
	signal     syscall.Signal
	parentGone bool
}

func newEars() (*ears, error) {
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return nil, err
	}
	for _, end := range ends {
		unix.CloseOnExec(end)
	}
	e := &ears{leash: leashFD, caught: int32(ends[0]), command: -1, signals: make(chan os.Signal, 8)}
	// A signal that is caught here is at its default in the command, even if the
	// parent was started with it ignored, as a shell does with `flow repro &`.
	signal.Notify(e.signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(e.signals, syscall.SIGHUP)
	}
	go func() {
		for sig := range e.signals {
			_, _ = unix.Write(ends[1], []byte{byte(sig.(syscall.Signal))})
		}
	}()
	return e, nil
}

// children has the end of a child be heard as a signal.
func (e *ears) children() { signal.Notify(e.signals, syscall.SIGCHLD) }

// forget lets go of the command, which has ended.
func (e *ears) forget() {
	if e.command >= 0 {
		_ = unix.Close(e.command)
		e.command = -1
	}
}

// next waits until something is to be heard, or for the time, if it isn't zero.
func (e *ears) next(until time.Time) heard {
	fds := []unix.PollFd{{Fd: e.leash, Events: unix.POLLIN}, {Fd: e.caught, Events: unix.POLLIN}, {Fd: int32(e.command), Events: unix.POLLIN}}
	timeout := -1
	if !until.IsZero() {
		timeout = int(max(0, time.Until(until)+time.Millisecond-1) / time.Millisecond)
	}
	if n, err := unix.Poll(fds, timeout); err != nil || n == 0 {
		return heard{}
	}
	switch {
	case fds[0].Revents != 0:
		m, err := receive()
		if err != nil {
			e.leash = -1
			return heard{parentGone: true}
		}
		return heard{message: &m}
	case fds[1].Revents != 0:
		var number [1]byte
		_, _ = unix.Read(int(e.caught), number[:])
		return heard{signal: syscall.Signal(number[0])}
	case fds[2].Revents != 0:
		e.forget() // it stays readable
	}
	return heard{}
}

// receive reads one message from the leash.
func receive() (message, error) {
	var m message
	var head [4]byte
	rights := make([]byte, unix.CmsgSpace(maxFiles*4))
	for got := 0; got < len(head); {
		n, rightsSize, _, _, err := unix.Recvmsg(leashFD, head[got:], rights, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return m, io.EOF
		}
		m.files = append(m.files, filesOf(rights[:rightsSize])...)
		got += n
	}
	text := make([]byte, binary.LittleEndian.Uint32(head[:]))
	for got := 0; got < len(text); {
		n, err := unix.Read(leashFD, text[got:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return m, io.EOF
		}
		got += n
	}
	return m, wire.Decode(text, &m)
}

// maxFiles is how many descriptors come with a message at most.
const maxFiles = 64

// filesOf returns the descriptors that came with some bytes. No command inherits them
// unasked: none is started while they arrive.
func filesOf(rights []byte) []int {
	var files []int
	parts, _ := unix.ParseSocketControlMessage(rights)
	for i := range parts {
		fds, _ := unix.ParseUnixRights(&parts[i])
		for _, fd := range fds {
			unix.CloseOnExec(fd)
		}
		files = append(files, fds...)
	}
	return files
}
