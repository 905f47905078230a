package engine

import (
	"context"
	"slices"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/stages"
)

// A temp out is removed when all that reads it is done. Its stage stays up to date
// without it, until something that reads it has to run again.

// goneTemps has what reads the temp outs of a fresh stage see what they held.
func goneTemps(step *Step, expected map[string]digest.Content) {
	for _, out := range step.is.made {
		if out.Temp && !step.is.out(out.Path).Exists() && step.was != nil {
			if was, recorded := step.was.Out(out.Path); recorded {
				expected[out.Path] = was
			}
		}
	}
}

// needMore adds the temp outs that are gone and that a stage reads which may run; it
// reports whether there were any.
func (e *Engine) needMore(plan *Plan, needed map[string]bool) bool {
	more := false
	for _, step := range plan.Steps {
		if step.State == Fresh || step.Will != event.WouldRun && step.Will != event.MayRun {
			continue
		}
		for _, owner := range e.readTemps(step.Stage) {
			above, planned := plan.byName[owner.Stage.Name]
			if !planned || above.is == nil {
				continue
			}
			for _, out := range above.is.made {
				if out.Temp && !above.is.out(out.Path).Exists() && !needed[out.Path] {
					needed[out.Path], more = true, true
				}
			}
		}
	}
	return more
}

// readTemps returns the temp outs that a stage reads.
func (e *Engine) readTemps(stage *stages.Stage) []stages.Owner {
	var owners []stages.Owner
	for _, dep := range stage.Deps {
		for _, owner := range e.Pipeline.OwnersOf(dep) {
			if owner.Out.Temp {
				owners = append(owners, owner)
			}
		}
	}
	return owners
}

func hasTemps(stage *stages.Stage) bool {
	return slices.ContainsFunc(stage.Outs, func(out stages.Out) bool { return out.Temp })
}

// dropTemps removes the temp outs that a stage read, if it was the last.
func (r *run) dropTemps(stage *stages.Stage) {
	for _, owner := range r.readTemps(stage) {
		if r.doneWith(owner.Stage) {
			r.dropTemp(owner)
		}
	}
}

// doneWith reports whether a stage and all that reads it have ended well.
func (r *run) doneWith(stage *stages.Stage) bool {
	ended := func(name string) bool {
		switch r.status[name] {
		case event.Fresh, event.Ran, event.Restored, event.Updated:
			return true
		}
		return false
	}
	return ended(stage.Name) && !slices.ContainsFunc(r.Graph.Children(stage.Name), func(name string) bool { return !ended(name) })
}

// dropTemp removes a temp out as it was recorded. One that somebody changed, or that
// another process reads, stays.
func (r *run) dropTemp(owner stages.Owner) {
	ctx := context.Background()
	guard, err := r.Root.TryLock(r.useName(owner.Stage.Name), disk.Exclusive, holder("removal of temp outs of "+owner.Stage.Name))
	if err != nil {
		return
	}
	defer guard.Unlock()
	was, err := r.Ledger.Stage(owner.Stage.Name)
	if err != nil || was == nil {
		return
	}
	for _, item := range was.Outs {
		of, found := owner.Stage.OutAt(item.Path)
		if !found || of.Path != owner.Out.Path {
			continue
		}
		now, err := r.Workspace.Digest(ctx, item.Path)
		if err != nil || !now.Exists() || !now.Same(item.Content) {
			continue
		}
		if err := r.Root.RemoveAll(item.Path); err != nil {
			r.sink.Emit(event.Warning{Stage: owner.Stage.Title(), Text: "the temp out " + item.Path + " can't be removed: " + err.Error()})
		}
	}
}
