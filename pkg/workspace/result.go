package workspace

import (
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// each calls do for every entry that is there but directories, and for directories
// that hold nothing. Paths are below the scan's top, and all but in order.
func (s *scan) each(do func(path string, e *entry)) {
	type level struct {
		at      *node
		entries []entry
		self    *entry
		next    int
		any     bool // something in it is there
	}
	stack := []level{{at: s.top, entries: s.entries(s.top)}}
	for len(stack) > 0 {
		now := &stack[len(stack)-1]
		if now.next == len(now.entries) {
			if !now.any && now.self != nil {
				do(now.at.path, now.self)
			}
			stack = stack[:len(stack)-1]
			continue
		}
		e := &now.entries[now.next]
		now.next++
		switch {
		case e.stat.kind == digest.None:
		case e.dir != nil:
			now.any = true
			stack = append(stack, level{at: e.dir, entries: s.entries(e.dir), self: e})
		default:
			now.any = true
			do(join(now.at.path, e.name), e)
		}
	}
}

// flatten returns what was scanned as a tree.
func (s *scan) flatten() cache.Tree {
	tree := make(cache.Tree, 0, s.live.Load())
	s.each(func(path string, e *entry) {
		switch {
		case e.dir != nil:
			tree = append(tree, cache.DirEntry(path))
		case e.stat.kind == digest.Link:
			tree = append(tree, cache.LinkEntry(path, e.target))
		default:
			tree = append(tree, cache.FileEntry(path, e.stat.kind, e.id, e.stat.size))
		}
	})
	sortTree(tree)
	return tree
}

func sortTree(tree cache.Tree) {
	byPath := func(a, b cache.TreeEntry) int { return strings.Compare(a.Path, b.Path) }
	if !slices.IsSortedFunc(tree, byPath) {
		slices.SortFunc(tree, byPath)
	}
}

// encode returns the scan as an index of name.
func (s *scan) encode(name string, content digest.Content) []byte {
	writer := newIndexWriter(name)
	queue := []*node{s.top}
	for i := 0; i < len(queue); i++ {
		entries, count := s.entries(queue[i]), 0
		for n := range entries {
			if entries[n].stat.kind != digest.None {
				count++
			}
		}
		writer.folder(count)
		for n := range entries {
			e := &entries[n]
			r := record{stat: e.stat, id: e.id, trusted: e.trusted}
			switch {
			case e.stat.kind == digest.None:
				continue
			case e.dir != nil:
				r = record{stat: stat{kind: digest.Dir, size: int64(len(queue))}}
				queue = append(queue, e.dir)
			case e.stat.kind == digest.Link:
				r = record{stat: stat{kind: digest.Link}, id: e.id}
			}
			writer.add(e.name, r)
		}
	}
	return writer.finish(content)
}
