package values

import (
	"flow/pkg/diag"
	"flow/pkg/document"
)

// Node returns the tree as a document's values, with canonical texts and their
// places; nil when the file holds nothing. A key stands where its value does.
func (t *Tree) Node() *document.Node {
	if t.root == nil {
		return nil
	}
	return t.root.document(t.file)
}

func (n *node) document(file string) *document.Node {
	to := &document.Node{Kind: n.kind, Text: n.text, Pos: diag.Pos{File: file, Line: n.line, Col: n.col}}
	switch n.kind {
	case document.List:
		for _, kid := range n.kids {
			to.Items = append(to.Items, kid.document(file))
		}
	case document.Map:
		entries := make([]document.Entry, len(n.kids))
		for i, kid := range n.kids {
			value := kid.document(file)
			entries[i] = document.Entry{Key: &document.Node{Kind: document.String, Text: n.keys[i], Pos: value.Pos}, Value: value}
		}
		return to.WithEntries(entries)
	}
	return to
}
