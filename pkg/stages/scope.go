package stages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// scope is the names that templates may use: those of its own over those of the
// scope around it. It is merged into while vars are read, and only read after that.
type scope struct {
	outer    *scope
	own      map[string]document.Entry
	order    []string            // of own
	reserved bool                // its names are item and key: vars may not have them
	copied   int                 // entries, while merging
	imports  map[string][]string // files that were read into it, by the keys taken; nil for all
	vars     map[string][]*Var   // by name: what declares it
	used     *usage              // of the whole file
}

func newScope(outer *scope) *scope {
	s := &scope{outer: outer, own: map[string]document.Entry{}, imports: map[string][]string{}, vars: map[string][]*Var{}}
	if outer != nil {
		s.used = outer.used
	} else {
		s.used = newUsage()
	}
	return s
}

// set puts a value behind a name, whatever the name meant around it.
func (s *scope) set(name string, key, value *document.Node) {
	if _, found := s.own[name]; !found {
		s.order = append(s.order, name)
	}
	s.own[name] = document.Entry{Key: key, Value: value}
}

// find returns the entry of a name and the scope that has it.
func (s *scope) find(name string) (document.Entry, *scope) {
	for at := s; at != nil; at = at.outer {
		if entry, found := at.own[name]; found {
			return entry, at
		}
	}
	return document.Entry{}, nil
}

// imported returns which keys of a file the scope has; nil for all.
func (s *scope) imported(file string) (keys []string, found bool) {
	for at := s; at != nil; at = at.outer {
		if keys, found := at.imports[file]; found {
			return keys, true
		}
	}
	return nil, false
}

// names returns all names, to find one that was meant.
func (s *scope) names() []string {
	var names []string
	for at := s; at != nil; at = at.outer {
		names = append(names, at.order...)
	}
	return names
}

// merge adds a mapping: mappings under the same name become one, all else may be
// defined once.
func (s *scope) merge(from *document.Node) *diag.Error {
	for _, entry := range from.Entries {
		if _, owner := s.find(scalarText(entry.Key)); owner != nil && owner.reserved {
			return entry.Key.Errorf("%q can't be redefined: it is set for each stage of the group", entry.Key.Text).
				WithHint("give the variable another name")
		}
	}
	for _, entry := range from.Entries {
		name := scalarText(entry.Key)
		value := entry.Value
		if first, owner := s.find(name); owner != nil {
			merged, problem := s.mergeNodes(first, entry, name)
			if problem != nil {
				return problem
			}
			value = merged
			if owner != s {
				s.vars[name] = slices.Clone(owner.vars[name])
			}
		}
		s.set(name, entry.Key, value)
	}
	return nil
}

func (s *scope) mergeNodes(first, second document.Entry, name string) (*document.Node, *diag.Error) {
	if first.Value.Kind != document.Map || second.Value.Kind != document.Map {
		return nil, second.Key.Errorf("%q is defined twice", name).
			WithNote(first.Key.Pos, "first defined here").
			WithHint("vars add to each other and to %s; none can change what another says", ParamsFile)
	}
	entries := slices.Clone(first.Value.Entries)
	s.copied += len(entries) + len(second.Value.Entries)
	at := make(map[string]int, len(entries))
	for i, entry := range entries {
		at[scalarText(entry.Key)] = i
	}
	for _, entry := range second.Value.Entries {
		key := scalarText(entry.Key)
		i, found := at[key]
		if !found {
			entries = append(entries, entry)
			continue
		}
		value, problem := s.mergeNodes(entries[i], entry, name+"."+key)
		if problem != nil {
			return nil, problem
		}
		entries[i].Value = value
	}
	return first.Value.WithEntries(entries), nil
}

// absence is why a name stands for nothing.
type absence struct {
	problem, hint string
	undefined     bool // nothing is there, so that a default may stand for it
}

// look returns what a name stands for, or why there is nothing.
func (s *scope) look(path []string) (*document.Node, *absence) {
	entry, owner := s.find(path[0])
	if owner == nil {
		return nil, &absence{fmt.Sprintf("nothing is called %q", path[0]), meant("", path[0], s.names()), true}
	}
	s.used.use(owner, path)
	value := entry.Value
	for i, segment := range path[1:] {
		next, why := step(value, segment, strings.Join(path[:i+1], "."))
		if why != nil {
			return nil, why
		}
		value = next
	}
	return value, nil
}

// step returns what is behind a segment of a name; so is the name up to there.
func step(value *document.Node, segment, so string) (*document.Node, *absence) {
	switch value.Kind {
	case document.Map:
		if next := child(value, segment); next != nil {
			return next, nil
		}
		return nil, &absence{fmt.Sprintf("%q has no %q", so, segment), meant(so+".", segment, value.Keys()), true}
	case document.List:
		if next := item(value, segment); next != nil {
			return next, nil
		}
		_, err := strconv.Atoi(segment)
		return nil, &absence{fmt.Sprintf("%q has no item %q", so, segment), fmt.Sprintf("it is a list of %d, counted from 0", len(value.Items)), err == nil}
	}
	return nil, &absence{fmt.Sprintf("%q is %s, which has no %q", so, kindName(value), segment), "", value.Kind == document.Null}
}

// child returns the value behind a key, of which numbers count by their value.
func child(node *document.Node, key string) *document.Node {
	if found := node.Get(key); found != nil {
		return found
	}
	for _, entry := range node.Entries {
		if entry.Key.Kind != document.String && scalarText(entry.Key) == key {
			return entry.Value
		}
	}
	return nil
}

// item returns an item of a list; -1 is the last.
func item(node *document.Node, index string) *document.Node {
	i, err := strconv.Atoi(index)
	if err == nil && i < 0 {
		i += len(node.Items)
	}
	if err != nil || i < 0 || i >= len(node.Items) {
		return nil
	}
	return node.Items[i]
}

// maxCandidates bounds the names among which the one that was meant is looked for.
const maxCandidates = 2000

func meant(prefix, word string, candidates []string) string {
	if near := diag.Nearest(word, candidates[:min(len(candidates), maxCandidates)]); near != "" && len(word) < 200 {
		return fmt.Sprintf("did you mean ${%s%s}?", prefix, near)
	}
	return ""
}
