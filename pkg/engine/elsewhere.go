package engine

import (
	"context"
	"fmt"
	"maps"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/stages"
)

// canHave reports whether a content can be had: from the cache, or when data may be
// pulled, from elsewhere.
func (e *Engine) canHave(ctx context.Context, path string, content digest.Content, options Options) (bool, error) {
	whole, err := e.Cache.Has(ctx, content)
	if err != nil || whole || !e.mayFetch(path, options) || !content.Exists() {
		return whole, err
	}
	return e.Elsewhere.Has(ctx, path, content)
}

// mayFetch reports whether what a path held may come from elsewhere: where a person asked
// for that, and of imported data in any case.
func (e *Engine) mayFetch(path string, options Options) bool {
	return e.Elsewhere != nil && (options.Pull || e.Elsewhere.Imported(path))
}

// recall looks for an earlier run whose outs can be had; first among those that are here.
func (e *Engine) recall(ctx context.Context, step *Step, options Options) (cache.Result, bool, error) {
	key := action(step.Stage, step.is)
	result, found, err := e.Cache.Recall(ctx, key)
	if err != nil || found || !options.Pull || e.Elsewhere == nil || len(step.Stage.Outs) == 0 {
		return result, found, err
	}
	path := step.Stage.Outs[0].Path // all outs of a run went to the same place
	return e.Cache.RecallIf(ctx, key, func(content digest.Content) (bool, error) { return e.canHave(ctx, path, content, options) })
}

// fetch brings those contents here that the cache lacks.
func (w *work) fetch(ctx context.Context, contents map[string]digest.Content) error {
	lacking := map[string]digest.Content{}
	for path, content := range contents {
		now := w.step.is.out(path)
		if now.Same(content) || !w.e.mayFetch(path, w.options) {
			continue
		}
		if whole, err := w.e.Cache.Has(ctx, content); err != nil || whole {
			if err != nil {
				return err
			}
			continue
		}
		lacking[path] = content
	}
	if len(lacking) == 0 {
		return nil
	}
	return w.e.Elsewhere.Fetch(ctx, lacking, w.tell)
}

// bringable reports whether a missing dep is made only by stages that are not selected and
// can be had as they made it last, and if so, has the plan bring it.
func (e *Engine) bringable(ctx context.Context, dep stages.Dep, plan *Plan, options Options) bool {
	if !options.Pull || dep.Kind != stages.PathDep {
		return false
	}
	bring := map[string]digest.Content{}
	for _, owner := range e.Pipeline.OwnersOf(dep) {
		if _, selected := plan.byName[owner.Stage.Name]; selected || owner.Out.Glob {
			return false
		}
		was, recorded := lockedOut(plan.Locked, owner.Stage, owner.Out)
		if !recorded {
			return false
		}
		if can, err := e.canHave(ctx, owner.Out.Path, was, options); err != nil || !can {
			return false
		}
		if !e.Root.Exists(owner.Out.Path) {
			bring[owner.Out.Path] = was
		}
	}
	if len(bring) == 0 {
		return false
	}
	if plan.bring == nil {
		plan.bring = map[string]digest.Content{}
	}
	maps.Copy(plan.bring, bring)
	return true
}

// bringDeps brings the deps that the plan found missing, and plans again.
func (r *run) bringDeps(ctx context.Context) error {
	lacking := map[string]digest.Content{}
	for path, content := range r.plan.bring {
		whole, err := r.Cache.Has(ctx, content)
		if err != nil {
			return err
		}
		if !whole {
			lacking[path] = content
		}
	}
	if len(lacking) > 0 {
		if err := r.Elsewhere.Fetch(ctx, lacking, r.sink.Emit); err != nil {
			return err
		}
	}
	for path, content := range r.plan.bring {
		if _, err := r.Workspace.Checkout(ctx, path, content); err != nil {
			return fmt.Errorf("bring %s: %w", path, err)
		}
	}
	return nil
}
