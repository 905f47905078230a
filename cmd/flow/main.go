// Command flow runs pipelines of declared stages: what changed, and only that.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/process"
	"flow/pkg/ui"
)

func main() {
	process.Main() // does not return in the process that watches over a stage
	os.Exit(Main())
}

// Main runs the command line of this process and returns its exit code.
func Main() (code int) {
	signal.Ignore(syscall.SIGPIPE) // a reader that went away must not stop a run
	collectLate()
	defer func() {
		if bug := recover(); bug != nil {
			fmt.Fprintf(os.Stderr, "flow: a bug in flow: %v\n%s\nplease report it with the lines above\n", bug, debug.Stack())
			code = exitBug
		}
	}()
	ctx, stopped, kill := untilSignal()
	a := &app{out: os.Stdout, err: os.Stderr, kill: kill}
	words := joinJobs(os.Args[1:])
	cmd := newRootCmd(a, words)
	cmd.SetArgs(words)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		err = a.unknown
	}
	if err != nil && !a.started {
		err = wordsError{plainWords(err)}
	}
	if name := stopped(); name != nil && err != nil {
		fmt.Fprintln(a.err, describeStop(name, err))
		return 128 + int(name.(syscall.Signal))
	}
	if err != nil && !errors.Is(err, errSilent) {
		a.addLines(err)
		fmt.Fprint(a.err, ui.Explain(err, ui.StyleFor(a.err)))
		fmt.Fprint(a.err, roomLeft(err), openHint(err))
	}
	return exitCode(err)
}

// collectLate has garbage collected for the first time at some 60 MB, where most commands
// have ended, and from then on as usual.
func collectLate() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(1500)
	runtime.SetFinalizer(new([64]byte), func(*[64]byte) { debug.SetGCPercent(100) })
}

// roomLeft says how much is free on a disk that was full, unless the error does.
func roomLeft(err error) string {
	var full *disk.FullError
	if !disk.IsFull(err) || errors.As(err, &full) || !errors.As(disk.Full(err, 0, "."), &full) {
		return ""
	}
	return fmt.Sprintf("  %s free on %s; make room, then try again (flow gc --help)\n", ui.Bytes(full.Free), full.Place)
}

// openHint says what to do about too many open files, unless the error does.
func openHint(err error) string {
	hint := disk.OpenHint(err)
	var stage *engine.StageError
	if hint == "" || errors.As(err, &stage) {
		return ""
	}
	return "  " + hint + "\n"
}

// describeStop says what a signal has stopped.
func describeStop(name os.Signal, err error) string {
	var interrupted *engine.InterruptedError
	if errors.As(err, &interrupted) {
		return interrupted.Error()
	}
	return fmt.Sprintf("stopped by %s; what had finished is saved", name)
}

// lastGrace is how long a run may take to put things back after a second signal.
const lastGrace = 5 * time.Second

// untilSignal returns a context that ends with the first signal that asks to stop, and
// a channel that closes with the second: then the stages are killed, and the run ends
// as soon as their outs are back. A third one, or too long a wait, ends the process at
// once, and with it, by their leash, the stages.
func untilSignal() (ctx context.Context, stopped func() os.Signal, kill <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 3)
	for _, one := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(one) { // as nohup and a shell's & ask for
			signal.Notify(signals, one)
		}
	}
	first, killed := make(chan os.Signal, 1), make(chan struct{})
	go func() {
		first <- <-signals
		cancel()
		last := <-signals
		close(killed)
		select {
		case last = <-signals:
		case <-time.After(lastGrace):
		}
		os.Exit(128 + int(last.(syscall.Signal)))
	}()
	return ctx, func() os.Signal {
		select {
		case s := <-first:
			return s
		default:
			return nil
		}
	}, killed
}
