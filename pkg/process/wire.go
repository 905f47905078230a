//go:build unix

package process

import (
	"encoding/binary"
	"time"

	"flow/pkg/wire"
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

// What goes between the two is frames: the length of a value in 4 bytes, small end first,
// and the value: the two ends are one program.

// message is what the parent tells: a task, with which two pipes, maybe what it reads,
// and the locks come along, or an order for the one that runs.
type message struct {
	Task  *task
	Order order

	files []int // descriptors that came along
}

// task is a command to run.
type task struct {
	Program string
	Argv    []string
	Env     []string
	Dir     string
	Grace   time.Duration
	Stdin   bool // the third file is what it reads
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
	Pid   int
	Errno int
	Ended *ending
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

// frame writes a value.
func frame(value any) ([]byte, error) {
	encoded, err := wire.Encode(value)
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(encoded))), encoded...), err
}
