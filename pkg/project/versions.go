package project

import (
	"context"
	"errors"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/store"
	"flow/pkg/tracking"
)

// Recorded returns what a revision's lock tells of data sources and outs; of the
// workspace, that is what was recorded last, not what its files hold. Outs that the cache
// does not keep are git's.
func (p *Project) Recorded(ctx context.Context, name string) (tracking.Side, error) {
	data, err := p.revisionData(ctx, name, nil)
	if err != nil {
		return tracking.Side{}, err
	}
	side := tracking.Side{Contents: map[string]digest.Content{}, Tree: p.cachedTree}
	for _, one := range data {
		side.Contents[one.Path] = one.Content
	}
	return side, nil
}

// cachedTree reads a tree from the cache. One that is absent or not right is not to be had.
func (p *Project) cachedTree(ctx context.Context, _ string, content digest.Content) (cache.Tree, bool, error) {
	tree, err := p.Cache.ReadTree(ctx, content.ID)
	var corrupt *store.CorruptError
	var bad *cache.TreeError
	if errors.Is(err, store.ErrAbsent) || errors.As(err, &corrupt) || errors.As(err, &bad) {
		return nil, false, nil
	}
	return tree, err == nil, err
}

// Present returns what data sources and outs hold on disk: those that the pipeline
// declares, and those that the lock tells of.
func (p *Project) Present(ctx context.Context, e *engine.Engine) (tracking.Side, error) {
	names, err := p.dataPaths(ctx, e)
	if err != nil {
		return tracking.Side{}, err
	}
	trees := map[string]cache.Tree{}
	side := tracking.Side{Contents: map[string]digest.Content{},
		Tree: func(_ context.Context, path string, _ digest.Content) (cache.Tree, bool, error) {
			return trees[path], true, nil
		}}
	for _, name := range names {
		tree, content, err := p.Workspace.Tree(ctx, name)
		if err != nil {
			return tracking.Side{}, err
		}
		if content.Exists() {
			side.Contents[name], trees[name] = content, tree
		}
	}
	return side, nil
}

// dataPaths returns the paths of data in the workspace, sorted.
func (p *Project) dataPaths(ctx context.Context, e *engine.Engine) ([]string, error) {
	recorded, err := p.revisionData(ctx, WorkspaceRevision, nil)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, one := range recorded {
		names = append(names, one.Path)
	}
	for _, stage := range e.Pipeline.Stages {
		for _, out := range stage.Outs {
			if out.Cache && !out.Glob {
				names = append(names, out.Path)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// NotCached returns the paths of a side whose content is not whole in the cache, sorted.
func (p *Project) NotCached(ctx context.Context, side tracking.Side) ([]string, error) {
	var names []string
	for name, content := range side.Contents {
		whole, err := p.Cache.Has(ctx, content)
		if err != nil {
			return nil, err
		}
		if !whole {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Untracked lists the files that neither git nor flow looks after, and that git does not
// ignore.
func (p *Project) Untracked(ctx context.Context, e *engine.Engine) ([]string, error) {
	if !p.Git {
		return nil, nil
	}
	out, err := p.git(ctx, "ls-files", "-z", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	names := strings.FieldsFunc(string(out), func(c rune) bool { return c == 0 })
	return slices.DeleteFunc(names, func(name string) bool {
		return len(e.Pipeline.OwnerOf(name)) > 0 || name == lock.Name
	}), nil
}
