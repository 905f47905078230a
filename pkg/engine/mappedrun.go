package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

const (
	// saveFiles and saveEvery are after how many files, or how much time, what was made
	// of them is saved: that much is made again when a map stage is cut short.
	saveFiles = 256
	saveEvery = 2 * time.Second
)

// runMapped brings the outs of a map stage up to date, whose changing outs are aside.
func (w *work) runMapped(ctx context.Context, a *attempt, m *mapping) error {
	for _, out := range w.step.Stage.Outs {
		if err := w.e.Root.MkdirAll(out.Path, 0o755); err != nil {
			return fmt.Errorf("make the folder of the outs: %w", err)
		}
	}
	if !w.options.Force && !w.forced() && !w.options.NoRunCache && remembers(w.step.Stage, w.step.is) {
		for _, f := range m.todo {
			var err error
			if f.restored, err = w.restoreFile(ctx, f); err != nil {
				return err
			}
		}
	}
	var todo []*file
	for _, f := range m.todo {
		if !f.restored {
			todo = append(todo, f)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	env, out, err := w.prepare(a)
	if err != nil {
		return err
	}
	defer out.close()
	r := &mappedRun{work: w, attempt: a, env: env, out: out, budget: newBudget(w.step.Stage.Timeout), saved: time.Now()}
	err = r.all(ctx, slices.Collect(slices.Chunk(todo, max(1, w.step.Stage.Map.Batch))))
	m.ran = r.ran
	return err
}

// restoreFile brings back what the run cache knows to be made of a file.
func (w *work) restoreFile(ctx context.Context, f *file) (bool, error) {
	result, found, err := w.e.Cache.Recall(ctx, w.fileAction(f))
	if err != nil || !found {
		return false, nil // what can't be recalled is made
	}
	for _, out := range result.Outs {
		_, err := w.e.Workspace.Checkout(ctx, out.Path, out.Content)
		if unrestorable(err) {
			return false, w.clear(f)
		}
		if err != nil {
			return false, fmt.Errorf("restore out %s: %w", out.Path, err)
		}
	}
	return true, nil
}

// clear removes what there is of a file's outs.
func (w *work) clear(f *file) error {
	for _, out := range f.outs {
		if err := w.e.Root.RemoveAll(out); err != nil {
			return fmt.Errorf("remove %s: %w", out, err)
		}
	}
	return nil
}

// fileAction is the action of a map stage for one file.
func (w *work) fileAction(f *file) cache.Action {
	stage, is := *w.step.Stage, *w.step.is
	stage.Cmd = stage.CmdOf(f.entry.Path)
	stage.Outs = nil
	for _, out := range f.outs {
		stage.Outs = append(stage.Outs, stages.Out{Path: out})
	}
	deps := []lock.Item{{Path: f.entry.Path, Content: digest.Content{ID: f.entry.ID, Mode: f.entry.Mode, Size: f.entry.Size}}}
	for _, dep := range is.deps {
		if dep.Path != stage.Map.Over {
			deps = append(deps, dep)
		}
	}
	is.deps = lock.Sorted(deps)
	return action(&stage, &is)
}

// mappedRun is the commands of a map stage while they run.
type mappedRun struct {
	*work
	attempt *attempt
	env     []string
	out     *output
	budget  budget
	mu      sync.Mutex // held for out and usage
	ran     int
	pending []*file // made, but not saved
	saved   time.Time
}

// all runs the command for each batch of files, several at a time if the stage says so.
// What was made is saved all the while; of the failures the first is returned.
func (r *mappedRun) all(ctx context.Context, batches [][]*file) error {
	within, stop := context.WithCancel(ctx)
	defer stop()
	queue := make(chan []*file)
	type made struct {
		files []*file
		err   error
	}
	done := make(chan made)
	var workers sync.WaitGroup
	for i := range min(r.grant.commands, len(batches)) {
		workers.Go(func() {
			env := slices.Concat(r.env, r.grant.env(i))
			for batch := range queue {
				done <- made{batch, r.one(within, batch, env)}
			}
		})
	}
	go func() {
		defer close(done)
		defer workers.Wait()
		defer close(queue)
		for _, batch := range batches {
			select {
			case queue <- batch:
			case <-within.Done():
				return
			}
		}
	}()
	var failure error
	for m := range done {
		if m.err != nil {
			if failure == nil {
				failure = m.err
			}
			stop()
			continue
		}
		r.ran += len(m.files)
		r.pending = append(r.pending, m.files...)
		if len(r.pending) >= saveFiles || time.Since(r.saved) > saveEvery {
			failure = errors.Join(failure, r.save(ctx))
		}
	}
	if failure == nil {
		failure = ctx.Err()
	}
	if err := r.save(context.WithoutCancel(ctx)); failure == nil {
		failure = err
	}
	return failure
}

// one runs the command for a batch of files.
func (r *mappedRun) one(ctx context.Context, batch []*file, env []string) error {
	paths := make([]string, len(batch))
	for i, f := range batch {
		paths[i] = f.entry.Path
	}
	for _, script := range r.step.Stage.CmdOf(paths...) {
		if err := r.script(ctx, r.attempt, scriptRun{script: script, env: env, budget: r.budget, out: r.out, mu: &r.mu}); err != nil {
			return ofFiles(err, paths)
		}
	}
	var missing []string
	for _, f := range batch {
		for _, out := range f.outs {
			if !r.e.Root.Exists(out) {
				missing = append(missing, out)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err := &StageError{Stage: r.step.Stage.Title(), Msg: "the command ended well but did not make " + strings.Join(missing, ", ")}
	return ofFiles(err, paths)
}

// ofFiles says for which files a command failed.
func ofFiles(err error, paths []string) error {
	var failed *StageError
	if !errors.As(err, &failed) {
		return err
	}
	failed.Msg += ", for " + paths[0]
	if more := len(paths) - 1; more > 0 {
		failed.Msg += fmt.Sprintf(" and %d more", more)
	}
	return err
}

// save puts what was made into the cache and remembers it, so that it is not made again
// if the stage fails later. What was made of a file that changed meanwhile is not.
func (r *mappedRun) save(ctx context.Context) error {
	pending := r.pending
	r.pending, r.saved = nil, time.Now()
	stage := r.step.Stage
	if len(pending) == 0 || r.options.NoCommit || !remembers(stage, r.step.is) {
		return nil
	}
	if same, err := r.commonSame(ctx); err != nil || !same {
		return err // the stage's own check tells, at the end
	}
	var paths []string
	for _, f := range pending {
		paths = append(paths, f.outs...)
	}
	contents, err := r.e.Workspace.SaveMany(ctx, paths, workspace.SaveOptions{})
	if err != nil {
		return r.explainSave("", err)
	}
	for _, f := range pending {
		result := cache.Result{Time: time.Now(), Stage: stage.Name}
		for _, out := range f.outs {
			result.Outs = append(result.Outs, cache.ResultOut{Path: out, Content: contents[0]})
			contents = contents[1:]
		}
		now, err := r.e.Workspace.Digest(ctx, f.entry.Path)
		if err != nil || now.ID != f.entry.ID || now.Mode != f.entry.Mode {
			continue
		}
		if err := r.e.Cache.Remember(ctx, r.fileAction(f), result); err != nil {
			return fmt.Errorf("remember the run: %w", err)
		}
	}
	return nil
}

// commonSame reports whether what all commands of the stage read is as it was.
func (r *mappedRun) commonSame(ctx context.Context) (bool, error) {
	stage, now := *r.step.Stage, &facts{}
	stage.Deps = slices.DeleteFunc(slices.Clone(stage.Deps), func(dep stages.Dep) bool { return dep.Whole })
	if err := r.e.inspectDeps(ctx, &stage, now, nil); err != nil {
		return false, err
	}
	for _, dep := range now.deps {
		if !dep.Same(r.step.is.dep(dep.Path)) {
			return false, nil
		}
	}
	return maps.EqualFunc(now.params, r.step.is.params, func(a, b map[string]string) bool { return maps.Equal(a, b) }), nil
}
