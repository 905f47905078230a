package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/store"
)

// Keeper is what a lock tells of one stage or data source: the reason why the cache keeps
// objects.
type Keeper struct {
	Revision string           `json:"revision"`
	Owner    string           `json:"owner"` // the stage, or the data source's path
	Contents []digest.Content `json:"-"`
}

// Keepers returns who needs objects in a scope: the workspace first, then the revisions.
// A lock that can't be read is an error, as it can't be known what it needs.
func (p *Project) Keepers(ctx context.Context, scope DataScope) ([]Keeper, error) {
	locked, err := p.Ledger.Read()
	if err != nil {
		return nil, err
	}
	keepers := keepersOf(WorkspaceRevision, locked)
	for _, name := range scope.Revs {
		if _, err := p.Revision(ctx, name); err != nil {
			return nil, err
		}
	}
	names, err := p.scopeRevisions(ctx, scope)
	if err != nil || len(names) == 0 {
		return keepers, err
	}
	versions, err := p.Locks(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("it can't be known what to keep: %w", err)
	}
	for _, version := range versions {
		keepers = append(keepers, keepersOf(version.Name, version.File)...)
	}
	return keepers, nil
}

// LockGone is an error where the workspace's lock is not there, though something tells that
// it should be: HEAD has one, or the pipeline declares what the cache keeps. What that was
// can't be known then. A scope with HEAD in it says itself what to keep.
func (p *Project) LockGone(ctx context.Context, scope DataScope) error {
	if p.Root.Exists(lock.Name) || scope.Commits {
		return nil
	}
	locked, err := p.Ledger.Read()
	if err != nil || len(locked.Stages)+len(locked.Data) > 0 { // the journal has it
		return err
	}
	if head, err := p.commit(ctx, "HEAD"); err == nil {
		names, err := p.scopeRevisions(ctx, scope)
		if err != nil {
			return err
		}
		for _, name := range names {
			if commit, _ := p.commit(ctx, name); commit == head {
				return nil
			}
		}
		was, err := (&Revision{Name: "HEAD", Commit: head, project: p}).Lock(ctx)
		if err != nil {
			return fmt.Errorf("%s is not there, and HEAD's can't be read: %w", lock.Name, err)
		}
		if len(was.Stages)+len(was.Data) > 0 {
			return diag.At(diag.Pos{}, "%s is not there, but HEAD has one, so it can't be known what to keep", lock.Name).
				WithHint("bring it back: git checkout -- %s; or keep what HEAD's tells of, too: --rev HEAD", lock.Name)
		}
	}
	pipeline, err := p.Pipeline()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s is not there, so it can't be known what to keep: %w", lock.Name, err)
	}
	for _, stage := range pipeline.Stages {
		for _, out := range stage.Outs {
			if out.Cache {
				return diag.At(diag.Pos{}, "%s is not there, but the pipeline declares %s, so it can't be known what to keep", lock.Name, out.Path).
					WithHint("record what is there: flow commit, or flow repro; keep what commits tell of, and no more: -A; "+
						"where nothing is to be kept, remove the cache's folder: %s", p.Cache.Root().Dir())
			}
		}
	}
	return nil
}

// keepersOf takes a lock apart by stage and data source, sorted.
func keepersOf(revision string, locked *lock.File) []Keeper {
	var keepers []Keeper
	for _, path := range slices.Sorted(maps.Keys(locked.Data)) {
		keepers = append(keepers, Keeper{revision, path, []digest.Content{locked.Data[path]}})
	}
	for _, name := range slices.Sorted(maps.Keys(locked.Stages)) {
		one := &lock.File{Stages: map[string]*lock.Entry{name: locked.Stages[name]}}
		keepers = append(keepers, Keeper{revision, name, engine.Contents(one)})
	}
	return keepers
}

// Contents returns all that keepers need.
func Contents(keepers []Keeper) []digest.Content {
	var contents []digest.Content
	for _, keeper := range keepers {
		contents = append(contents, keeper.Contents...)
	}
	return contents
}

// Share is how much of the cache is there for one keeper and for none before it.
type Share struct {
	Keeper
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// Shares says who needs which part of some objects, each counted once, for the first that
// needs it. Keepers that add nothing are left out, and so is what is not among the
// objects. What nobody needs is the last result.
func (p *Project) Shares(ctx context.Context, keepers []Keeper, objects map[digest.ID]int64) ([]Share, Share, error) {
	left := maps.Clone(objects)
	var shares []Share
	for _, keeper := range keepers {
		share := Share{Keeper: keeper}
		for _, content := range keeper.Contents {
			ids, err := p.objectsOf(ctx, content)
			if err != nil {
				return nil, Share{}, err
			}
			for _, id := range ids {
				if size, found := left[id]; found {
					delete(left, id)
					share.Objects++
					share.Bytes += size
				}
			}
		}
		if share.Objects > 0 {
			shares = append(shares, share)
		}
	}
	rest := Share{Objects: len(left)}
	for _, size := range left {
		rest.Bytes += size
	}
	slices.SortStableFunc(shares, func(a, b Share) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return shares, rest, nil
}

// objectsOf returns the objects of a content, as far as they are known.
func (p *Project) objectsOf(ctx context.Context, content digest.Content) ([]digest.ID, error) {
	ids := []digest.ID{content.ID}
	if content.Mode != digest.Dir {
		return ids, nil
	}
	tree, known, err := p.cachedTree(ctx, "", content)
	if err != nil || !known {
		return ids, err
	}
	return append(ids, tree.IDs()...), nil
}

// CachedObjects returns all objects of the cache, with their sizes.
func (p *Project) CachedObjects(ctx context.Context) (map[digest.ID]int64, error) {
	objects := map[digest.ID]int64{}
	err := p.Cache.Objects().List(ctx, func(id digest.ID, size int64) error {
		objects[id] = size
		return nil
	})
	if errors.Is(err, store.ErrAbsent) {
		err = nil
	}
	return objects, err
}
