//go:build unix

package process

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// The descriptors that a supervisor is started with, besides /dev/null as the
// standard three.
const (
	leashFD  = iota + 3 // a socket: tasks and orders; its end means that the parent is dead
	reportFD            // a pipe
)

// commandLockFD is where the locks begin in the command: out of the way of
// scripts, which use 3 to 9, and of shells, which save theirs from 10 on.
const commandLockFD = 20

// What goes between the two is frames: the length of a text in 4 bytes, small end first, and
// the text, words that end with a NUL each. None holds one; all else may be in them.

// message is what the parent tells: a task, with which two pipes, maybe what it reads,
// and the locks come along, or an order for the one that runs.
type message struct {
	task  *task
	order order

	files []int // descriptors that came along
}

// task is a command to run.
type task struct {
	program string
	argv    []string
	env     []string
	dir     string
	grace   time.Duration
	stdin   bool // the third file is what it reads
}

// order is what the parent tells later.
type order string

const (
	stop order = "stop" // SIGINT, grace, SIGKILL
	kill order = "kill" // SIGKILL
)

// report is what the supervisor tells: at the start the process or why there is none, at the
// end how it ended.
type report struct {
	pid   int
	errno int
	ended *ending
}

// ending is how the command ended.
type ending struct {
	code     int
	signal   string
	wall     time.Duration
	cpu      time.Duration
	maxRSS   int64
	read     int64
	written  int64
	stopped  bool
	leftover []int
	free     bool // nothing of it is left: the supervisor takes the next task
}

// frame writes words.
func frame(words ...string) []byte {
	text := make([]byte, 4, 4096)
	for _, word := range words {
		text = append(append(text, word...), 0)
	}
	binary.LittleEndian.PutUint32(text, uint32(len(text)-4))
	return text
}

// words reads the text of a frame.
func words(text []byte) []string {
	all := strings.Split(string(text), "\x00")
	return all[:len(all)-1]
}

func number[N ~int | ~int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// reader reads words in their order. What isn't as it should be is the zero value: the two
// ends are one program.
type reader struct{ left []string }

func (r *reader) word() string {
	if len(r.left) == 0 {
		return ""
	}
	word := r.left[0]
	r.left = r.left[1:]
	return word
}

func (r *reader) number() int64 {
	n, _ := strconv.ParseInt(r.word(), 10, 64)
	return n
}

func (r *reader) yes() bool { return r.number() != 0 }

func yes(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func (m message) encode() []byte {
	if m.task == nil {
		return frame(string(m.order))
	}
	t := m.task
	all := []string{"task", t.program, t.dir, number(t.grace), yes(t.stdin), number(len(t.argv))}
	return frame(append(append(all, t.argv...), t.env...)...)
}

func decodeMessage(text []byte) message {
	r := &reader{left: words(text)}
	what := r.word()
	if what != "task" {
		return message{order: order(what)}
	}
	t := &task{program: r.word(), dir: r.word(), grace: time.Duration(r.number()), stdin: r.yes()}
	argc := min(int(r.number()), len(r.left))
	t.argv, t.env = r.left[:argc], r.left[argc:]
	return message{task: t}
}

func (r report) encode() []byte {
	e := r.ended
	if e == nil {
		return frame(number(r.pid), number(r.errno))
	}
	all := []string{number(r.pid), number(r.errno), number(e.code), e.signal, number(e.wall), number(e.cpu), number(e.maxRSS),
		number(e.read), number(e.written), yes(e.stopped), yes(e.free)}
	for _, pid := range e.leftover {
		all = append(all, number(pid))
	}
	return frame(all...)
}

func decodeReport(text []byte) report {
	r := &reader{left: words(text)}
	told := report{pid: int(r.number()), errno: int(r.number())}
	if len(r.left) == 0 {
		return told
	}
	e := &ending{code: int(r.number()), signal: r.word(), wall: time.Duration(r.number()), cpu: time.Duration(r.number()),
		maxRSS: r.number(), read: r.number(), written: r.number(), stopped: r.yes(), free: r.yes()}
	for len(r.left) > 0 {
		e.leftover = append(e.leftover, int(r.number()))
	}
	told.ended = e
	return told
}
