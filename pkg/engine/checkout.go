package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/store"
	"flow/pkg/workspace"
)

// Tracked is an out or a data source with what the lock tells of it.
type Tracked struct {
	Stage *stages.Stage
	Out   *stages.Out
	Was   digest.Content
}

// Tracked returns the outs and data sources of a selection that the lock tells of;
// a target may be the path of an out, and then only that out is meant.
func (e *Engine) Tracked(selection Selection) ([]Tracked, error) {
	locked, err := e.Ledger.Read()
	if err != nil {
		return nil, err
	}
	names, err := e.Select(selection)
	if err != nil {
		return nil, err
	}
	var tracked []Tracked
	for _, name := range names {
		stage, _ := e.Pipeline.Stage(name)
		for _, out := range recordedOuts(locked, stage) {
			if !e.outSelected(selection, stage, out) {
				continue
			}
			was, found := lockedOut(locked, stage, out)
			if out.Temp && !out.Cache {
				continue // nobody has it any more
			}
			if found || stage.Source && !e.Root.Exists(out.Path) {
				tracked = append(tracked, Tracked{Stage: stage, Out: out, Was: was})
			}
		}
	}
	return tracked, nil
}

// recordedOuts returns the outs of a stage, those of patterns as the lock has them.
func recordedOuts(locked *lock.File, stage *stages.Stage) []*stages.Out {
	var outs []*stages.Out
	for i := range stage.Outs {
		out := &stage.Outs[i]
		if !out.Glob {
			outs = append(outs, out)
			continue
		}
		entry := locked.Stages[stage.Name]
		if entry == nil {
			continue
		}
		for _, item := range entry.Outs {
			if of, found := stage.OutAt(item.Path); found && of.Path == out.Path {
				one := at(of, item.Path)
				outs = append(outs, &one)
			}
		}
	}
	return outs
}

// outSelected leaves out the other outs of a stage where a person named one.
func (e *Engine) outSelected(selection Selection, stage *stages.Stage, out *stages.Out) bool {
	if len(selection.Targets) == 0 || selection.Glob || selection.Recursive || !selection.Single {
		return true
	}
	for _, target := range selection.Targets {
		target = path.Clean(target)
		if target == out.Path || e.Pipeline.StandsFor(target, stage) ||
			strings.HasPrefix(out.Path, target+"/") || strings.HasPrefix(target, out.Path+"/") {
			return true
		}
	}
	return false
}

func lockedOut(locked *lock.File, stage *stages.Stage, out *stages.Out) (digest.Content, bool) {
	if stage.Source {
		content, found := locked.Data[out.Path]
		return content, found
	}
	entry := locked.Stages[stage.Name]
	if entry == nil {
		return digest.Content{}, false
	}
	return entry.Out(out.Path)
}

// CheckoutOptions is how the workspace is made what the lock tells.
type CheckoutOptions struct {
	Selection
	Force        bool // replace also what the cache does not have
	AllowMissing bool // go on where the cache lacks something
	Relink       bool // make the links into the cache anew
	Keep         bool // leave what was changed by hand and is in no cache as it is
	Inside       bool // targets inside a directory are those files only, not all of it
	Pulled       bool // it follows a fetch: what is never pushed may be missing

	Waiting func(text string) // told when it waits for the cache; nil: what is noted is
}

// CheckedOut is what Checkout did to one path.
type CheckedOut struct {
	Path  string `json:"path"`
	State string `json:"state"` // added, modified, kept, missing, busy
	Files int    `json:"files"` // how many files were written or removed
}

// Checkout makes outs and data sources hold what the lock tells. What a person has
// changed is first put into the cache; with Force it is not.
func (e *Engine) Checkout(ctx context.Context, options CheckoutOptions, note func(string)) ([]CheckedOut, error) {
	if len(options.Targets) > 0 {
		options.Single = true
	}
	tracked, err := e.Tracked(options.Selection)
	if err != nil {
		return nil, err
	}
	if options.Waiting == nil {
		options.Waiting = note
	}
	guard, err := e.useCache(ctx, "flow checkout", options.Waiting)
	if err != nil {
		return nil, err
	}
	defer guard.Unlock()
	var done []CheckedOut
	var failures []error
	if options.Inside {
		if tracked, err = e.inside(ctx, tracked, options.Targets); err != nil {
			return nil, err
		}
	}
	for _, one := range tracked {
		result, err := e.checkoutOne(ctx, one, options, note)
		if result.State == "missing" && options.Pulled && !one.Out.Push {
			continue
		}
		switch {
		case err != nil && result.State == "missing" && options.AllowMissing:
		case err != nil:
			failures = append(failures, err)
		}
		if result.State != "" {
			done = append(done, result)
		}
	}
	e.Flush()
	return done, errors.Join(failures...)
}

// useCache keeps what is in the cache, and what is being made of it, until the lock is let
// go of.
func (e *Engine) useCache(ctx context.Context, at string, note func(string)) (*disk.Lock, error) {
	guard, err := e.Cache.LockShared(ctx, holder(at), func(holder string) { note("waiting for the cache: " + cmp.Or(holder, "another process")) })
	if err != nil {
		return nil, fmt.Errorf("use the cache: %w", err)
	}
	return guard, nil
}

func (e *Engine) checkoutOne(ctx context.Context, one Tracked, options CheckoutOptions, note func(string)) (CheckedOut, error) {
	name := one.Out.Path
	now, err := e.Workspace.Digest(ctx, name)
	var changing *workspace.ChangingError
	if err != nil && !errors.As(err, &changing) {
		return CheckedOut{}, fmt.Errorf("check out %s: %w", name, err)
	}
	if now.Same(one.Was) && now.Exists() && !options.Relink {
		return CheckedOut{}, nil
	}
	result := CheckedOut{Path: name, State: "modified"}
	if !now.Exists() {
		result.State = "added"
	}
	if whole, err := e.Cache.Has(ctx, one.Was); err != nil || !whole || !one.Was.Exists() {
		result.State = "missing"
		return result, errors.Join(err, e.notCached(one))
	}
	release, err := e.Hold(one.Stage, "checkout of")
	if err != nil {
		result.State = "busy"
		return result, fmt.Errorf("check out %s: %w", name, err)
	}
	defer release()
	if !one.Stage.Source || changing != nil { // as it is now that nobody makes it
		if now, err = e.Workspace.Digest(ctx, name); err != nil {
			return CheckedOut{}, fmt.Errorf("check out %s: %w", name, err)
		}
		if now.Same(one.Was) && now.Exists() && !options.Relink {
			return CheckedOut{}, nil
		}
	}
	if now.Exists() && !now.Same(one.Was) && !options.Force {
		if whole, err := e.Cache.Has(ctx, now); err == nil && !whole {
			if options.Keep {
				result.State = "kept"
				return result, nil
			}
			saved, err := e.Workspace.Save(ctx, name, workspace.SaveOptions{Copy: true})
			if err != nil {
				return CheckedOut{}, fmt.Errorf("keep %s before it is replaced: %w", name, err)
			}
			if !e.partly(ctx, saved, one.Was) {
				note(fmt.Sprintf("%s was changed by hand and is kept; to have it back: flow checkout %s --content %s", name, name, saved.ID))
			}
		}
	}
	put := e.Workspace.Checkout
	if options.Relink {
		put = e.Workspace.Relink
	}
	if result.Files, err = put(ctx, name, one.Was); err != nil {
		return CheckedOut{}, cannotCheckOut(name, err)
	}
	if result.Files == 0 && now.Same(one.Was) {
		return CheckedOut{}, nil // every link was as it should be
	}
	return result, nil
}

func cannotCheckOut(name string, err error) error {
	err = fmt.Errorf("check out %s: %w", name, err)
	var corrupt *store.CorruptError
	if !errors.As(err, &corrupt) {
		return err
	}
	problem := diag.At(diag.Pos{}, "%v", err).
		WithHint("flow fsck --repair finds all that is damaged, and takes it from the workspace or a remote")
	problem.Err = err
	return problem
}

func (e *Engine) notCached(one Tracked) error {
	problem := diag.At(diag.Pos{}, "%s can't be checked out: the cache does not have %s", one.Out.Path, one.Was.ID)
	switch {
	case !one.Was.Exists() && one.Stage.Repo != nil:
		problem.Msg = fmt.Sprintf("data source %s was never taken from where it is imported from", one.Out.Path)
		problem.Hint = "get it: flow update " + one.Out.Path
	case !one.Was.Exists():
		problem.Msg = fmt.Sprintf("data source %s is not there, and was never added", one.Out.Path)
		problem.Hint = "put the file there, then: flow add " + one.Out.Path
	case one.Stage.Repo != nil && one.Was.Exists():
		problem.Hint = "get it from where it is imported from: flow pull " + one.Out.Path
	case one.Stage.URL != "":
		problem.Hint = "get it from where it came from: flow update " + one.Out.Path
	case one.Stage.Source:
		problem.Hint = fmt.Sprintf("get it from the remote: flow pull %s; or put the file back by hand, then: flow commit %s", one.Out.Path, one.Out.Path)
	case !one.Out.Cache:
		problem.Hint = "it is declared cache: false, so git may have it: git checkout -- " + one.Out.Path
	default:
		problem.Hint = "make it again: flow repro " + one.Stage.Name
	}
	return Missing(problem)
}

// CheckoutContent puts any content of the cache at a path: what was there before a
// hand-edited out was replaced.
func (e *Engine) CheckoutContent(ctx context.Context, name string, id digest.ID, note func(string)) error {
	guard, err := e.useCache(ctx, "flow checkout", note)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	release, err := e.heldOut(name, "checkout of")
	if err != nil {
		return err
	}
	defer release()
	content := digest.Content{ID: id, Mode: digest.File}
	tree, err := e.Cache.ReadTree(ctx, id)
	if err == nil {
		content = tree.Content()
	}
	whole, err := e.Cache.Has(ctx, content)
	if err != nil {
		return err
	}
	if !whole {
		return Missing(diag.At(diag.Pos{}, "the cache does not have %s", id).WithHint("`flow gc` may have removed it"))
	}
	now, err := e.Workspace.Digest(ctx, name)
	if err != nil {
		return err
	}
	if now.Exists() {
		if _, err := e.Workspace.Save(ctx, name, workspace.SaveOptions{Copy: true}); err != nil {
			return fmt.Errorf("keep %s before it is replaced: %w", name, err)
		}
	}
	if _, err := e.Workspace.Checkout(ctx, name, content); err != nil {
		return err
	}
	e.Flush()
	return nil
}
