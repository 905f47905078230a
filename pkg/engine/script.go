package engine

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/stages"
)

// tailLines is how many of a failed command's last lines are shown again.
const tailLines = 20

// logLimit is how many bytes of a command's output its log keeps.
const logLimit = 64 << 20

// runScripts runs the scripts of a stage one after the other; the first that fails
// ends it.
func (w *work) runScripts(ctx context.Context, a *attempt) error {
	env, out, err := w.prepare(a)
	if err != nil {
		return err
	}
	defer out.close()
	run := scriptRun{env: env, budget: newBudget(w.step.Stage.Timeout), out: out, mu: &sync.Mutex{}}
	for _, run.script = range w.step.Stage.Cmd {
		if err := w.script(ctx, a, run); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes what the stage's scripts share: the environment, the log, the wdir.
func (w *work) prepare(a *attempt) ([]string, *output, error) {
	stage := w.step.Stage
	if err := w.e.Root.MkdirAll(stage.Wdir, 0o755); err != nil {
		return nil, nil, fmt.Errorf("make wdir %s: %w", stage.Wdir, err)
	}
	env := w.env()
	params, err := a.writeParams(w.step.is.params, stage)
	if err != nil {
		return nil, nil, err
	}
	if params != "" {
		env = append(env, paramsVar+"="+params)
	}
	return env, w.newOutput(a), nil
}

// scriptRun is one script with what it shares with others. Several may run at a time;
// mu is held by who is at the output and the usage.
type scriptRun struct {
	script string
	env    []string
	budget budget
	out    *output
	mu     *sync.Mutex
}

func (w *work) script(ctx context.Context, a *attempt, run scriptRun) error {
	stage := w.step.Stage
	outcome, err := w.e.Runner.Run(ctx, Command{
		Stage: stage.Name, Script: run.script, Shell: stage.Shell, Dir: w.e.Root.Path(stage.Wdir), Env: run.env,
		Stdin: stage.Stdin, Locks: []*os.File{a.guard.File()}, Timeout: run.budget.left(),
	}, func(stderr bool, text string) {
		run.mu.Lock()
		defer run.mu.Unlock()
		run.out.line(stderr, text)
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("run the command: %w", err)
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.out.err != nil {
		return fmt.Errorf("keep a log: %w", run.out.err)
	}
	w.used(outcome)
	if outcome.Code != 0 || outcome.Signal != "" || outcome.TimedOut {
		return &StageError{Stage: stage.Title(), Outcome: &outcome, Msg: describeOutcome(stage, outcome), Tail: run.out.tail, Logged: w.e.RunID != ""}
	}
	if len(outcome.Leftover) > 0 {
		w.tell(event.Warning{Stage: stage.Title(),
			Text: fmt.Sprintf("the command ended but left processes running: %v", outcome.Leftover),
			Hint: "what they still write is not part of the result"})
	}
	return nil
}

func describeOutcome(stage *stages.Stage, outcome Outcome) string {
	if outcome.TimedOut {
		return "the command ran into its timeout of " + briefly(stage.Timeout)
	}
	how := fmt.Sprintf("the command ended with exit code %d", outcome.Code)
	switch {
	case outcome.Signal == "SIGKILL":
		how = "the command was killed by SIGKILL"
	case outcome.Signal != "":
		how = "the command was ended by " + outcome.Signal
	case outcome.Code == 128+9:
		how += ": something that it ran was killed"
	}
	switch {
	case outcome.NoMemory:
		how += ", while the kernel killed a process because memory ran out"
	case outcome.Signal == "SIGKILL" || outcome.Code == 128+9:
		how += " (by the kernel, when memory ran out?)"
	}
	return how
}

// output takes the lines of a command: to the owner, to the log, to the tail. There is a log
// once there is a line.
type output struct {
	w    *work
	a    *attempt
	log  disk.File
	buf  *bufio.Writer
	err  error // why there is no log
	left int
	tail []string
}

func (w *work) newOutput(a *attempt) *output { return &output{w: w, a: a, left: logLimit} }

func (o *output) line(stderr bool, text string) {
	o.w.tell(event.OutputLine{Stage: o.w.step.Stage.Title(), Stderr: stderr, Text: text})
	if len(o.tail) == tailLines {
		o.tail = append(o.tail[:0], o.tail[1:]...)
	}
	o.tail = append(o.tail, strings.ToValidUTF8(text, "\uFFFD"))
	o.open()
	if o.left -= len(text) + 1; o.left > 0 && o.buf != nil {
		o.buf.WriteString(text)
		o.buf.WriteByte('\n')
	}
}

// open makes the log when the first line comes.
func (o *output) open() {
	if o.buf != nil || o.err != nil {
		return
	}
	if o.log, o.err = o.w.e.Root.Rewrite(o.a.dir+"/log", 0o666); o.err != nil {
		return
	}
	o.a.logged = true
	o.buf = bufio.NewWriter(o.log)
}

func (o *output) close() {
	if o.buf == nil {
		return
	}
	if o.left <= 0 {
		fmt.Fprintf(o.buf, "[the log ends here: more than %d MiB]\n", logLimit>>20)
	}
	o.buf.Flush()
	o.log.Close()
}
