package values

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"flow/pkg/document"
)

// Setting is a value that a person gives a param for one command: what the file says is
// taken as if it said this.
type Setting struct {
	File string // "" for every file that has the key
	Key  string // dotted
	Text string // as the person wrote it

	value *node
}

// ParseSetting reads [file:]key=value; the value is YAML, so that it has a type.
func ParseSetting(text string) (Setting, error) {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" {
		return Setting{}, fmt.Errorf("%q is not key=value", text)
	}
	s := Setting{Key: name, Text: text}
	if file, key, found := strings.Cut(name, ":"); found {
		s.File, s.Key = file, key
	}
	if s.Key == "" || s.File == "" && strings.HasPrefix(name, ":") {
		return Setting{}, fmt.Errorf("%q is not [file:]key=value", text)
	}
	doc, err := document.Parse("", []byte(value))
	if err != nil {
		return Setting{}, fmt.Errorf("the value of %s is no YAML; put quotes around a text: '%s=\"%s\"'", name, name, value)
	}
	root := doc.Root
	if root == nil {
		root = document.Of("")
	}
	var problem error
	if s.value, problem = valueOf(root); problem != nil {
		return Setting{}, fmt.Errorf("the value of %s: %w", name, problem)
	}
	s.value.unplace()
	return s, nil
}

func valueOf(root *document.Node) (*node, error) {
	value, problem := fromDocument(root)
	if problem != nil {
		return nil, errors.New(problem.Msg)
	}
	return value, nil
}

// unplace takes the places away, which are those of no file.
func (n *node) unplace() {
	n.line, n.col = 0, 0
	for _, kid := range n.kids {
		kid.unplace()
	}
}

// In returns the tree of a file with the setting made, and whether the setting is for
// the file and the file has the key.
func (s Setting) In(tree *Tree) (*Tree, bool) {
	if tree == nil || tree.root == nil || s.File != "" && s.File != tree.file {
		return tree, false
	}
	old := tree.root.at(s.Key)
	if old == nil {
		return tree, false
	}
	value := *s.value
	value.line, value.col = old.line, old.col
	return newTree(tree.file, tree.root.replaced(old, &value)), true
}

// Touches reports whether the setting changes what a param is or holds; the empty key is
// the whole file.
func (s Setting) Touches(file, key string) bool {
	if s.File != "" && s.File != file {
		return false
	}
	return key == "" || key == s.Key || strings.HasPrefix(s.Key, key+".") || strings.HasPrefix(key, s.Key+".")
}

// replaced returns a copy in which another node stands in the place of one.
func (n *node) replaced(old, by *node) *node {
	if n == old {
		return by
	}
	for i, kid := range n.kids {
		if now := kid.replaced(old, by); now != kid {
			copied := *n
			copied.kids = slices.Clone(n.kids)
			copied.kids[i] = now
			return &copied
		}
	}
	return n
}

// Of returns the tree of values that a document holds.
func Of(file string, root *document.Node) (*Tree, error) {
	if root == nil {
		return newTree(file, nil), nil
	}
	value, problem := fromDocument(root)
	if problem != nil {
		return nil, problem
	}
	return newTree(file, value), nil
}
