package migrate

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/disk"
	"flow/pkg/dvc"
	"flow/pkg/lock"
	"flow/pkg/values"
	"flow/pkg/workspace"
)

// Target is the flow project that a plan is carried out in.
type Target struct {
	Root      *disk.Root
	Cache     *cache.Cache
	Workspace *workspace.Workspace
	Ledger    *lock.Ledger
}

// Result is what was done.
type Result struct {
	Objects int     // taken over
	Bytes   int64   // of these
	Corrupt []error // objects of DVC's cache that were refused
	Links   int     // into DVC's cache, that were replaced
	Stages  int     // recorded
	Sources int     // recorded
	Runs    Runs
}

// Apply carries the plan out: ignore files, objects, pipeline files, remembered runs,
// and at last the lock. What an earlier one did stays as it is.
func (p *Plan) Apply(ctx context.Context, target Target) (*Result, error) {
	from, err := dvc.OpenCache(p.project.Config.CacheDir(p.project.Root))
	if err != nil {
		return nil, err
	}
	defer from.Close()
	guard, err := target.Cache.LockShared(ctx, "migrate", nil)
	if err != nil {
		return nil, err
	}
	defer guard.Unlock()
	in := newIntake(from, target.Cache)
	needed := p.needed()
	items := make([]dvc.Item, 0, len(needed))
	for _, item := range needed {
		items = append(items, item)
	}
	if err := in.take(ctx, items); err != nil {
		return nil, err
	}
	result := &Result{}
	if result.Links, err = p.links(ctx, target, in); err != nil {
		return nil, err
	}
	for _, file := range p.Files {
		if err := write(target.Root, file); err != nil {
			return nil, err
		}
	}
	if err := p.record(ctx, target, in, result); err != nil {
		return nil, err
	}
	result.Objects, result.Bytes = len(in.have), in.bytes
	for _, err := range in.corrupt {
		result.Corrupt = append(result.Corrupt, err)
	}
	slices.SortFunc(result.Corrupt, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return result, nil
}

func write(root *disk.Root, file File) error {
	if file.There {
		return nil
	}
	if err := root.MkdirAll(path.Dir(file.Name), 0o777); err != nil {
		return err
	}
	if err := root.Replace(file.Name, file.Text, fs.FileMode(0o644)); err != nil {
		return fmt.Errorf("write %s: %w", file.Name, err)
	}
	return nil
}

// record writes what DVC recorded into the lock, where it does not tell as much already.
func (p *Plan) record(ctx context.Context, target Target, in *intake, result *Result) error {
	r := &recorder{facts: newFacts(target, p, in), params: map[string]*values.Tree{}}
	locked, err := target.Ledger.Read()
	if err != nil {
		return err
	}
	records, err := r.sources(ctx, p)
	if err != nil {
		return err
	}
	result.Sources = len(records)
	records = slices.DeleteFunc(records, func(record lock.Record) bool {
		_, told := locked.Data[record.Source]
		return told
	})
	for _, stage := range p.pipeline.Commands() {
		was := p.entries[stage.Name]
		if was == nil {
			continue
		}
		entry, _, err := r.entry(ctx, stage, was)
		if err != nil {
			return fmt.Errorf("stage %q: %w", stage.Name, err)
		}
		result.Stages++
		if old := locked.Stages[stage.Name]; old == nil || len(old.Deps)+len(old.Outs) < len(entry.Deps)+len(entry.Outs) {
			records = append(records, lock.Record{Stage: stage.Name, Entry: entry})
		}
	}
	if result.Runs, err = r.runs(ctx, p); err != nil {
		return err
	}
	if err := target.Ledger.Add(ctx, records...); err != nil {
		return err
	}
	_, err = target.Ledger.Settle(ctx, nil)
	return err
}
