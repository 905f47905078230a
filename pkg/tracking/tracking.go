// Package tracking compares what paths held at two times: data sources and outs, and the
// files inside directories.
package tracking

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// Kind is what became of a path.
type Kind string

// The kinds of change.
const (
	Added    Kind = "added"
	Modified Kind = "modified"
	Renamed  Kind = "renamed" // the same content is at another path now
	Deleted  Kind = "deleted"
)

// Kinds lists the kinds, as they are counted.
func Kinds() []Kind { return []Kind{Added, Modified, Renamed, Deleted} }

// Change is a path that does not hold what it held.
type Change struct {
	Kind    Kind
	Path    string
	From    string // where it was, when it was renamed
	Was, Is digest.Content
}

// Side is what paths hold at one time.
type Side struct {
	Contents map[string]digest.Content // outs and data sources that are there
	// Tree returns what a directory among them holds; false when that is not to be had.
	Tree func(ctx context.Context, path string, content digest.Content) (cache.Tree, bool, error)
}

// Result is what Compare found, sorted by path.
type Result struct {
	Changes   []Change
	Unchanged []string
	Unknown   []string // directories that differ, of which a tree is not to be had
}

// Compare says how what is differs from what was. With files, it looks into directories.
// A path that is gone and one that is new are one that was renamed if they hold the same;
// of several, the first are paired.
func Compare(ctx context.Context, was, is Side, files bool) (Result, error) {
	var result Result
	for path := range both(was.Contents, is.Contents) {
		old, now := was.Contents[path], is.Contents[path]
		if old.Same(now) {
			result.Unchanged = append(result.Unchanged, path)
			continue
		}
		result.Changes = append(result.Changes, change(path, old, now))
	}
	result.sort()
	result.Changes = pair(result.Changes)
	if !files {
		return result, nil
	}
	var deep []Change
	for _, c := range result.Changes {
		inside, known, err := expand(ctx, was, is, c)
		if err != nil {
			return Result{}, err
		}
		if !known {
			result.Unknown = append(result.Unknown, c.Path)
		}
		deep = append(deep, inside...)
	}
	result.Changes = deep
	result.sort()
	result.Changes = pair(result.Changes)
	return result, nil
}

func (r *Result) sort() {
	slices.Sort(r.Unchanged)
	slices.Sort(r.Unknown)
	slices.SortFunc(r.Changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
}

// both returns every key of two maps, once.
func both[V any](a, b map[string]V) map[string]bool {
	keys := make(map[string]bool, len(a)+len(b))
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}

func change(path string, old, now digest.Content) Change {
	c := Change{Kind: Modified, Path: path, Was: old, Is: now}
	switch {
	case !old.Exists():
		c.Kind = Added
	case !now.Exists():
		c.Kind = Deleted
	}
	return c
}

// pair makes renames of what is gone here and new there. Nothing is too little to know
// it by: empty files and folders are not paired.
func pair(changes []Change) []Change {
	gone := map[digest.ID][]int{}
	for i, c := range changes {
		if c.Kind == Deleted && c.Was.Size > 0 {
			gone[c.Was.ID] = append(gone[c.Was.ID], i)
		}
	}
	paired := map[int]bool{}
	for i, c := range changes {
		left := gone[c.Is.ID]
		if c.Kind != Added || len(left) == 0 || (c.Is.Mode == digest.Dir) != (changes[left[0]].Was.Mode == digest.Dir) {
			continue
		}
		from := changes[left[0]]
		changes[i].Kind, changes[i].From, changes[i].Was = Renamed, from.Path, from.Was
		paired[left[0]], gone[c.Is.ID] = true, left[1:]
	}
	kept := changes[:0]
	for i, c := range changes {
		if !paired[i] {
			kept = append(kept, c)
		}
	}
	return kept
}

// expand turns a change of a directory into those of the files inside. It says false, and
// leaves the change as it is, when a tree is not to be had.
func expand(ctx context.Context, was, is Side, c Change) ([]Change, bool, error) {
	if c.Kind == Renamed || c.Was.Mode != digest.Dir && c.Is.Mode != digest.Dir {
		return []Change{c}, true, nil
	}
	old, known, err := was.files(ctx, c.Path, c.Was)
	if err != nil || !known {
		return []Change{c}, false, err
	}
	now, known, err := is.files(ctx, c.Path, c.Is)
	if err != nil || !known {
		return []Change{c}, false, err
	}
	var inside []Change
	for path := range both(old, now) {
		if !old[path].Same(now[path]) {
			inside = append(inside, change(path, old[path], now[path]))
		}
	}
	return inside, true, nil
}

// files returns what a path holds, file by file: of an empty folder, the folder. The tree
// of a directory that holds nothing is the directory.
func (s Side) files(ctx context.Context, path string, content digest.Content) (map[string]digest.Content, bool, error) {
	if content.Mode != digest.Dir {
		return map[string]digest.Content{path: content}, true, nil
	}
	tree, known, err := s.Tree(ctx, path, content)
	if err != nil {
		return nil, false, fmt.Errorf("what %s holds: %w", path, err)
	}
	if !known {
		return nil, false, nil
	}
	if len(tree) == 0 {
		return map[string]digest.Content{path: content}, true, nil
	}
	files := make(map[string]digest.Content, len(tree))
	for _, entry := range tree {
		files[path+"/"+entry.Path] = digest.Content{ID: entry.ID, Mode: entry.Mode, Size: entry.Size}
	}
	return files, true, nil
}

// Within keeps what is at or below one of some paths, or above.
func (s Side) Within(paths []string) Side {
	if len(paths) == 0 {
		return s
	}
	kept := maps.Clone(s.Contents)
	maps.DeleteFunc(kept, func(name string, _ digest.Content) bool {
		return !slices.ContainsFunc(paths, func(path string) bool { return below(name, path) || below(path, name) })
	})
	return Side{Contents: kept, Tree: s.Tree}
}

// Only drops the changes that are not at or below one of some paths.
func (r *Result) Only(paths []string) {
	if len(paths) == 0 {
		return
	}
	r.Changes = slices.DeleteFunc(r.Changes, func(c Change) bool {
		return !slices.ContainsFunc(paths, func(path string) bool {
			return below(c.Path, path) || c.Is.Mode == digest.Dir && below(path, c.Path) || c.From != "" && below(c.From, path)
		})
	})
}

// below reports whether a path is another, or inside it.
func below(name, path string) bool { return name == path || strings.HasPrefix(name, path+"/") }
