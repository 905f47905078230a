package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// A map stage runs for each of many files by itself. Its files are recorded as one dep,
// a tree whose paths are those of the project; what it makes, as the folders that are
// the stage's. What a file needs is told by comparing these trees with what is there:
//
//	file as recorded, its outs as recorded ──▶ nothing
//	the run cache knows it                 ──▶ its outs are restored
//	else                                   ──▶ the command runs for it
//	an out of a file that is gone          ──▶ removed

// inspectMapped finds what the files of a map stage hold.
func (e *Engine) inspectMapped(ctx context.Context, stage *stages.Stage, dep stages.Dep, is *facts, expected map[string]digest.Content) error {
	paths, err := e.matchDep(ctx, stage, dep)
	if err != nil {
		return err
	}
	is.mapped = make(cache.Tree, 0, len(paths))
	for _, path := range paths {
		content, err := e.depContent(ctx, stage, dep, path, is, expected)
		if err != nil {
			return err
		}
		entry := cache.FileEntry(path, content.Mode, content.ID, content.Size)
		if content.Mode == digest.Link {
			target, err := e.Root.Readlink(path)
			if err != nil {
				return fmt.Errorf("%s: dep %s: %w", stage.Title(), path, err)
			}
			entry = cache.LinkEntry(path, target)
		}
		if content.Exists() {
			is.mapped = append(is.mapped, entry)
		}
	}
	is.matched(dep.Path, len(is.mapped))
	is.deps = append(is.deps, lock.Item{Path: dep.Path, Content: is.mapped.Content()})
	return nil
}

// mappedDetail tells how many of a map stage's files differ.
func (e *Engine) mappedDetail(ctx context.Context, is *facts, old digest.Content) string {
	before, err := e.Cache.ReadTree(ctx, old.ID)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d of %d files", len(cache.DiffTrees(before, is.mapped)), max(len(before), len(is.mapped)))
}

// keepMapped keeps the list of a map stage's files, so that later runs can tell which
// of them changed.
func (e *Engine) keepMapped(ctx context.Context, is *facts) error {
	if is == nil || is.mapped == nil {
		return nil
	}
	id := is.mapped.Content().ID
	if found, err := e.Cache.Objects().Has(ctx, id); err == nil && found {
		return nil
	}
	if err := e.Cache.Objects().Put(ctx, id, bytes.NewReader(is.mapped.Encode())); err != nil {
		return fmt.Errorf("keep the list of files: %w", err)
	}
	return nil
}

// file is one file of a map stage, with what has to be done for it.
type file struct {
	entry    cache.TreeEntry
	outs     []string
	restored bool
}

// mapping is what a map stage has to do.
type mapping struct {
	all  int
	todo []*file  // that are not as recorded
	gone []string // outs that belong to no file any more
	ran  int
}

// mapping compares the files of a map stage and their outs with what was recorded.
func (w *work) mapping(ctx context.Context) (*mapping, error) {
	m := &mapping{all: len(w.step.is.mapped)}
	files, owners, err := w.files()
	if err != nil {
		return nil, err
	}
	was, now, err := w.trees(ctx)
	if err != nil {
		return nil, err
	}
	recorded := w.recordedFiles(ctx)
	for _, f := range files {
		if entry, found := recorded[f.entry.Path]; found && entry == f.entry && sameBelow(was, now, f.outs) {
			continue
		}
		m.todo = append(m.todo, f)
	}
	for _, path := range now.paths {
		if !owned(owners, path) {
			m.gone = append(m.gone, path)
		}
	}
	return m, nil
}

// files returns the files of the stage, and which of them makes which out.
func (w *work) files() ([]*file, map[string]*file, error) {
	stage := w.step.Stage
	files := make([]*file, len(w.step.is.mapped))
	owners := map[string]*file{}
	for i, entry := range w.step.is.mapped {
		outs, err := stage.OutsOf(entry.Path)
		if err != nil {
			return nil, nil, err
		}
		files[i] = &file{entry: entry, outs: outs}
		for _, out := range outs {
			if other, taken := owners[out]; taken {
				return nil, nil, diag.List{diag.At(stage.Map.Pos, "stage %q makes %s of two files, %s and %s", stage.Title(), out, other.entry.Path, entry.Path).
					WithHint("name the outs by ${map.rel_stem}, or make the pattern narrower")}
			}
			owners[out] = files[i]
		}
	}
	return files, owners, nil
}

// owned reports whether a path is an out of a file, or lies in one.
func owned(owners map[string]*file, path string) bool {
	for {
		if _, found := owners[path]; found {
			return true
		}
		slash := strings.LastIndexByte(path, '/')
		if slash < 0 {
			return false
		}
		path = path[:slash]
	}
}

// recordedFiles returns the files that the recorded outs were made of, by path; none
// when something else than files and outs differs from what was recorded.
func (w *work) recordedFiles(ctx context.Context) map[string]cache.TreeEntry {
	over := w.step.Stage.Map.Over
	for _, reason := range w.step.Reasons {
		switch reason.Kind {
		case event.OutMissing, event.OutChanged, event.NotCached:
		case event.DepChanged:
			if reason.Subject != over {
				return nil
			}
		default:
			return nil
		}
	}
	if w.step.was == nil {
		return nil
	}
	list, _ := w.step.was.Dep(over)
	tree, err := w.e.Cache.ReadTree(ctx, list.ID)
	if err != nil {
		return nil
	}
	recorded := make(map[string]cache.TreeEntry, len(tree))
	for _, entry := range tree {
		recorded[entry.Path] = entry
	}
	return recorded
}

// below is what the stage's folders hold, by path in the project.
type below struct {
	paths   []string // sorted
	entries map[string]cache.TreeEntry
}

func (b *below) add(folder string, tree cache.Tree) {
	for _, entry := range tree {
		path := folder + "/" + entry.Path
		b.paths = append(b.paths, path)
		b.entries[path] = entry
	}
	slices.Sort(b.paths)
}

// trees returns what the stage's folders held when it was recorded, and hold now.
func (w *work) trees(ctx context.Context) (was, now *below, err error) {
	was, now = &below{entries: map[string]cache.TreeEntry{}}, &below{entries: map[string]cache.TreeEntry{}}
	for _, out := range w.step.Stage.Outs {
		tree, _, err := w.e.Workspace.Tree(ctx, out.Path)
		if err != nil {
			return nil, nil, fmt.Errorf("out %s: %w", out.Path, err)
		}
		now.add(out.Path, tree)
		if w.step.was == nil {
			continue
		}
		if content, recorded := w.step.was.Out(out.Path); recorded {
			if tree, err := w.e.Cache.ReadTree(ctx, content.ID); err == nil {
				was.add(out.Path, tree)
			}
		}
	}
	return was, now, nil
}

// sameBelow reports whether outs are there as they were recorded.
func sameBelow(was, now *below, outs []string) bool {
	for _, out := range outs {
		recorded, is := was.at(out), now.at(out)
		if len(is) == 0 || len(is) != len(recorded) {
			return false
		}
		for i, path := range is {
			if recorded[i] != path || was.entries[path] != now.entries[path] {
				return false
			}
		}
	}
	return true
}

// at returns the path itself, when a file is there, or those of the files in it.
func (b *below) at(path string) []string {
	if _, found := b.entries[path]; found {
		return []string{path}
	}
	start, _ := slices.BinarySearch(b.paths, path+"/")
	end := start
	for end < len(b.paths) && strings.HasPrefix(b.paths[end], path+"/") {
		end++
	}
	return b.paths[start:end]
}

// touched returns the paths that the attempt changes, to be put aside.
func (m *mapping) touched() []stages.Out {
	var outs []stages.Out
	for _, f := range m.todo {
		for _, out := range f.outs {
			outs = append(outs, stages.Out{Path: out})
		}
	}
	for _, path := range m.gone {
		outs = append(outs, stages.Out{Path: path})
	}
	return outs
}

// describe says what was done.
func (m *mapping) describe() string {
	text := fmt.Sprintf("%d of %d files", m.ran, m.all)
	if restored := len(m.todo) - m.ran; restored > 0 {
		text += fmt.Sprintf(", %d restored", restored)
	}
	if len(m.gone) > 0 {
		text += fmt.Sprintf(", %d %s removed", len(m.gone), map[bool]string{true: "out", false: "outs"}[len(m.gone) == 1])
	}
	return text
}
