// Command flow runs pipelines of declared stages: what changed, and only that.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

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
	defer func() {
		if bug := recover(); bug != nil {
			fmt.Fprintf(os.Stderr, "flow: a bug in flow: %v\n%s\nplease report it with the lines above\n", bug, debug.Stack())
			code = exitBug
		}
	}()
	ctx, stopped := untilSignal()
	a := &app{out: os.Stdout, err: os.Stderr}
	cmd := newRootCmd(a)
	err := cmd.ExecuteContext(ctx)
	if err != nil && !a.started {
		err = wordsError{plainWords(err)}
	}
	if name := stopped(); name != nil && err != nil {
		fmt.Fprintf(a.err, "stopped by %s; what had finished is saved\n", name)
		return 128 + int(name.(syscall.Signal))
	}
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprint(a.err, ui.Explain(err, ui.StyleFor(a.err)))
	}
	return exitCode(err)
}

// untilSignal returns a context that ends with the first signal that asks to stop.
// A second one is passed to nobody: it kills the process at once, and with it, by
// their leash, the stages.
func untilSignal() (context.Context, func() os.Signal) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	for _, one := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(one) { // as nohup and a shell's & ask for
			signal.Notify(signals, one)
		}
	}
	first := make(chan os.Signal, 1)
	go func() {
		first <- <-signals
		cancel()
		second := <-signals
		os.Exit(128 + int(second.(syscall.Signal)))
	}()
	return ctx, func() os.Signal {
		select {
		case s := <-first:
			return s
		default:
			return nil
		}
	}
}
