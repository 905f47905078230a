package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/stages"
	"flow/pkg/values"
	"flow/pkg/workspace"
)

// VerifyOptions says how a run is verified.
type VerifyOptions struct {
	Stages []string   // only these; their deps are as recorded
	Sink   event.Sink // gets the events of the run in the copy
	Keep   bool       // leave the copy
}

// Verified is what Verify found.
type Verified struct {
	Dir  string // the copy, if it was kept
	Outs []CheckedOut
	Err  error // stages that could not be run again
}

// CheckedOut is an out that was made again.
type CheckedOut struct {
	Stage string
	Path  string
	Want  digest.Content
	Got   digest.Content // the zero Content: it was not made
	// Differences tell what differs: of a file, itself; of a folder, all paths in it, of which
	// the first few tell where. None where the cache does not know what there was.
	Differences []Difference
}

// Same reports whether the out came out as it was.
func (c CheckedOut) Same() bool { return c.Got.Same(c.Want) }

// Verify runs a run again in a clean copy outside of the project, from the code, params
// and deps that it had, and compares what comes out. The copy shares the cache, but
// nothing that it makes is remembered.
func Verify(ctx context.Context, p *project.Project, run *runs.Run, options VerifyOptions) (*Verified, error) {
	guard, err := p.Cache.LockShared(ctx, "flow runs verify", nil)
	if err != nil {
		return nil, fmt.Errorf("use the cache: %w", err)
	}
	defer guard.Unlock()
	v := &verifying{p: p, run: run}
	if v.from, err = stateOf(ctx, p, run); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "flow-verify-")
	if err != nil {
		return nil, fmt.Errorf("make a copy: %w", err)
	}
	found := &Verified{}
	if options.Keep {
		found.Dir = dir
	} else {
		defer os.RemoveAll(dir)
	}
	if err := v.open(ctx, dir); err != nil {
		return found, err
	}
	defer v.copy.Root.Close()
	names, err := v.choose(options.Stages)
	if err != nil {
		return found, err
	}
	if err := v.bring(ctx, names); err != nil {
		return found, err
	}
	found.Err = v.engine.Repro(ctx, engine.Options{Selection: engine.Selection{Targets: names, Single: true},
		Force: true, NoRunCache: true, NoCommit: true, KeepGoing: true}, options.Sink)
	if ctx.Err() != nil {
		return found, ctx.Err()
	}
	found.Outs, err = v.compare(ctx, names)
	return found, err
}

// verifying is one Verify.
type verifying struct {
	p      *project.Project
	run    *runs.Run
	from   *state
	copy   *project.Project
	engine *engine.Engine
}

// open makes the copy: the config with this project's cache, the code, the lock.
func (v *verifying) open(ctx context.Context, dir string) error {
	root, err := disk.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(project.State, 0o755); err != nil {
		return err
	}
	if text, err := v.p.Root.Read(project.State + "/config"); err == nil {
		if err := root.Replace(project.State+"/config", text, 0o644); err != nil {
			return err
		}
	}
	local := "cache:\n  dir: " + strconv.Quote(filepath.ToSlash(v.p.CacheDir())) + "\n"
	if err := root.Replace(project.State+"/config.local", []byte(local), 0o644); err != nil {
		return err
	}
	if v.copy, err = project.Open(dir); err != nil {
		return fmt.Errorf("open the copy: %w", err)
	}
	if err := v.copy.Prepare(); err != nil {
		return err
	}
	for _, text := range v.run.Settings {
		setting, err := values.ParseSetting(text)
		if err != nil {
			return err
		}
		v.copy.Settings = append(v.copy.Settings, setting)
	}
	if _, err := writeCode(ctx, v.copy, nil, v.from.code); err != nil {
		return err
	}
	if err := v.copy.Ledger.Restore(ctx, v.from.lockText); err != nil {
		return err
	}
	v.engine, err = v.copy.Engine()
	return err
}

// choose returns the stages to run, in an order in which they can.
func (v *verifying) choose(asked []string) ([]string, error) {
	for _, name := range asked {
		if _, found := v.engine.Pipeline.Stage(name); !found || v.from.locked.Stages[name] == nil {
			problem := diag.At(diag.Pos{}, "run %s has no stage %q that ran", v.run.ID, name)
			if meant := diag.Nearest(name, v.engine.Pipeline.Names()); meant != "" {
				problem.WithHint("did you mean %q?", meant)
			}
			return nil, problem
		}
	}
	var names []string
	for _, name := range v.engine.Graph.Order() {
		stage, found := v.engine.Pipeline.Stage(name)
		if !found || stage.Source || stage.Frozen || v.from.locked.Stages[name] == nil {
			continue
		}
		if len(asked) > 0 && !slices.Contains(asked, name) {
			continue
		}
		if ran, found := v.run.Stage(stage.Title()); len(asked) > 0 || found && ran.Status != event.Failed && ran.Status != event.Skipped {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, diag.At(diag.Pos{}, "run %s has no stage that ran well, so there is nothing to run again", v.run.ID)
	}
	return names, nil
}

// bring puts in place all that the stages read and don't make themselves.
func (v *verifying) bring(ctx context.Context, names []string) error {
	for name, content := range v.from.locked.Data {
		if err := v.bringOne(ctx, name, content); err != nil {
			return err
		}
	}
	for name, entry := range v.from.locked.Stages {
		if slices.Contains(names, name) {
			continue
		}
		for _, out := range entry.Outs {
			if err := v.bringOne(ctx, out.Path, out.Content); err != nil && v.isRead(out.Path, names) {
				return err
			}
		}
	}
	for _, name := range names {
		stage, _ := v.engine.Pipeline.Stage(name)
		for _, dep := range v.from.locked.Stages[name].Deps {
			if v.isMade(dep, stage, names) || v.copy.Root.Exists(dep.Path) {
				continue
			}
			if err := v.bringOne(ctx, dep.Path, dep.Content); err != nil {
				return err
			}
		}
	}
	return nil
}

// isRead reports whether one of some stages reads a path.
func (v *verifying) isRead(path string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, found := v.from.locked.Stages[name].Dep(path)
		return found
	})
}

// isMade reports whether a dep is no file, or one that the run makes again.
func (v *verifying) isMade(dep lock.Item, reader *stages.Stage, names []string) bool {
	for _, declared := range reader.Deps {
		if declared.Path == dep.Path && !declared.InProject() {
			return true
		}
	}
	for _, owner := range v.engine.Pipeline.OwnerOf(dep.Path) {
		if slices.Contains(names, owner.Stage.Name) {
			return true
		}
	}
	return false
}

// bringOne puts a content at a path: from the cache, or from the workspace if it still
// holds it.
func (v *verifying) bringOne(ctx context.Context, name string, content digest.Content) error {
	if whole, err := v.p.Cache.Has(ctx, content); err != nil || !whole {
		now, err := v.p.Workspace.Digest(ctx, name)
		if err != nil || !now.Same(content) {
			return engine.Missing(diag.At(diag.Pos{}, "%s can't be had as it was in run %s: the cache does not have %s", name, v.run.ID, content.ID).
				WithHint("flow add keeps data in the cache; flow runs fetch %s brings what was pushed", v.run.ID))
		}
		if _, err := v.p.Workspace.Save(ctx, name, workspace.SaveOptions{Copy: true}); err != nil {
			return fmt.Errorf("bring %s: %w", name, err)
		}
	}
	if _, err := v.copy.Workspace.Checkout(ctx, name, content); err != nil {
		return fmt.Errorf("bring %s: %w", name, err)
	}
	return nil
}

// compare looks at every out that was made again, in the order of the stages.
func (v *verifying) compare(ctx context.Context, names []string) ([]CheckedOut, error) {
	var checked []CheckedOut
	for _, name := range names {
		stage, _ := v.engine.Pipeline.Stage(name)
		for _, item := range v.from.locked.Stages[name].Outs {
			if out, found := stage.OutAt(item.Path); !found || out.Temp && !out.Cache {
				continue
			}
			one := CheckedOut{Stage: stage.Title(), Path: item.Path, Want: item.Content}
			var err error
			if one.Got, err = v.copy.Workspace.Digest(ctx, item.Path); err != nil {
				return checked, fmt.Errorf("look at %s: %w", item.Path, err)
			}
			if one.Got.Exists() && !one.Same() {
				if one.Differences, err = v.differences(ctx, one); err != nil {
					return checked, err
				}
			}
			checked = append(checked, one)
		}
	}
	return checked, nil
}

// looked is how many files of a folder are looked into.
const looked = 20

// differences finds how an out is not what it was.
func (v *verifying) differences(ctx context.Context, out CheckedOut) ([]Difference, error) {
	if out.Want.Mode != digest.Dir || out.Got.Mode != digest.Dir {
		entry := func(content digest.Content) cache.TreeEntry {
			return cache.TreeEntry{Path: out.Path, Mode: content.Mode, ID: content.ID, Size: content.Size}
		}
		one, err := v.difference(ctx, out.Path, cache.TreeChange{Path: out.Path, Old: entry(out.Want), New: entry(out.Got)}, true)
		return []Difference{one}, err
	}
	old, err := v.p.Cache.ReadTree(ctx, out.Want.ID)
	if err != nil {
		return nil, ctx.Err()
	}
	now, _, err := v.copy.Workspace.Tree(ctx, out.Path)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", out.Path, err)
	}
	var all []Difference
	for i, change := range cache.DiffTrees(old, now) {
		one, err := v.difference(ctx, out.Path+"/"+change.Path, change, i < looked)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("the folder changes while it is looked at")
	}
	return all, nil
}

// difference tells how one path is not what it was; with inside, where in the file.
func (v *verifying) difference(ctx context.Context, name string, change cache.TreeChange, inside bool) (Difference, error) {
	one := Difference{Path: name, State: "modified"}
	isFile := func(mode digest.Mode) bool { return mode == digest.File || mode == digest.Exec }
	switch {
	case change.Added():
		one.State = "added"
		return one, nil
	case change.Removed():
		one.State = "deleted"
		return one, nil
	case !isFile(change.Old.Mode) || !isFile(change.New.Mode) || change.Old.ID == change.New.ID:
		one.State = "mode"
		return one, nil
	case !inside:
		return one, nil
	}
	if had, err := v.p.Cache.Has(ctx, digest.Content{ID: change.Old.ID, Mode: digest.File}); err != nil || !had {
		return one, err
	}
	was, err := v.p.Cache.Objects().Get(ctx, change.Old.ID)
	if err != nil {
		return one, err
	}
	defer was.Close()
	is, err := v.copy.Root.Open(name)
	if err != nil {
		return one, fmt.Errorf("look at %s: %w", name, err)
	}
	defer is.Close()
	return compareFiles(name, was, io.NewSectionReader(is, 0, 1<<62))
}
