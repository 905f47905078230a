package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// Applied is what Apply did.
type Applied struct {
	Before *runs.Run // keeps what was there; nil when nothing differed
	Code   []runs.FileChange
	Data   []runs.FileChange // outs and data sources
	Lock   bool              // pipeline.lock changed
}

// inUse says what to do while stages run.
func inUse(busy *disk.BusyError) error {
	problem := diag.At(diag.Pos{}, "%v", busy).WithHint("wait until it has ended, or stop it, and try again")
	problem.Err = busy
	return problem
}

// Apply makes code, params, lock, outs and data sources what a run left, byte for byte.
// All that it replaces or removes is first kept as a run of the state Saved, which can be
// applied in turn; when anything can't be kept or had back, nothing is touched. While stages
// run, it is a *disk.BusyError. Files that
// git ignores and that are no outs stay as they are.
func Apply(ctx context.Context, p *project.Project, run *runs.Run) (*Applied, error) {
	if active, err := p.Runs.Active(); err != nil || active != nil {
		if err == nil {
			err = inUse(&disk.BusyError{Name: "the project", Owner: "run " + active.ID})
		}
		return nil, err
	}
	alone, err := p.Alone("flow runs apply") // what starts meanwhile waits, and then reads what is here
	var busy *disk.BusyError
	if errors.As(err, &busy) {
		return nil, inUse(busy)
	}
	if err != nil {
		return nil, err
	}
	defer alone.Unlock()
	guard, err := p.Cache.LockShared(ctx, "flow runs apply", nil)
	if err != nil {
		return nil, fmt.Errorf("use the cache: %w", err)
	}
	defer guard.Unlock()
	a := &applying{p: p, run: run}
	if a.to, err = stateOf(ctx, p, run); err != nil {
		return nil, err
	}
	if err := a.look(ctx); err != nil {
		return nil, err
	}
	if err := a.check(ctx); err != nil {
		return nil, err
	}
	if !a.differs() {
		return &Applied{}, nil
	}
	before, err := a.keep(ctx)
	if err != nil {
		return nil, err
	}
	done, err := a.act(ctx)
	done.Before = before
	_ = p.Workspace.Flush()
	_ = p.Cache.Flush()
	if err != nil {
		return done, fmt.Errorf("apply run %s (what was there is kept: flow runs apply %s): %w", run.ID, before.ID, err)
	}
	return done, nil
}

// applying is one Apply.
type applying struct {
	p   *project.Project
	run *runs.Run
	to  *state

	pipeline *stages.Pipeline // of today; nil where it can't be read
	lockText []byte           // of today
	was      map[string]digest.Content
	is       map[string]digest.Content // what the paths hold that may change
	shot     Snapshot                  // of today
}

// look finds what there is today.
func (a *applying) look(ctx context.Context) error {
	a.pipeline, _ = a.p.Pipeline() // one that is broken is kept as code
	locked, err := a.p.Ledger.Read()
	if err == nil {
		_, err = a.p.Ledger.Settle(ctx, nil)
	}
	if err != nil {
		locked = lock.New() // it is kept as it is
	}
	if a.lockText, err = a.p.Root.Read(lock.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the lock: %w", err)
	}
	a.was = lockedData(locked, a.pipeline)
	a.is = map[string]digest.Content{}
	for _, name := range a.paths() {
		if a.is[name], err = a.p.Workspace.Digest(ctx, name); err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
	}
	return nil
}

// paths returns the paths of outs and data sources, of the run and of today.
func (a *applying) paths() []string {
	names := map[string]bool{}
	for name := range a.to.data {
		names[name] = true
	}
	for name := range a.was {
		names[name] = true
	}
	if a.pipeline != nil {
		for _, stage := range a.pipeline.Stages {
			for _, out := range stage.Outs {
				if !out.Glob {
					names[out.Path] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// check makes sure that all can be had back, before anything is kept or touched.
func (a *applying) check(ctx context.Context) error {
	var missing []string
	code := digest.Content{ID: a.run.Snapshot, Mode: digest.Dir}
	if whole, err := a.p.Cache.Has(ctx, code); err != nil || !whole {
		missing = append(missing, "the code")
	}
	for _, name := range slices.Sorted(maps.Keys(a.to.data)) {
		want := a.to.data[name]
		if want.Same(a.is[name]) {
			continue
		}
		if whole, err := a.p.Cache.Has(ctx, want); err != nil || !whole {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return engine.Missing(diag.At(diag.Pos{}, "the cache does not have all of run %s: it lacks %s", a.run.ID, strings.Join(missing, ", ")).
		WithHint("flow runs fetch %s brings it, where it was pushed", a.run.ID))
}

// differs takes the snapshot of today, and reports whether there is anything to do.
func (a *applying) differs() bool {
	for name, now := range a.is {
		if !a.to.data[name].Same(now) {
			return true
		}
	}
	if string(a.lockText) != string(a.to.lockText) {
		return true
	}
	shot, err := Take(context.Background(), a.p, a.pipeline, a.codePaths())
	a.shot = shot
	return err != nil || len(cache.DiffTrees(shot.Tree, a.to.code)) > 0
}

// codePaths is the files of the run: what is there today in their places is kept, even
// if git ignores it now.
func (a *applying) codePaths() []string {
	paths := make([]string, len(a.to.code))
	for i := range a.to.code {
		paths[i] = a.to.code[i].Path
	}
	return paths
}

// keep makes today's state a run.
func (a *applying) keep(ctx context.Context) (*runs.Run, error) {
	before := &runs.Run{ID: runs.NewID(time.Now()), State: runs.Saved, Started: time.Now(), Ended: time.Now(), Origin: runs.ThisOrigin(nil)}
	before.Note = "before run " + a.run.ID + " was applied"
	var err error
	if a.shot.ID.IsZero() {
		if a.shot, err = Take(ctx, a.p, a.pipeline, a.codePaths()); err != nil {
			return nil, err
		}
	}
	if err := inTheWay(a.p, a.shot.Tree, a.to.code); err != nil {
		return nil, err
	}
	before.Left = a.shot.Left
	if before.Snapshot, err = a.shot.put(ctx, a.p.Cache); err != nil {
		return nil, err
	}
	if len(a.lockText) > 0 {
		if before.Lock, err = putText(ctx, a.p.Cache, a.lockText); err != nil {
			return nil, fmt.Errorf("keep the lock: %w", err)
		}
	}
	if before.Held, err = a.keepData(ctx); err != nil {
		return nil, err
	}
	before.Git, _ = head(ctx, a.p)
	before.Params, _ = readValues(ctx, a.p, project.Query{Params: true}, nil)
	before.Metrics, _ = readValues(ctx, a.p, project.Query{}, nil)
	return before, a.p.Runs.Put(before)
}

// keepData puts into the cache what will change and is not there, and returns what
// differs from the lock.
func (a *applying) keepData(ctx context.Context) ([]runs.Out, error) {
	var held []runs.Out
	for _, name := range slices.Sorted(maps.Keys(a.is)) {
		now := a.is[name]
		if !now.Same(a.was[name]) {
			held = append(held, runs.Out{Path: name, Content: now})
		}
		if !now.Exists() || now.Same(a.to.data[name]) {
			continue
		}
		if whole, err := a.p.Cache.Has(ctx, now); err == nil && whole {
			continue
		}
		saved, err := a.p.Workspace.Save(ctx, name, workspace.SaveOptions{Copy: true})
		if err != nil {
			return nil, fmt.Errorf("keep %s before it is replaced: %w", name, err)
		}
		if !saved.Same(now) {
			return nil, fmt.Errorf("%s changes while it is kept: something writes it", name)
		}
	}
	return held, nil
}

// act changes the workspace: what is to go, the code, the data, and at last the lock.
func (a *applying) act(ctx context.Context) (*Applied, error) {
	done := &Applied{Lock: string(a.lockText) != string(a.to.lockText)}
	names := slices.Sorted(maps.Keys(a.is))
	cleared := map[string]bool{}
	for _, name := range names {
		if a.is[name].Exists() && !a.to.data[name].Exists() {
			cleared[name] = true
			if err := a.put(ctx, name, done); err != nil {
				return done, err
			}
		}
	}
	kept := slices.DeleteFunc(slices.Clone(a.shot.Tree), func(entry cache.TreeEntry) bool {
		return within(entry.Path, func(name string) bool { return cleared[name] || a.to.data[name].Exists() })
	})
	var err error
	if done.Code, err = writeCode(ctx, a.p, kept, a.to.code); err != nil {
		return done, err
	}
	for _, name := range names {
		if want := a.to.data[name]; want.Exists() && !want.Same(a.is[name]) {
			if err := a.put(ctx, name, done); err != nil {
				return done, err
			}
		}
	}
	if err := a.p.Ledger.Restore(ctx, a.to.lockText); err != nil {
		return done, err
	}
	return done, a.ignore()
}

// put makes one path of the data hold what it held in the run.
func (a *applying) put(ctx context.Context, name string, done *Applied) error {
	want := a.to.data[name]
	if _, err := a.p.Workspace.Checkout(ctx, name, want); err != nil {
		return fmt.Errorf("restore %s: %w", name, err)
	}
	if want.Exists() && !a.cached(name) {
		if err := a.p.Workspace.Unprotect(ctx, name); err != nil {
			return fmt.Errorf("restore %s: %w", name, err)
		}
	}
	done.Data = append(done.Data, runs.FileChange{Path: name, State: stateWord(a.is[name], want)})
	return nil
}

// within reports whether a path, or a folder that it is in, is one.
func within(path string, is func(string) bool) bool {
	for at := len(path); at > 0; at = strings.LastIndexByte(path[:at], '/') {
		if is(path[:at]) {
			return true
		}
	}
	return false
}

func stateWord(was, is digest.Content) string {
	switch {
	case !was.Exists():
		return "added"
	case !is.Exists():
		return "deleted"
	}
	return "modified"
}

// cached reports whether an out of the run is one that the cache may make a link of.
func (a *applying) cached(name string) bool {
	if a.to.pipeline == nil {
		return true
	}
	for _, owner := range a.to.pipeline.OwnerOf(name) {
		if out, found := owner.Stage.OutAt(name); found {
			return out.Cache
		}
	}
	return true
}

// ignore keeps the outs out of git: the run may have been the first to make them, so
// that the ignore files that it began with don't name them.
func (a *applying) ignore() error {
	if !a.p.Git || a.to.pipeline == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(a.to.data)) {
		if !a.to.data[name].Exists() || !a.cached(name) {
			continue
		}
		for _, owner := range a.to.pipeline.OwnerOf(name) {
			if owner.Out.Path != name || !owner.Out.Cache {
				continue
			}
			if _, err := a.p.Workspace.Gitignore(name); err != nil {
				return fmt.Errorf("ignore %s in git: %w", name, err)
			}
		}
	}
	return nil
}
