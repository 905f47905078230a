package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/store"
)

// inside replaces directories by what targets name in them. One whose tree is not in the
// cache stays as it is: checking it out will say so.
func (e *Engine) inside(ctx context.Context, tracked []Tracked, targets []string) ([]Tracked, error) {
	var all []Tracked
	for _, one := range tracked {
		var within []string
		for _, target := range targets {
			if rest, found := strings.CutPrefix(path.Clean(target), one.Out.Path+"/"); found {
				within = append(within, rest)
			}
		}
		if len(within) == 0 || one.Was.Mode != digest.Dir {
			all = append(all, one)
			continue
		}
		tree, err := e.Cache.ReadTree(ctx, one.Was.ID)
		if errors.Is(err, store.ErrAbsent) {
			all = append(all, one)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.Out.Path, err)
		}
		for _, name := range within {
			part, err := e.partOf(ctx, tree, one, name)
			if err != nil {
				return nil, err
			}
			all = append(all, part)
		}
	}
	return all, nil
}

// partOf returns a file or a folder in a directory as if it was an out itself.
func (e *Engine) partOf(ctx context.Context, tree cache.Tree, one Tracked, name string) (Tracked, error) {
	out := *one.Out
	out.Path = path.Join(one.Out.Path, name)
	part := Tracked{Stage: one.Stage, Out: &out}
	var below cache.Tree
	for _, entry := range tree {
		if entry.Path == name && entry.Mode != digest.Dir {
			part.Was = digest.Content{ID: entry.ID, Mode: entry.Mode, Size: entry.Size}
			return part, e.keepTarget(ctx, entry)
		}
		if rest, found := strings.CutPrefix(entry.Path, name+"/"); found {
			entry.Path = rest
			below = append(below, entry)
		}
	}
	if below == nil {
		return part, Missing(diag.At(diag.Pos{}, "%s is not in %s, as the lock tells of it", out.Path, one.Out.Path))
	}
	part.Was = below.Content()
	return part, e.keep(ctx, below.Encode())
}

// keepTarget puts what a link holds into the cache: it is part of the tree else.
func (e *Engine) keepTarget(ctx context.Context, entry cache.TreeEntry) error {
	if entry.Mode != digest.Link {
		return nil
	}
	return e.keep(ctx, []byte(entry.Target))
}

// keep puts some bytes into the cache.
func (e *Engine) keep(ctx context.Context, content []byte) error {
	batch := e.Cache.Begin()
	defer batch.Abort()
	if _, err := batch.AddBytes(content); err != nil {
		return err
	}
	return batch.Commit(ctx)
}

// partly reports whether a directory holds some of what another content has, and nothing
// else: it is one that was checked out in part.
func (e *Engine) partly(ctx context.Context, now, was digest.Content) bool {
	if now.Mode != digest.Dir || was.Mode != digest.Dir {
		return false
	}
	some, err := e.Cache.ReadTree(ctx, now.ID)
	if err != nil {
		return false
	}
	all, err := e.Cache.ReadTree(ctx, was.ID)
	if err != nil {
		return false
	}
	has := make(map[cache.TreeEntry]bool, len(all))
	for _, entry := range all {
		has[entry] = true
	}
	for _, entry := range some {
		if !has[entry] {
			return false
		}
	}
	return true
}
