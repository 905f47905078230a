package project

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/store"
	"flow/pkg/workspace"
)

// SaveInside records what a path inside a directory that is a data source holds now: the
// directory's tree is the recorded one with that part of it replaced. Nothing else of the
// directory need be there. It returns what the whole directory holds then.
func (p *Project) SaveInside(ctx context.Context, dir, name string, hashOnly bool) (digest.Content, error) {
	locked, err := p.Ledger.Read()
	if err != nil {
		return digest.Content{}, err
	}
	was, recorded := locked.Data[dir]
	if !recorded || was.Mode != digest.Dir {
		return digest.Content{}, diag.At(diag.Pos{}, "%s is not recorded as a directory, so %s can't be added to it alone", dir, name).
			WithHint("record the whole of it: flow add %s", dir)
	}
	tree, err := p.Cache.ReadTree(ctx, was.ID)
	if errors.Is(err, store.ErrAbsent) {
		return digest.Content{}, engine.Missing(diag.At(diag.Pos{}, "the cache does not have what is recorded of %s", dir).
			WithHint("if a remote has it: flow fetch %s", dir))
	}
	if err != nil {
		return digest.Content{}, fmt.Errorf("what %s holds: %w", dir, err)
	}
	part, err := p.savePart(ctx, dir, name, hashOnly)
	if err != nil {
		return digest.Content{}, err
	}
	tree = replacePart(tree, strings.TrimPrefix(name, dir+"/"), part)
	if err := tree.Validate(); err != nil {
		return digest.Content{}, fmt.Errorf("add %s to %s: %w", name, dir, err)
	}
	batch := p.Cache.Begin()
	defer batch.Abort()
	if _, err := batch.AddBytes(tree.Encode()); err != nil {
		return digest.Content{}, err
	}
	return tree.Content(), batch.Commit(ctx)
}

// savePart puts what a path holds into the cache, and returns it as entries of the
// directory's tree.
func (p *Project) savePart(ctx context.Context, dir, name string, hashOnly bool) (cache.Tree, error) {
	content, err := p.Workspace.Save(ctx, name, workspace.SaveOptions{NoCache: hashOnly})
	if err != nil {
		return nil, err
	}
	rest := strings.TrimPrefix(name, dir+"/")
	switch content.Mode {
	case digest.File, digest.Exec:
		return cache.Tree{cache.FileEntry(rest, content.Mode, content.ID, content.Size)}, nil
	case digest.Link:
		target, err := p.Root.Readlink(name)
		return cache.Tree{cache.LinkEntry(rest, target)}, err
	}
	below, again, err := p.Workspace.Tree(ctx, name)
	if err != nil {
		return nil, err
	}
	if !again.Same(content) {
		return nil, &workspace.ChangingError{Path: name}
	}
	if len(below) == 0 {
		return cache.Tree{cache.DirEntry(rest)}, nil
	}
	part := make(cache.Tree, len(below))
	for i, entry := range below {
		entry.Path = rest + "/" + entry.Path
		part[i] = entry
	}
	return part, nil
}

// replacePart returns a tree with other entries at and below a path. What is in the way
// of the path goes: a file, or an empty folder, where a folder must be.
func replacePart(tree cache.Tree, name string, part cache.Tree) cache.Tree {
	kept := slices.DeleteFunc(slices.Clone(tree), func(entry cache.TreeEntry) bool {
		return entry.Path == name || strings.HasPrefix(entry.Path, name+"/") || strings.HasPrefix(name, entry.Path+"/")
	})
	kept = append(kept, part...)
	slices.SortFunc(kept, func(a, b cache.TreeEntry) int { return strings.Compare(a.Path, b.Path) })
	return kept
}

// RecordSource writes down what a data source holds.
func (p *Project) RecordSource(ctx context.Context, name string, content digest.Content) error {
	return p.Ledger.Add(ctx, lock.Record{Source: name, Is: &content})
}
