package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// state is all that a run restores: the code, the lock, and what outs and data sources
// hold by path; a path that holds nothing has the zero Content.
type state struct {
	code     cache.Tree
	lockText []byte
	locked   *lock.File
	data     map[string]digest.Content
	pipeline *stages.Pipeline // nil where the run's can't be read
}

// stateOf reads what a run left. No link of its code leads out of the project.
func stateOf(ctx context.Context, p *project.Project, run *runs.Run) (*state, error) {
	s := &state{data: map[string]digest.Content{}}
	var err error
	if s.code, err = p.RunTree(ctx, run); err != nil {
		return nil, notKept(err)
	}
	for i := range s.code {
		if entry := &s.code[i]; entry.Mode == digest.Link && workspace.Escapes(entry.Path, entry.Target) {
			return nil, &workspace.EscapeError{Path: entry.Path, Target: entry.Target}
		}
	}
	if s.locked, err = p.RunLock(ctx, run); err != nil {
		return nil, notKept(err)
	}
	if !run.Lock.IsZero() {
		if s.lockText, err = readText(ctx, p.Cache, run.Lock); err != nil {
			return nil, notKept(err)
		}
	}
	s.pipeline, _ = p.RunRevision(run.ID, run).Pipeline(ctx)
	maps.Copy(s.data, lockedData(s.locked, s.pipeline))
	for _, out := range run.Held {
		s.data[out.Path] = out.Content
	}
	return s, nil
}

// notKept says what can be done where the cache lacks a part of a run.
func notKept(err error) error {
	return engine.Missing(diag.At(diag.Pos{}, "the run can't be had back: %v", err).
		WithHint("flow runs fetch RUN brings it, where it was pushed"))
}

// lockedData returns what a lock says of outs and data sources. Outs that are only there
// while others need them are none.
func lockedData(locked *lock.File, pipeline *stages.Pipeline) map[string]digest.Content {
	data := maps.Clone(locked.Data)
	for name, entry := range locked.Stages {
		for _, item := range entry.Outs {
			if out, found := declared(pipeline, name, item.Path); found && out.Temp && !out.Cache {
				continue
			}
			data[item.Path] = item.Content
		}
	}
	return data
}

// declared returns an out as the pipeline declares it.
func declared(pipeline *stages.Pipeline, stage, path string) (stages.Out, bool) {
	if pipeline == nil {
		return stages.Out{}, false
	}
	s, found := pipeline.Stage(stage)
	if !found {
		return stages.Out{}, false
	}
	return s.OutAt(path)
}

func readText(ctx context.Context, c *cache.Cache, id digest.ID) ([]byte, error) {
	object, err := c.Objects().Get(ctx, id)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	text, err := io.ReadAll(object)
	if err == nil && digest.Sum(text) != id {
		err = fmt.Errorf("the cache's copy of %s is damaged", id)
	}
	return text, err
}

// inTheWay returns an error for what is not kept and would have to go for code to be
// written: files in a folder that becomes a file, and files that become folders.
func inTheWay(p *project.Project, kept, wanted cache.Tree) error {
	saved := map[string]bool{}
	for i := range kept {
		saved[kept[i].Path] = true
	}
	checked := map[string]bool{}
	for i := range wanted {
		name := wanted[i].Path
		if info, err := p.Root.Lstat(name); err == nil && info.IsDir() {
			if err := allSaved(p, name, saved); err != nil {
				return err
			}
		}
		for at := strings.LastIndexByte(name, '/'); at > 0; at = strings.LastIndexByte(name[:at], '/') {
			folder := name[:at]
			if checked[folder] {
				break
			}
			checked[folder] = true
			info, err := p.Root.Lstat(folder)
			if err == nil && !info.IsDir() && !saved[folder] {
				return blocked(folder, name)
			}
		}
	}
	return nil
}

// allSaved refuses a folder that holds what is not kept.
func allSaved(p *project.Project, dir string, saved map[string]bool) error {
	entries, err := p.Root.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := dir + "/" + entry.Name()
		switch {
		case entry.IsDir():
			if err := allSaved(p, name, saved); err != nil {
				return err
			}
		case !saved[name]:
			return blocked(name, dir)
		}
	}
	return nil
}

func blocked(what, by string) error {
	return diag.At(diag.Pos{}, "%s is ignored and so not kept, and is in the way of %s", what, by).WithHint("move it elsewhere first")
}

// writeCode makes code files what a tree says: kept is what is there and may go. It
// returns what it changed.
func writeCode(ctx context.Context, p *project.Project, kept, wanted cache.Tree) ([]runs.FileChange, error) {
	changes := cache.DiffTrees(kept, wanted)
	var told []runs.FileChange
	for _, change := range changes {
		if !change.Removed() {
			continue
		}
		if err := p.Root.Remove(change.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return told, err
		}
		removeEmpty(p, change.Path)
		told = append(told, runs.FileChange{Path: change.Path, State: "deleted"})
	}
	for _, change := range changes {
		if change.Removed() {
			continue
		}
		if info, err := p.Root.Lstat(change.Path); err == nil && info.IsDir() {
			if err := p.Root.RemoveAll(change.Path); err != nil { // what it held is kept, see inTheWay
				return told, err
			}
		}
		content := digest.Content{ID: change.New.ID, Mode: change.New.Mode, Size: change.New.Size}
		if change.New.Mode == digest.Link {
			if err := writeLink(p, change.Path, change.New.Target); err != nil {
				return told, err
			}
		} else if _, err := p.Workspace.Checkout(ctx, change.Path, content); err != nil {
			return told, fmt.Errorf("restore %s: %w", change.Path, err)
		} else if err := p.Workspace.Unprotect(ctx, change.Path); err != nil {
			return told, fmt.Errorf("restore %s: %w", change.Path, err)
		}
		told = append(told, runs.FileChange{Path: change.Path, State: map[bool]string{true: "added", false: "modified"}[change.Added()]})
	}
	slices.SortFunc(told, func(a, b runs.FileChange) int { return strings.Compare(a.Path, b.Path) })
	return told, nil
}

// writeLink makes a link, whose target is in the tree itself and not in the cache.
func writeLink(p *project.Project, name, target string) error {
	if at := strings.LastIndexByte(name, '/'); at > 0 {
		if err := p.Root.MkdirAll(name[:at], 0o777); err != nil {
			return err
		}
	}
	if err := p.Root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.Root.Symlink(target, name)
}

// removeEmpty removes the folders above a name that hold nothing any more.
func removeEmpty(p *project.Project, name string) {
	for at := strings.LastIndexByte(name, '/'); at > 0; at = strings.LastIndexByte(name[:at], '/') {
		if p.Root.Remove(name[:at]) != nil {
			return
		}
	}
}
