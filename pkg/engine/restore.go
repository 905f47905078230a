package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/stages"
	"flow/pkg/store"
)

// fromLock is where a result comes from that the lock tells of.
const fromLock = "the lock"

// restorable looks for a result that fits a stage's facts: the one in the lock,
// when only the outs differ, or one of the run cache.
func (e *Engine) restorable(ctx context.Context, step *Step, options Options) (map[string]digest.Content, string, bool) {
	if step.was != nil && (step.Stage.Frozen || onlyOuts(step.Reasons)) {
		if outs, found := e.lockedOuts(ctx, step, options); found {
			return outs, fromLock, true
		}
	}
	if options.NoRunCache || !remembers(step.Stage, step.is) {
		return nil, "", false
	}
	result, found, err := e.recall(ctx, step, options)
	if err != nil || !found {
		return nil, "", false
	}
	outs := map[string]digest.Content{}
	for _, out := range result.Outs {
		outs[out.Path] = out.Content
	}
	return outs, "an earlier run", true
}

// lockedOuts returns the outs as recorded, if each can be had or is in place.
func (e *Engine) lockedOuts(ctx context.Context, step *Step, options Options) (map[string]digest.Content, bool) {
	outs := map[string]digest.Content{}
	for _, out := range step.is.made {
		content, recorded := step.was.Out(out.Path)
		if !recorded && out.Optional {
			continue // it was not made
		}
		if !recorded {
			return nil, false
		}
		now := step.is.out(out.Path)
		if out.Persist && now.Exists() && !now.Same(content) {
			return nil, false // the command goes on from what is there
		}
		if !now.Same(content) {
			if there, err := e.canHave(ctx, out.Path, content, options); err != nil || !there {
				return nil, false
			}
		}
		outs[out.Path] = content
	}
	return outs, true
}

// remembers reports whether the run cache may answer for a stage: what it reads
// must say all about what it makes.
func remembers(stage *stages.Stage, is *facts) bool {
	if !Remembers(stage) || len(is.missing) > 0 {
		return false
	}
	for _, dep := range is.deps {
		if !dep.Exists() {
			return false
		}
	}
	return true
}

// Remembers reports whether runs of a stage, as it is declared, are remembered.
func Remembers(stage *stages.Stage) bool {
	if stage.AlwaysChanged || stage.Frozen || stage.Stdin || len(stage.Outs) == 0 || len(stage.Deps)+len(stage.Params) == 0 {
		return false
	}
	for _, out := range stage.Outs {
		if out.Persist || !out.Cache && out.Kind == stages.PlainOut {
			return false
		}
	}
	return true
}

// restore makes the outs hold contents that are in the cache. What a person put in
// their place is kept first.
func (w *work) restore(ctx context.Context, outs map[string]digest.Content) error {
	paths := sortedKeys(outs)
	for _, out := range w.step.is.outs {
		paths = append(paths, out.Path) // also what was there and is not in the result
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		out, declared := w.step.Stage.OutAt(path)
		if !declared {
			continue
		}
		out.Path = path
		if err := w.restoreOut(ctx, out, outs[path]); err != nil {
			return err
		}
	}
	return nil
}

// restoreOut makes one out hold a content; none removes it.
func (w *work) restoreOut(ctx context.Context, out stages.Out, content digest.Content) error {
	now, err := w.e.Workspace.Digest(ctx, out.Path)
	if err != nil {
		return fmt.Errorf("out %s: %w", out.Path, err)
	}
	if now.Same(content) {
		if out.Cache && content.Exists() && !w.options.NoCommit && !w.e.cached(ctx, content) {
			if _, err := w.e.Workspace.Save(ctx, out.Path, saveOptions(out, w.options)); err != nil {
				return fmt.Errorf("save out %s: %w", out.Path, err)
			}
		}
		return nil
	}
	if err := w.keepEdited(ctx, out, now); err != nil {
		return err
	}
	if !content.Exists() {
		return w.e.Root.RemoveAll(out.Path)
	}
	if _, err := w.e.Workspace.Checkout(ctx, out.Path, content); err != nil {
		return fmt.Errorf("restore out %s: %w", out.Path, err)
	}
	return nil
}

// unrestorable reports whether a restore failed because the cache's copy is
// damaged or gone: then the stage runs instead.
func unrestorable(err error) bool {
	var corrupt *store.CorruptError
	return errors.As(err, &corrupt) || errors.Is(err, store.ErrAbsent)
}

// remembered returns what the run cache is to know of a result.
func remembered(stage *stages.Stage, is *facts, outs map[string]digest.Content) cache.Run {
	result := cache.Result{Time: time.Now(), Stage: stage.Name}
	for _, out := range sortedKeys(outs) {
		result.Outs = append(result.Outs, cache.ResultOut{Path: out, Content: outs[out]})
	}
	return cache.Run{Action: action(stage, is), Result: result}
}
