package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/store"
	"flow/pkg/workspace"
)

// work is what a worker does for one stage. It shares nothing with the owner but
// the channel on which it answers.
type work struct {
	e        *Engine
	step     *Step
	options  Options
	messages chan<- message
	made     []stages.Out      // once they are: the outs, those of patterns file by file
	batch    *store.Batch      // what of the outs is not durable yet
	usage    *event.Usage      // of the commands so far; nil before the first
	detail   string            // of a map stage: for how many files it ran
	grant    grant             // what its command has of the pool
	marks    map[string]string // of what it reads, before its command ran
	taken    *unsaved          // what the command made when it ran before, which only has to be saved
}

// message is what a worker tells the owner: events while it works, that its command has
// ended well, a result at its end.
type message struct {
	event  event.Event
	saving *Step
	result *result
	kept   []*result // they are part of what was now, or have an error
}

// result is how a worker's stage ended.
type result struct {
	step    *Step
	status  event.Status
	run     cache.Run       // to keep before anything is recorded
	entry   *lock.Entry     // to record; nil when there is nothing to
	source  *digest.Content // of a data source
	attempt *attempt        // to commit when the entry is recorded
	detail  string
	took    time.Duration
	usage   *event.Usage
	err     error
}

// StageError is a stage whose command failed, or whose result could not be kept.
type StageError struct {
	Stage   string
	Source  bool     // it is a data source
	Outcome *Outcome // nil when it is not the command that failed
	Msg     string
	Hint    string
	Tail    []string // the last lines that the command printed
	Kept    string   // where what it left is kept; "" when it left nothing
	Unsaved bool     // the command ended well, and what it made only has to be saved
	Logged  bool     // all that the command printed is kept with the run
	Err     error
}

// Error returns what went wrong on one line.
func (e *StageError) Error() string {
	if e.Source {
		return fmt.Sprintf("data source %s: %s", e.Stage, e.Msg)
	}
	return fmt.Sprintf("stage %q: %s", e.Stage, e.Msg)
}

// Unwrap returns the cause.
func (e *StageError) Unwrap() error { return e.Err }

// LastLines returns the end of what the command printed.
func (e *StageError) LastLines() []string { return e.Tail }

func (w *work) tell(e event.Event) { w.messages <- message{event: e} }

// do brings a stage up to date and answers with the result.
func (w *work) do(ctx context.Context) {
	started := time.Now()
	var r *result
	var err error
	if w.step.Stage.Source {
		r, err = w.source(ctx)
	} else {
		r, err = w.stage(ctx)
	}
	if err != nil {
		if r == nil {
			r = &result{}
		}
		r.status, r.err = event.Failed, w.explain(err)
	}
	r.step, r.took, r.usage = w.step, time.Since(started), w.usage
	w.messages <- message{result: r}
}

// explain makes any error one of the stage.
func (w *work) explain(err error) error {
	var stageError *StageError
	if errors.As(err, &stageError) || errors.Is(err, context.Canceled) {
		return err
	}
	if disk.IsFull(err) {
		err = disk.Full(err, 0, w.e.Root.Dir())
	}
	failure := &StageError{Stage: w.step.Stage.Title(), Source: w.step.Stage.Source, Msg: err.Error(), Err: err}
	var mistake *diag.Error
	if failure.Source && errors.As(err, &mistake) { // which may name the data source, too
		failure.Msg, failure.Hint = strings.TrimPrefix(mistake.Msg, "data source "+failure.Stage+": "), mistake.Hint
	}
	return failure
}

// source records what a data source holds, or brings it back from the cache.
func (w *work) source(ctx context.Context) (*result, error) {
	out := w.step.Stage.Outs[0]
	if !w.step.is.out(out.Path).Exists() || w.step.lacks.files > 0 {
		was, err := w.e.lockedSource(out.Path)
		if err != nil {
			return nil, err
		}
		if err := w.fetch(ctx, map[string]digest.Content{out.Path: was}); err != nil {
			return nil, fmt.Errorf("pull: %w", err)
		}
		if _, err := w.e.Workspace.Checkout(ctx, out.Path, was); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
		return &result{status: event.Restored, detail: "the cache"}, nil
	}
	content, err := w.e.Workspace.Save(ctx, out.Path, saveOptions(out, w.options))
	if err != nil {
		return nil, fmt.Errorf("save: %w", err)
	}
	return &result{status: event.Updated, source: &content}, nil
}

func (e *Engine) lockedSource(name string) (digest.Content, error) {
	locked, err := e.Ledger.Read()
	if err != nil {
		return digest.Content{}, err
	}
	was, found := locked.Data[name]
	if !found {
		return was, fmt.Errorf("data source %s is missing and was never recorded", name)
	}
	return was, nil
}

// stage restores a stage's outs, or runs it.
func (w *work) stage(ctx context.Context) (*result, error) {
	a, err := w.e.take(ctx, w.step.Stage.Name, !w.options.NoWait, func(warning event.Warning) { w.tell(warning) })
	if err != nil {
		return nil, err
	}
	r, err := w.locked(ctx, a)
	if r == nil || r.attempt == nil {
		a.release()
	}
	return r, err
}

// locked does the work while the stage's flock is held.
func (w *work) locked(ctx context.Context, a *attempt) (*result, error) {
	r, err := w.again(ctx, a.moved)
	if r != nil || err != nil {
		return r, err
	}
	if w.step.Stage.Frozen {
		return w.frozen(ctx)
	}
	if w.options.Force || w.forced() {
		return w.run(ctx, a)
	}
	if w.taken, err = w.findUnsaved(ctx); err != nil {
		return nil, err
	}
	if w.taken != nil {
		return w.attempt(ctx, a)
	}
	if r, err = w.tryRestore(ctx); r != nil || err != nil {
		return r, err
	}
	return w.run(ctx, a)
}

func (w *work) forced() bool {
	for _, reason := range w.step.Reasons {
		if reason.Kind == event.Forced {
			return true
		}
	}
	return false
}

// again compares once more when another process may have been at the stage: it holds
// the flock now, so what it sees stays.
func (w *work) again(ctx context.Context, moved bool) (*result, error) {
	now, err := w.e.Ledger.Stage(w.step.Stage.Name)
	if err != nil || now == w.step.was && !moved && !w.step.is.unsure && len(w.step.Reasons) > 0 {
		return nil, err
	}
	w.step.was = now
	if w.step.is, err = w.e.inspect(ctx, w.step.Stage, now, nil); err != nil {
		return nil, err
	}
	reasons := w.e.compare(ctx, w.step.Stage, w.step.was, w.step.is, w.options)
	if w.forced() {
		reasons = append([]Reason{{Kind: event.Forced}}, reasons...)
	}
	w.step.Reasons = reasons
	if len(reasons) == 0 {
		return &result{status: event.Fresh}, nil
	}
	return nil, nil
}

// tryRestore returns nil when there is nothing to restore from.
func (w *work) tryRestore(ctx context.Context) (*result, error) {
	outs, from, found := w.e.restorable(ctx, w.step, w.options)
	if !found {
		return nil, nil
	}
	if err := w.fetch(ctx, outs); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		w.tell(event.Warning{Stage: w.step.Stage.Title(), Text: fmt.Sprintf("can't be pulled, so it runs: %v", err)})
		return nil, nil
	}
	if err := w.restore(ctx, outs); err != nil {
		if unrestorable(err) {
			w.tell(event.Warning{Stage: w.step.Stage.Title(), Text: fmt.Sprintf("can't be restored, so it runs: %v", err)})
			return nil, nil
		}
		return nil, err
	}
	r := &result{status: event.Restored, entry: w.step.entry(outs), detail: from}
	if from == fromLock && inPlace(w.step.is, outs) {
		r.status = event.Updated // only the cache lacked something
	}
	return r, nil
}

// inPlace reports whether outs already hold what is to be restored.
func inPlace(is *facts, outs map[string]digest.Content) bool {
	for name, content := range outs {
		if !is.out(name).Same(content) {
			return false
		}
	}
	return true
}

// frozen takes the outs of a frozen stage as they are; missing ones are restored. Its
// command never runs.
func (w *work) frozen(ctx context.Context) (*result, error) {
	stage := w.step.Stage
	if missing := w.missingOuts(); len(missing) > 0 {
		r, err := w.tryRestore(ctx)
		if r == nil && err == nil {
			err = &StageError{Stage: stage.Title(), Msg: fmt.Sprintf("it is frozen, and %s is not there", strings.Join(missing, ", ")),
				Hint: "to let it run: flow unfreeze " + stage.Name}
		}
		return r, err
	}
	if err := w.look(ctx); err != nil {
		return nil, err
	}
	outs, err := w.saveOuts(ctx)
	if err != nil {
		return nil, err
	}
	return &result{status: event.Updated, run: cache.Run{Batch: w.batch}, entry: w.step.entry(outs)}, nil
}

// attempt runs the commands of a stage as a transaction, or takes up what they made.
func (w *work) attempt(ctx context.Context, a *attempt) (*result, error) {
	if err := w.keepAllEdited(ctx); err != nil {
		return nil, err
	}
	changing, run := w.step.is.made, w.runScripts
	if w.step.Stage.Map != nil {
		m, err := w.mapping(ctx)
		if err != nil {
			return nil, err
		}
		changing, run = m.touched(), func(ctx context.Context, a *attempt) error {
			err := w.runMapped(ctx, a, m)
			w.detail = m.describe()
			return err
		}
	}
	if w.taken != nil {
		run = w.takeUp
	}
	if err := a.begin(ctx, changing); err != nil {
		if _, undo := a.rollBack(ctx); undo != nil {
			err = errors.Join(err, undo)
		}
		return nil, err
	}
	var failure error
	if w.marks, failure = w.mark(ctx); failure == nil {
		failure = run(ctx, a)
	}
	var outs map[string]digest.Content
	if failure == nil {
		w.messages <- message{saving: w.step}
		outs, failure = w.save(ctx, a)
	}
	if failure == nil {
		return w.keepResult(a, outs), nil
	}
	var changed *changedError
	if errors.As(failure, &changed) {
		return nil, errors.Join(failure, a.commit())
	}
	return nil, w.failed(context.WithoutCancel(ctx), a, failure)
}

// keepResult hands the result to the owner, who has it kept and recorded, and then
// commits.
func (w *work) keepResult(a *attempt, outs map[string]digest.Content) *result {
	stage := w.step.Stage
	r := &result{status: event.Ran, entry: entry(stage, w.step.is, outs), attempt: a, detail: w.detail}
	if remembers(stage, w.step.is) && !w.options.NoCommit {
		r.run = remembered(stage, w.step.is, outs)
	}
	r.run.Batch = w.batch
	if w.taken != nil {
		r.status, r.detail = event.Updated, "what its command had made"
	}
	return r
}

// failed rolls the attempt back and says where its leftovers are.
func (w *work) failed(ctx context.Context, a *attempt, failure error) error {
	if w.batch != nil {
		w.batch.Abort()
	}
	if !mayYetBeSaved(failure) {
		a.unsaved = nil
	}
	kept, err := a.rollBack(ctx)
	var stageError *StageError
	if !errors.As(failure, &stageError) {
		stageError = &StageError{Stage: w.step.Stage.Title(), Msg: failure.Error(), Err: failure}
	}
	stageError.Kept, stageError.Unsaved = kept, a.unsaved != nil
	if err != nil {
		return errors.Join(stageError, fmt.Errorf("the outs from before could not all be brought back; `flow repro` tries again: %w", err))
	}
	return stageError
}

// mayYetBeSaved reports whether the same outs may be saved another time: it was the disk, or
// a person, that stopped it.
func mayYetBeSaved(failure error) bool {
	var errno syscall.Errno
	return errors.Is(failure, context.Canceled) || errors.As(failure, &errno)
}

func saveOptions(out stages.Out, options Options) workspace.SaveOptions {
	return workspace.SaveOptions{NoCache: !out.Cache || options.NoCommit}
}

// changedError is a dep or param that changed while the command ran: the result
// may have been made from either, so it is not recorded.
type changedError struct{ *StageError }

func (w *work) changed(subjects []string) error {
	return &changedError{&StageError{
		Stage: w.step.Stage.Title(),
		Msg:   strings.Join(subjects, ", ") + " changed while the stage ran, so its result is not recorded",
		Hint:  "the outs are in place; `flow repro` runs the stage again with what is there now",
	}}
}

// Unwrap lets errors.As find the StageError.
func (e *changedError) Unwrap() error { return e.StageError }

// Explain tells what follows from the failure, and what to do.
func (e *StageError) Explain() (lines []string, hint string) {
	switch {
	case e.Unsaved:
		lines = append(lines, "its command has ended: `flow repro` saves what it made, without running it again",
			"that is kept in "+e.Kept+"; the outs from before are back in place")
	case e.Kept != "":
		lines = append(lines, "what it left, and its log, is kept in "+e.Kept+"; the outs from before are back in place")
	}
	if e.Logged && e.Outcome != nil && len(e.Tail) > 0 {
		lines = append(lines, "all that it printed: flow logs "+e.Stage)
	}
	return lines, cmp.Or(e.Hint, disk.OpenHint(e.Err))
}
