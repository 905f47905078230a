package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/runs"
	"flow/pkg/store"
)

// RunLock returns pipeline.lock as a run left it.
func (p *Project) RunLock(ctx context.Context, run *runs.Run) (*lock.File, error) {
	if run.Lock.IsZero() {
		return lock.New(), nil
	}
	text, err := p.readContent(ctx, digest.Content{ID: run.Lock, Mode: digest.File})
	if err != nil {
		return nil, fmt.Errorf("the lock of run %s: %w", run.ID, err)
	}
	return lock.Decode(lock.Name, text)
}

// RunTree returns the code and config that a run ran from.
func (p *Project) RunTree(ctx context.Context, run *runs.Run) (cache.Tree, error) {
	if run.Snapshot.IsZero() {
		return nil, fmt.Errorf("run %s has no snapshot of its code", run.ID)
	}
	tree, err := p.Cache.ReadTree(ctx, run.Snapshot)
	if err != nil {
		return nil, fmt.Errorf("the code of run %s: %w", run.ID, err)
	}
	return tree, nil
}

// RunRevision returns the project as a run had it: its code, and its outs by its lock.
func (p *Project) RunRevision(name string, run *runs.Run) *Revision {
	return &Revision{Name: name, Run: run, project: p}
}

// runTree returns the code of the run, which is read once.
func (r *Revision) runTree(ctx context.Context) (cache.Tree, error) {
	if r.tree != nil {
		return r.tree, nil
	}
	var err error
	r.tree, err = r.project.RunTree(ctx, r.Run)
	return r.tree, err
}

func (r *Revision) runText(ctx context.Context, name string) ([]byte, error) {
	tree, err := r.runTree(ctx)
	if err != nil {
		return nil, err
	}
	i, found := slices.BinarySearchFunc(tree, name, func(entry cache.TreeEntry, name string) int { return strings.Compare(entry.Path, name) })
	if !found || tree[i].Mode != digest.File && tree[i].Mode != digest.Exec {
		return nil, &fs.PathError{Op: "read in run " + r.Run.ID, Path: name, Err: fs.ErrNotExist}
	}
	return r.project.readContent(ctx, digest.Content{ID: tree[i].ID, Mode: tree[i].Mode, Size: tree[i].Size})
}

func (r *Revision) runNames(ctx context.Context, name string) ([]string, error) {
	tree, err := r.runTree(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range tree {
		if entry.Mode != digest.Dir && (name == "." || entry.Path == name || strings.HasPrefix(entry.Path, name+"/")) {
			names = append(names, entry.Path)
		}
	}
	return names, nil
}

// RunContents returns all that a run needs in the cache to be had back: the text of its
// lock, its code, and what outs and data sources held. A run whose lock is not here
// gives what it names itself.
func (p *Project) RunContents(ctx context.Context, run *runs.Run) ([]digest.Content, error) {
	var contents []digest.Content
	if !run.Lock.IsZero() {
		contents = append(contents, digest.Content{ID: run.Lock, Mode: digest.File})
	}
	if !run.Snapshot.IsZero() {
		contents = append(contents, digest.Content{ID: run.Snapshot, Mode: digest.Dir})
	}
	for _, out := range run.Held {
		if out.Exists() {
			contents = append(contents, out.Content)
		}
	}
	locked, err := p.RunLock(ctx, run)
	if err != nil {
		return contents, err
	}
	return append(contents, engine.Contents(locked)...), nil
}

// SnapshotDiff returns the files that two runs did not run from alike.
func (p *Project) SnapshotDiff(ctx context.Context, a, b *runs.Run) ([]runs.FileChange, error) {
	old, err := p.RunTree(ctx, a)
	if err != nil {
		return nil, err
	}
	now, err := p.RunTree(ctx, b)
	if err != nil {
		return nil, err
	}
	changes := []runs.FileChange{}
	for _, change := range cache.DiffTrees(old, now) {
		one := runs.FileChange{Path: change.Path, State: "modified"}
		switch {
		case change.Added():
			one.State = "added"
		case change.Removed():
			one.State = "deleted"
		}
		changes = append(changes, one)
	}
	return changes, nil
}

// RunKeepers returns what the runs of the history need to be had back.
func (p *Project) RunKeepers(ctx context.Context) ([]Keeper, error) {
	all, err := p.Runs.List()
	if err != nil {
		return nil, err
	}
	var keepers []Keeper
	for _, run := range all {
		contents, err := p.RunContents(ctx, run)
		if err != nil && !errors.Is(err, store.ErrAbsent) { // one without its lock can't be had back anyway
			return nil, fmt.Errorf("it can't be known what to keep: %w", err)
		}
		keepers = append(keepers, Keeper{Revision: "run " + run.ID, Owner: run.Name, Contents: contents})
	}
	return keepers, nil
}
