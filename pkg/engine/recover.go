package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"flow/pkg/disk"
	"flow/pkg/event"
)

// Recover ends the attempts that a crash cut short: one whose result was recorded is
// forgotten, any other is rolled back. It returns what a person should know of them.
// An attempt whose flock is held is still going on, or an orphan of it is, and is left
// to whoever takes the stage next.
func (e *Engine) Recover(ctx context.Context) ([]event.Warning, error) {
	entries, err := e.Root.ReadDir(e.State + "/tmp/attempt")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for attempts that were cut short: %w", err)
	}
	var warnings []event.Warning
	for _, entry := range entries {
		warning, err := e.recoverFree(ctx, entry.Name())
		if err != nil {
			return warnings, err
		}
		if warning != nil {
			warnings = append(warnings, *warning)
		}
	}
	return warnings, nil
}

// recoverFree ends an attempt if nobody is at it.
func (e *Engine) recoverFree(ctx context.Context, key string) (*event.Warning, error) {
	if err := e.Root.MkdirAll(e.State+"/tmp/stage", 0o755); err != nil {
		return nil, err
	}
	guard, err := e.Root.TryLock(e.State+"/tmp/stage/"+key, disk.Exclusive, holder("recovery"))
	var busy *disk.BusyError
	if errors.As(err, &busy) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("recover an attempt: %w", err)
	}
	defer guard.Unlock()
	return e.recoverHeld(ctx, e.State+"/tmp/attempt/"+key)
}

// recoverHeld ends the attempt in a folder, if there is one: its flock is held.
func (e *Engine) recoverHeld(ctx context.Context, dir string) (*event.Warning, error) {
	text, err := e.Root.Read(dir + "/intent")
	if errors.Is(err, fs.ErrNotExist) { // it had not begun, or it had ended
		return nil, e.Root.RemoveAll(dir)
	}
	if err != nil {
		return nil, err
	}
	was, whole := readIntent(text, path.Base(dir))
	ended := decodeUnsaved(text)
	if !whole {
		if was, whole = e.declaredIntent(path.Base(dir)); !whole {
			return e.setAside(dir)
		}
		ended = nil
	}
	if was.Outs, err = e.ownOuts(was, dir); err != nil {
		return nil, err
	}
	a := &attempt{e: e, stage: was.Stage, dir: dir, outs: was.Outs, unsaved: e.ownUnsaved(was, ended), logged: true} // as far as is known
	recorded, err := e.recorded(ctx, was, ended)
	if err != nil {
		return nil, err
	}
	if recorded {
		return nil, errors.Join(a.commit(), e.forgetUnsaved(was.Stage))
	}
	kept, err := a.rollBack(ctx)
	if err != nil {
		return nil, fmt.Errorf("bring back the outs of stage %q, which was cut short: %w", was.Stage, err)
	}
	warning := &event.Warning{Stage: was.Stage, Text: fmt.Sprintf("stage %q was cut short; its outs are as they were before", was.Stage)}
	switch {
	case a.unsaved != nil:
		warning.Hint = "its command had ended: `flow repro` saves what it made, which is in " + kept
	case kept != "":
		warning.Hint = "what it left is in " + e.keepKilled(was.Stage, kept)
	}
	return warning, nil
}

// keepKilled moves what a killed attempt left to where the next failure of the stage does not
// remove it: a person may have written to the outs since. It returns the place.
func (e *Engine) keepKilled(stage, kept string) string {
	to := e.State + "/failed/.killed/" + safeName(stage)
	if e.Root.RemoveAll(to) != nil || e.Root.MkdirAll(path.Dir(to), 0o755) != nil || e.Root.Rename(kept, to) != nil {
		return kept
	}
	return to
}

// ownUnsaved leaves out what a stage is said to have made that names anything but its outs.
func (e *Engine) ownUnsaved(was intent, ended *unsaved) *unsaved {
	stage, declared := e.Pipeline.Stage(was.Stage)
	if !declared || ended == nil || ended.Stage != was.Stage {
		return nil
	}
	for out := range ended.Outs {
		if _, own := stage.OutAt(out); !own {
			return nil
		}
	}
	return ended
}

// readIntent reads an intent, and says whether it is one of the attempt with this key.
func readIntent(text []byte, key string) (intent, bool) {
	var was intent
	text, _, _ = bytes.Cut(text, []byte("\n"))
	if json.Unmarshal(text, &was) != nil || stageKey(was.Stage) != key {
		return was, false
	}
	for _, out := range was.Outs {
		if disk.CheckName(out.Path) != nil {
			return was, false
		}
	}
	return was, true
}

// ownOuts leaves out paths that are no outs of the stage, be it as declared, as
// recorded, or as moved aside: nothing else may be touched on the word of a file.
func (e *Engine) ownOuts(was intent, dir string) ([]intendedOut, error) {
	entry, err := e.Ledger.Stage(was.Stage)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	if stage, found := e.Pipeline.Stage(was.Stage); found {
		for _, out := range was.Outs {
			_, own[out.Path] = stage.OutAt(out.Path)
		}
	}
	if entry != nil {
		for _, out := range entry.Outs {
			own[out.Path] = true
		}
	}
	return slices.DeleteFunc(was.Outs, func(out intendedOut) bool {
		return !own[out.Path] && !e.Root.Exists(dir+"/outs/"+out.Path)
	}), nil
}

// declaredIntent stands in for an intent that can't be read: what the pipeline declares.
// Outs that did not move stay where they are.
func (e *Engine) declaredIntent(key string) (intent, bool) {
	for _, stage := range e.Pipeline.Stages {
		if stageKey(stage.Name) != key {
			continue
		}
		declared := intent{Stage: stage.Name}
		for _, path := range e.filesBelow(e.State+"/tmp/attempt/"+key+"/outs", "") {
			if out, found := stage.OutAt(path); found && out.Glob {
				declared.Outs = append(declared.Outs, intendedOut{Path: path, Existed: true})
			}
		}
		for _, out := range stage.Outs {
			if out.Glob {
				continue
			}
			declared.Outs = append(declared.Outs, intendedOut{Path: out.Path, Existed: true, Persist: out.Persist})
		}
		return declared, true
	}
	return intent{}, false
}

// filesBelow returns the files below a folder, by their path from there.
func (e *Engine) filesBelow(dir, below string) []string {
	entries, err := e.Root.ReadDir(path.Join(dir, below))
	if err != nil {
		return nil
	}
	var files []string
	for _, entry := range entries {
		name := path.Join(below, entry.Name())
		if entry.IsDir() {
			files = append(files, e.filesBelow(dir, name)...)
			continue
		}
		files = append(files, name)
	}
	return files
}

// setAside keeps an attempt that nobody can tell the stage of.
func (e *Engine) setAside(dir string) (*event.Warning, error) {
	to := e.State + "/failed/" + path.Base(dir)
	if err := e.Root.RemoveAll(to); err != nil {
		return nil, err
	}
	if err := e.Workspace.MoveAside(dir, to); err != nil {
		return nil, err
	}
	return &event.Warning{Text: "an attempt was cut short, and what it was of can't be read", Hint: "the outs from before are in " + to + "/outs"}, nil
}

// recorded reports whether the lock tells of exactly the outs of an attempt, and they
// are in place: then it had ended, and only its clearing up was cut short. When the lock
// tells of the stage what it did before, its command had ended and made the same again, but
// that was not recorded.
func (e *Engine) recorded(ctx context.Context, was intent, ended *unsaved) (bool, error) {
	entry, err := e.Ledger.Stage(was.Stage)
	if err != nil || entry == nil || len(entry.Outs) == 0 || len(was.Outs) == 0 {
		return false, err
	}
	if ended != nil && ended.Was == entrySum(entry) {
		return false, nil
	}
	for _, out := range was.Outs {
		if _, found := entry.Out(out.Path); !found && !e.mayLack(was.Stage, out.Path) {
			return false, nil
		}
	}
	for _, out := range entry.Outs {
		now, err := e.Workspace.Digest(ctx, out.Path)
		if err != nil || !now.Same(out.Content) {
			return false, err
		}
	}
	return true, nil
}

// mayLack reports whether a stage may end without an out: an optional one, or one of a
// pattern.
func (e *Engine) mayLack(name, path string) bool {
	stage, found := e.Pipeline.Stage(name)
	if !found {
		return false
	}
	out, found := stage.OutAt(path)
	return found && (out.Glob || out.Optional)
}
