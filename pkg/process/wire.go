//go:build unix

package process

import (
	"bytes"
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

// message is what the parent tells: a task, with which two pipes, maybe what it reads,
// and the locks come along, or an order for the one that runs.
type message struct {
	Task  *task `json:",omitempty"`
	Order order `json:",omitempty"`

	files []int // descriptors that came along
}

// task is a command to run. Bytes, as none of it must be valid UTF-8, which JSON
// strings are. Words end with a NUL each.
type task struct {
	Program []byte
	Argv    []byte
	Env     []byte
	Dir     []byte
	Grace   time.Duration
	Stdin   bool // the third file is what it reads
}

// order is what the parent tells later.
type order string

const (
	stop order = "stop" // SIGINT, grace, SIGKILL
	kill order = "kill" // SIGKILL
)

// report is what the supervisor tells: at the start Pid or Errno, at the end
// Ended.
type report struct {
	Pid   int     `json:",omitempty"`
	Errno int     `json:",omitempty"`
	Ended *ending `json:",omitempty"`
}

// ending is how the command ended.
type ending struct {
	Code     int
	Signal   string
	Wall     time.Duration
	CPU      time.Duration
	MaxRSS   int64
	Read     int64
	Written  int64
	Stopped  bool
	Leftover []int
	Free     bool // nothing of it is left: the supervisor takes the next task
}

// joined writes words that hold no NUL.
func joined(words []string) []byte {
	var text []byte
	for _, word := range words {
		text = append(append(text, word...), 0)
	}
	return text
}

// split reads what joined wrote.
func split(text []byte) []string {
	var words []string
	for len(text) > 0 {
		word, rest, _ := bytes.Cut(text, []byte{0})
		words, text = append(words, string(word)), rest
	}
	return words
}
