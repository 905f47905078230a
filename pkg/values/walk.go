package values

import (
	"flow/pkg/diag"
	"flow/pkg/document"
)

// Kind returns what the tree is: a mapping, a list or a scalar.
func (t *Tree) Kind() document.Kind {
	if t.root == nil {
		return document.Map
	}
	return t.root.kind
}

// Keys returns the keys of a mapping, in file order.
func (t *Tree) Keys() []string {
	if t.root == nil || t.root.kind != document.Map {
		return nil
	}
	return t.root.keys
}

// Items returns what is directly below a list, or a mapping's values in the order of
// Keys.
func (t *Tree) Items() []*Tree {
	if t.root == nil {
		return nil
	}
	items := make([]*Tree, len(t.root.kids))
	for i, kid := range t.root.kids {
		items[i] = &Tree{file: t.file, root: kid}
	}
	return items
}

// Value returns the whole tree as one value.
func (t *Tree) Value() Value {
	if t.root == nil {
		return Value{Kind: document.Map, Text: "{}"}
	}
	return t.root.leaf()
}

// Pos returns where the tree stands in its file.
func (t *Tree) Pos() diag.Pos {
	if t.root == nil {
		return diag.Pos{File: t.file, Line: 1, Col: 1}
	}
	return diag.Pos{File: t.file, Line: t.root.line, Col: t.root.col}
}
