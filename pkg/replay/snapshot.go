// Package replay keeps what a run runs from, brings it back, and runs it again.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// most is how many bytes of files that git does not track a snapshot holds in all. The
// largest are left out first.
const most = 256_000_000

// installed names folders that tools fill: they are no code of the project's.
var installed = map[string]bool{"node_modules": true, "__pycache__": true, ".venv": true, "venv": true, ".tox": true, ".mypy_cache": true,
	".pytest_cache": true, ".ruff_cache": true, ".ipynb_checkpoints": true, "site-packages": true}

// Snapshot is the code and config of a project at one moment. The files are in the cache.
type Snapshot struct {
	ID   digest.ID // of the tree, which is not in the cache before put; zero: there is none
	Tree cache.Tree
	Left []runs.Left // what is not in it, and might have been expected to be
}

// Take puts the code and config files of a project into the cache: all files that
// neither git nor a .flowignore ignores and that are no outs or data sources, up to the
// size that runs.max_file says, and those that git tracks whatever their size; and the
// paths in also, whatever they are. Git's index is only read.
func Take(ctx context.Context, p *project.Project, pipeline *stages.Pipeline, also []string) (Snapshot, error) {
	batch := p.Cache.Begin()
	defer batch.Abort()
	t := newTaking(p, pipeline)
	t.save = func(names []string) ([]digest.Content, error) { return p.Workspace.SaveInto(ctx, batch, names) }
	shot, err := t.steadily(ctx, also)
	if err == nil {
		err = batch.Commit(ctx)
	}
	return shot, err
}

func newTaking(p *project.Project, pipeline *stages.Pipeline) *taking {
	return &taking{p: p, pipeline: pipeline, limit: p.Config.MaxFile(), ignoring: map[string]bool{}, tools: map[string]bool{}}
}

// steadily takes the snapshot, once more when a file goes meanwhile.
func (t *taking) steadily(ctx context.Context, also []string) (Snapshot, error) {
	for attempt := 0; ; attempt++ {
		shot, err := t.take(ctx, also)
		if !errors.Is(err, fs.ErrNotExist) || attempt == 3 {
			return shot, err
		}
	}
}

// taking is one snapshot.
type taking struct {
	p        *project.Project
	save     func(names []string) ([]digest.Content, error) // puts files into the cache
	pipeline *stages.Pipeline
	limit    int64
	ignoring map[string]bool // folders: whether a .flowignore is in or above them
	tools    map[string]bool // folders: whether tools fill them
	names    []string        // regular files
	tree     cache.Tree      // links so far
	left     []runs.Left
}

func (t *taking) take(ctx context.Context, also []string) (Snapshot, error) {
	t.names, t.tree, t.left = nil, nil, nil
	clear(t.tools)
	files, err := t.p.ListFiles(ctx)
	if err != nil {
		return Snapshot{}, fmt.Errorf("list the project's files: %w", err)
	}
	if err := t.choose(files); err != nil {
		return Snapshot{}, err
	}
	for _, name := range also {
		if err := t.add(name); err != nil {
			return Snapshot{}, err
		}
	}
	slices.Sort(t.names)
	t.names = slices.Compact(t.names)
	contents, err := t.save(t.names)
	if err != nil {
		return Snapshot{}, fmt.Errorf("keep the code: %w", err)
	}
	for i, name := range t.names {
		t.tree = append(t.tree, cache.FileEntry(name, contents[i].Mode, contents[i].ID, contents[i].Size))
	}
	slices.SortFunc(t.tree, func(a, b cache.TreeEntry) int { return strings.Compare(a.Path, b.Path) })
	t.tree = slices.CompactFunc(t.tree, func(a, b cache.TreeEntry) bool { return a.Path == b.Path })
	if err := t.tree.Validate(); err != nil {
		return Snapshot{}, fmt.Errorf("keep the code: %w", err)
	}
	return Snapshot{ID: digest.Sum(t.tree.Encode()), Tree: t.tree, Left: t.left}, nil
}

// put adds the tree itself to the cache, which is all that is missing there.
func (s Snapshot) put(ctx context.Context, c *cache.Cache) (digest.ID, error) {
	if s.ID.IsZero() {
		return s.ID, nil
	}
	id, err := putText(ctx, c, s.Tree.Encode())
	if err != nil {
		return id, fmt.Errorf("keep the code: %w", err)
	}
	return id, nil
}

// putText puts a text into the cache.
func putText(ctx context.Context, c *cache.Cache, text []byte) (digest.ID, error) {
	batch := c.Begin()
	defer batch.Abort()
	id, err := batch.AddBytes(text)
	if err != nil {
		return id, err
	}
	return id, batch.Commit(ctx)
}

// untracked is a file that git does not track, with its size.
type untracked struct {
	name string
	size int64
}

// choose sorts out which files are taken.
func (t *taking) choose(files []project.Listed) error {
	var others []untracked
	var total int64
	for _, file := range files {
		if t.notCode(file.Path) {
			continue
		}
		info, err := t.p.Root.Lstat(file.Path)
		if err != nil || info.IsDir() {
			continue // it is gone, or it is another repository
		}
		if file.Tracked || !info.Mode().IsRegular() {
			if err := t.add(file.Path); err != nil {
				return err
			}
			continue
		}
		if t.isInstalled(path.Dir(file.Path)) {
			continue
		}
		if info.Size() > t.limit {
			t.leave(file.Path, info.Size(), "larger than runs.max_file and not tracked by git")
			continue
		}
		others = append(others, untracked{file.Path, info.Size()})
		total += info.Size()
	}
	slices.SortFunc(others, func(a, b untracked) int {
		if a.size != b.size {
			return int(b.size - a.size)
		}
		return strings.Compare(a.name, b.name)
	})
	for _, other := range others {
		if total > most {
			t.leave(other.name, other.size, "what git does not track is more than 256 MB in all")
			total -= other.size
			continue
		}
		t.names = append(t.names, other.name)
	}
	return nil
}

// isInstalled reports whether a folder is one that a tool fills, or in one.
func (t *taking) isInstalled(dir string) bool {
	found, known := t.tools[dir]
	if known || dir == "." {
		return found
	}
	if found = t.isInstalled(path.Dir(dir)); !found {
		if found = installed[path.Base(dir)] || t.p.Root.Exists(dir+"/pyvenv.cfg"); found {
			t.leave(dir, 0, "a folder that tools fill, and not tracked by git")
		}
	}
	t.tools[dir] = found
	return found
}

func (t *taking) leave(name string, size int64, why string) {
	t.left = append(t.left, runs.Left{Path: name, Size: size, Why: why})
}

// add takes a path, whatever it is.
func (t *taking) add(name string) error {
	info, err := t.p.Root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	switch {
	case err != nil:
		return err
	case info.Mode().IsRegular():
		t.names = append(t.names, name)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := t.p.Root.Readlink(name)
		if err != nil {
			return err
		}
		if workspace.Escapes(name, target) {
			t.leave(name, 0, "a link that leads out of the project")
			return nil
		}
		t.tree = append(t.tree, cache.LinkEntry(name, target))
	}
	return nil
}

// notCode reports whether a path is no part of the code: flow's own, ignored, or what
// the lock speaks of.
func (t *taking) notCode(name string) bool {
	if name == lock.Name || disk.CheckName(name) != nil || disk.IsTemp(name) {
		return true
	}
	if t.ignoresIn(path.Dir(name)) {
		if hidden, _ := t.p.Workspace.Ignored(name, false); hidden {
			return true
		}
	}
	return isOut(t.pipeline, name)
}

// ignoresIn reports whether a .flowignore is in a folder or above it.
func (t *taking) ignoresIn(dir string) bool {
	found, known := t.ignoring[dir]
	if known {
		return found
	}
	found = t.p.Root.Exists(path.Join(dir, workspace.IgnoreFile))
	if !found && dir != "." {
		found = t.ignoresIn(path.Dir(dir))
	}
	t.ignoring[dir] = found
	return found
}

// isOut reports whether a path is an out or a data source, or lies in one.
func isOut(pipeline *stages.Pipeline, name string) bool {
	if pipeline == nil {
		return false
	}
	for _, owner := range pipeline.OwnerOf(name) {
		if owner.Out.Path == name || strings.HasPrefix(name, owner.Out.Path+"/") {
			return true
		}
		if _, found := owner.Stage.OutAt(name); found && owner.Out.Glob {
			return true
		}
	}
	return false
}
