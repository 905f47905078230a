// Package process runs one command, sees to its end, and measures it.
//
// On Unix the command is started by a supervisor: this very program, re-executed
// with Arg. The supervisor lives in a session of its own and keeps a pipe to its
// parent, the leash; when the leash breaks, the parent is dead and the command's
// processes are killed. It also is what the command's usage is measured against:
// a child begins with its parent's peak memory as its own, and the supervisor's
// is small. Output goes from the command straight to the parent. A Crew keeps its
// supervisors for the next commands.
//
// A program that uses Run must call Main first thing in its main (a test binary:
// in TestMain).
package process

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Arg is the word on the command line that makes this program a supervisor.
const Arg = "__run"

// DefaultGrace is the time between a polite stop and a kill.
const DefaultGrace = 10 * time.Second

// Spec says what to run and how.
type Spec struct {
	Argv    []string        // the program (found in Env's PATH) and its words
	Dir     string          // where it runs; "" is where this process is
	Stdin   *os.File        // what it reads; nil is /dev/null
	Env     []string        // KEY=value, the last of a key counts; nil is this process's own
	Locks   []*os.File      // stay open in the command's processes, so that orphans keep a flock held
	Timeout time.Duration   // stops the command after that time; 0 is never
	Grace   time.Duration   // 0 is DefaultGrace; below 0, a stop is a kill
	Kill    <-chan struct{} // when closed, or sent to, the command is killed at once; may be nil
}

// Result tells how a command ended and what it took.
type Result struct {
	Code     int           // its exit code; 128 + number when a signal ended it
	Signal   string        // the signal that ended it ("SIGKILL"), or ""
	Wall     time.Duration // from its start to its own end
	CPU      time.Duration // user and system, of all its processes that ended
	MaxRSS   int64         // bytes: the peak of the largest of its processes
	Read     int64         // bytes from disks, those in memory already not counted; -1 where nobody counts them
	Written  int64         // bytes to disks; likewise
	TimedOut bool          // Spec.Timeout passed before it ended
	Stopped  bool          // the context or Spec.Kill stopped it before it ended
	Leftover []int         // processes (Linux) that still ran when it had ended; they were not killed, or couldn't be
}

// StartError tells that a command never ran.
type StartError struct {
	Program string // as given
	Dir     string // set when the folder to run in is what is wrong
	Err     error
}

// Error names the program, and the folder when that is the cause.
func (e *StartError) Error() string {
	if e.Dir != "" {
		return fmt.Sprintf("start %s in folder %s: %v", e.Program, e.Dir, e.Err)
	}
	return fmt.Sprintf("start %s: %v", e.Program, e.Err)
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// hooked tells that this program's main called Main. Without it a re-executed
// program would not supervise but do its own work all over again, for ever.
var hooked atomic.Bool

// Main never returns in a process that was started as a supervisor, and returns
// at once, having done nothing, in any other.
func Main() {
	if len(os.Args) == 2 && os.Args[1] == Arg {
		syscall.Exit(supervise()) // not os.Exit: what a build with -race or -cover does at the end is for the real program
	}
	hooked.Store(true)
}

// Run is Run of a Crew that is closed after it.
func Run(ctx context.Context, spec Spec, output func(stderr bool, line string)) (Result, error) {
	var crew Crew
	defer crew.Close()
	return crew.Run(ctx, spec, output)
}
