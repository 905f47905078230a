package values

import (
	"strconv"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// Tree is what a params or metrics file holds, or a part of it.
type Tree struct {
	file string
	root *node // nil when the file holds nothing
}

// Leaf is one value of a tree, under its dotted key.
type Leaf struct {
	Key   string
	Value Value
	Pos   diag.Pos // of the value
}

// At returns the part of the tree under a dotted key: "train.lr", and "layers.0" for
// an item of a list. A key that has dots itself is found first; segments in
// double quotes, as Flatten writes them, have dots of their own. The empty key is
// the whole tree.
func (t *Tree) At(key string) (*Tree, bool) {
	if key == "" {
		return t, true
	}
	if t.root == nil {
		return nil, false
	}
	if found := t.root.at(key); found != nil {
		return &Tree{file: t.file, root: found}, true
	}
	return nil, false
}

// maxDotted bounds the keys that are split at their dots.
const maxDotted = 4096

// at looks for the longest first segment. As the segments on the way to a node are
// a prefix of the key, it comes by every node at most once.
func (n *node) at(key string) *node {
	if kid := n.step(key); kid != nil || len(key) > maxDotted {
		return kid
	}
	for end := strings.LastIndexByte(key, '.'); end >= 0; end = strings.LastIndexByte(key[:end], '.') {
		if kid := n.step(key[:end]); kid != nil {
			if found := kid.at(key[end+1:]); found != nil {
				return found
			}
		}
	}
	return n.atQuoted(key)
}

// atQuoted looks for a first segment that is written in quotes.
func (n *node) atQuoted(key string) *node {
	if !strings.HasPrefix(key, `"`) {
		return nil
	}
	src := newSource("", key)
	r := &jsonReader{source: src}
	segment, problem := r.quoted()
	if problem != nil {
		return nil
	}
	kid := n.step(segment)
	rest, more := strings.CutPrefix(key[r.at:], ".")
	switch {
	case kid == nil || rest == "" && !more:
		return kid
	case more:
		return kid.at(rest)
	}
	return nil
}

// step returns what is directly below a mapping or a list.
func (n *node) step(segment string) *node {
	if n.kind == document.Map {
		if i := n.find(segment); i >= 0 {
			return n.kids[i]
		}
	}
	if n.kind == document.List {
		i, err := strconv.Atoi(segment)
		if err == nil && i >= 0 && i < len(n.kids) && strconv.Itoa(i) == segment {
			return n.kids[i]
		}
	}
	return nil
}

// Flatten returns the leaves in file order. Mappings are flattened into dotted keys,
// a list is one leaf, and so is an empty mapping, but not an empty file.
//
// Every key leads At to its leaf. Where dots make that ambiguous, as the b of
// {"a.b": 1, a: {b: 2}}, the segments are quoted: "a"."b".
func (t *Tree) Flatten() []Leaf {
	if t.root == nil {
		return nil
	}
	f := &flattener{file: t.file, root: t.root}
	f.walk(t.root, "", false)
	return f.leaves
}

type flattener struct {
	file   string
	root   *node
	leaves []Leaf
	path   []string
}

// walk adds the leaves of a node under its key; odd tells that a segment on the way
// could be misread.
func (f *flattener) walk(n *node, key string, odd bool) {
	if n.kind != document.Map || len(n.kids) == 0 {
		if odd && (key == "" || f.root.at(key) != n) {
			key = quotedKey(f.path)
		}
		f.leaves = append(f.leaves, Leaf{Key: key, Value: n.leaf(), Pos: diag.Pos{File: f.file, Line: n.line, Col: n.col}})
		return
	}
	odd = odd || n.odd()
	for i, segment := range n.keys {
		below := segment
		if len(f.path) > 0 {
			below = key + "." + segment
		}
		f.path = append(f.path, segment)
		f.walk(n.kids[i], below, odd)
		f.path = f.path[:len(f.path)-1]
	}
}

// odd reports whether a dotted key could mean something else than the mapping's keys
// say: for the keys themselves, and for those of their neighbours.
func (n *node) odd() bool {
	for _, key := range n.keys {
		if key == "" || strings.ContainsAny(key, `."`) {
			return true
		}
	}
	return false
}

func quotedKey(path []string) string {
	segments := make([]string, len(path))
	for i, segment := range path {
		segments[i] = string(appendQuoted(nil, segment))
	}
	return strings.Join(segments, ".")
}

// JSON returns the tree as compact JSON in file order that every reader takes: NaN
// and the infinities are strings.
func (t *Tree) JSON() []byte {
	if t.root == nil {
		return []byte("{}")
	}
	return t.root.appendJSON(nil, forReaders)
}

// MarshalJSON returns what JSON does.
func (t *Tree) MarshalJSON() ([]byte, error) { return t.JSON(), nil }
