//go:build unix

package process

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pump moves what a command writes to a pipe into lines.
type pump struct {
	file *os.File
	to   *lines
	done chan struct{}
}

// buffers are what pumps read into. Most commands write nothing.
var buffers = sync.Pool{New: func() any { return new([maxLine]byte) }}

func startPump(file *os.File, to *lines) *pump {
	p := &pump{file: file, to: to, done: make(chan struct{})}
	go p.run()
	return p
}

// finish returns when all is passed on that was written before the call. It
// doesn't wait for what a process that holds the pipe might write later.
func (p *pump) finish() {
	_ = p.file.SetReadDeadline(time.Unix(1, 0))
	<-p.done
	_ = p.file.Close()
}

func (p *pump) run() {
	defer close(p.done)
	held := buffers.Get().(*[maxLine]byte)
	defer buffers.Put(held)
	buf := held[:]
	for {
		n, err := p.file.Read(buf)
		_, _ = p.to.Write(buf[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.rest(buf)
			break
		}
		if err != nil {
			break
		}
	}
	p.to.Flush()
}

// rest reads what is in the pipe without waiting for more. It is bounded, in
// case that somebody goes on to fill the pipe.
func (p *pump) rest(buf []byte) {
	const most = 4 << 20 // more than any pipe holds
	_ = p.file.SetReadDeadline(time.Time{})
	conn, err := p.file.SyscallConn()
	if err != nil {
		return
	}
	for total := 0; total < most; {
		n := 0
		err := conn.Read(func(fd uintptr) bool {
			n, err = unix.Read(int(fd), buf)
			return true
		})
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		_, _ = p.to.Write(buf[:n])
		total += n
	}
}
