package project

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/process"
)

// Runner runs the scripts of stages as processes of this machine. The zero Runner is
// ready.
type Runner struct {
	Kill  <-chan struct{} // when closed, scripts that run are killed at once; may be nil
	Stdin *os.File        // what a script reads whose stage says so; nil for nothing
	crew  process.Crew
	once  sync.Once
	kills atomic.Int64 // how many processes the kernel had killed for want of memory, when last looked
}

var _ engine.Runner = (*Runner)(nil)

// Close ends what waits for the next script.
func (r *Runner) Close() error {
	r.crew.Close()
	return nil
}

// Run runs one script under a supervisor.
func (r *Runner) Run(ctx context.Context, command engine.Command, output func(stderr bool, line string)) (engine.Outcome, error) {
	var stdin *os.File
	if command.Stdin {
		stdin = r.Stdin
	}
	r.once.Do(func() { r.kills.Store(int64(process.OOMKills())) })
	result, err := r.start(ctx, command, process.Spec{
		Dir:   command.Dir,
		Env:   environment(command.Env),
		Stdin: stdin,
		Locks: command.Locks, Timeout: command.Timeout, Kill: r.Kill,
	}, output)
	if err != nil {
		return engine.Outcome{}, err
	}
	if result.Stopped {
		return engine.Outcome{}, context.Cause(ctx)
	}
	return engine.Outcome{Code: result.Code, Signal: result.Signal, NoMemory: r.noMemory(result), TimedOut: result.TimedOut, Wall: result.Wall, CPU: result.CPU,
		MaxRSS: result.MaxRSS, Read: result.Read, Written: result.Written, Leftover: result.Leftover}, nil
}

// start has a script run by its shell: the default one is left out where it would do nothing
// but start one program. What can't be started so, the shell explains.
func (r *Runner) start(ctx context.Context, command engine.Command, spec process.Spec, output func(bool, string)) (process.Result, error) {
	shell := command.Shell
	if len(shell) == 0 {
		if words, plain := process.Plain(command.Script, spec.Env); plain {
			spec.Argv = words
			result, err := r.crew.Run(ctx, spec, output)
			var unstarted *process.StartError
			if !errors.As(err, &unstarted) || disk.OpenHint(err) != "" {
				return result, err
			}
		}
		shell = process.Shell()
	}
	spec.Argv = append(slices.Clone(shell), command.Script)
	return r.crew.Run(ctx, spec, output)
}

// noMemory reports whether a command may have been killed because memory ran out.
func (r *Runner) noMemory(result process.Result) bool {
	if result.Signal != "SIGKILL" && result.Code != killedCode {
		return false
	}
	now := int64(process.OOMKills())
	return r.kills.Swap(now) < now
}

// killedCode is a shell's exit code when what it ran was killed.
const killedCode = 128 + int(syscall.SIGKILL)

// ours are the variables that flow sets for a stage.
var ours = []string{"FLOW_STAGE", "FLOW_ROOT", "FLOW_RUN", "FLOW_PARAMS"}

// environment is flow's own with a stage's over it. What an outer flow has set for
// its stage is left out.
func environment(over []string) []string {
	var env []string
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); !slices.Contains(ours, name) {
			env = append(env, pair)
		}
	}
	return append(env, over...)
}
