package document

import (
	"slices"
	"strconv"
	"strings"

	"flow/pkg/diag"
)

// Set puts a value at a path of keys and, within a list, of indices such as [0]; see Of
// for what a value may be. What is missing on the way is made; the index behind a list's
// last one adds to it. What a person wrote around the value stays as it is.
//
// An edit returns a new Document, which was read again: nothing but what was asked for
// differs. Where that can't be had, the error is a *diag.Error with the place.
func (d *Document) Set(path []string, value any) (*Document, error) {
	e, spot, err := d.start(path)
	if err != nil {
		return nil, err
	}
	node := detached(Of(value))
	if len(spot.rest) == 0 && same(spot.node, node) {
		return d, nil
	}
	want := with(spot, node)
	e.put(spot, node)
	edited, err := e.finish(path, want)
	if err != nil {
		e.splices, e.quote = nil, true
		e.put(spot, node)
		edited, err = e.finish(path, want)
	}
	if err != nil {
		return nil, err
	}
	return edited, nil
}

// Append adds an item to the list at a path, and makes the list when there is none.
func (d *Document) Append(path []string, value any) (*Document, error) {
	list := d.Root.Find(path...)
	if list == nil || list.empty() {
		return d.Set(path, []any{value})
	}
	if list.Kind != List {
		return nil, list.Errorf("%s is a %s, not a list", pathText(path), list.Kind)
	}
	return d.Set(append(slices.Clone(path), "["+strconv.Itoa(len(list.Items))+"]"), value)
}

// Delete removes what is at a path, with the comment lines above it. Deleting what is
// not there is fine.
func (d *Document) Delete(path []string) (*Document, error) {
	e, spot, err := d.start(path)
	if err != nil {
		return nil, err
	}
	if len(spot.rest) > 0 {
		if merged := d.Root.Find(path...); merged != nil {
			return nil, merged.Errorf("%s comes from <<, and can't be removed here", pathText(path))
		}
		return d, nil
	}
	e.remove(spot)
	return e.finish(path, without(spot))
}

// spot is a place in the tree, and what of a path is not there.
type spot struct {
	chain []link // from the root to node
	node  *Node  // the last that is there; nil in an empty text
	rest  []string
}

// link is one step down: the i-th of the parent's own entries or items.
type link struct {
	parent *Node
	i      int
}

// start finds a path and prepares to edit there.
func (d *Document) start(path []string) (*editor, spot, error) {
	spot := spot{node: d.Root, rest: path}
	if len(path) == 0 {
		return nil, spot, diag.At(diag.Pos{File: d.File}, "the path is empty")
	}
	for len(spot.rest) > 0 && spot.node != nil {
		i, err := spot.step(path)
		if err != nil {
			return nil, spot, err
		}
		if i < 0 {
			break
		}
		parent := spot.node
		spot.chain = append(spot.chain, link{parent, i})
		spot.node = child(parent, i)
		spot.rest = spot.rest[1:]
	}
	return newEditor(d), spot, nil
}

// step returns which of the node's own children the next step of a path means, or -1
// when it can be added.
func (s *spot) step(path []string) (int, error) {
	n, key := s.node, s.rest[0]
	so := pathText(path[:len(path)-len(s.rest)])
	if name := n.alias(); name != "" {
		return 0, n.Errorf("%s is an alias: its value is that of the anchor &%s", so, name).
			WithHint("change the value behind the anchor, or write the value out here")
	}
	switch n.Kind {
	case Null:
		return -1, nil
	case Map:
		own := n.own()
		if i := slices.IndexFunc(own, func(e Entry) bool { return e.Key.Text == key }); i >= 0 {
			return i, nil
		}
		if merged := n.Get(key); merged != nil && len(s.rest) > 1 {
			return 0, n.Errorf("%s comes from <<, and can't be changed here", pathText(path[:len(path)-len(s.rest)+1])).
				WithHint("change it where it stands, or write it out here")
		}
		return -1, nil
	case List:
		i, ok := listIndex(key)
		if !ok || i > len(n.Items) {
			return 0, n.Errorf("%s is a list of %d items and has no %q", so, len(n.Items), key)
		}
		if i == len(n.Items) {
			return -1, nil
		}
		return i, nil
	}
	return 0, n.Errorf("%s is a %s and has no %q", so, n.Kind, key)
}

func pathText(path []string) string {
	if len(path) == 0 {
		return "the file"
	}
	return strconv.Quote(strings.Join(path, "."))
}

func child(n *Node, i int) *Node {
	if n.Kind == List {
		return n.Items[i]
	}
	return n.own()[i].Value
}

// wrap returns a value below the rest of a path.
func wrap(rest []string, value *Node) *Node {
	for i := len(rest) - 1; i >= 0; i-- {
		if rest[i] == "[0]" {
			value = &Node{Kind: List, Items: []*Node{value}}
		} else {
			value = &Node{Kind: Map, Entries: []Entry{{Of(rest[i]), value}}}
		}
	}
	return value
}

// detached returns a copy that is written out: without aliases and merge keys.
func detached(n *Node) *Node {
	made := &Node{Kind: n.Kind, Quoted: n.Quoted, Text: n.Text}
	for _, item := range n.Items {
		made.Items = append(made.Items, detached(item))
	}
	for _, entry := range n.Entries {
		made.Entries = append(made.Entries, Entry{Of(entry.Key.Text), detached(entry.Value)})
	}
	return made
}

// with returns the tree as it has to be after a value was set at a spot.
func with(spot spot, value *Node) *Node {
	node := spot.node
	switch {
	case len(spot.rest) == 0, node == nil, node.Kind == Null:
		node = wrap(spot.rest, value)
	case node.Kind == List:
		node = node.WithItems(append(slices.Clone(node.Items), wrap(spot.rest[1:], value)))
	default:
		node = withOwn(node, append(slices.Clone(node.own()), Entry{Of(spot.rest[0]), wrap(spot.rest[1:], value)}))
	}
	return rebuild(spot.chain, node)
}

// without returns the tree as it has to be after what is at a spot was removed.
func without(spot spot) *Node {
	last := spot.chain[len(spot.chain)-1]
	parent := last.parent
	if parent.Kind == List {
		parent = parent.WithItems(slices.Delete(slices.Clone(parent.Items), last.i, last.i+1))
	} else {
		parent = withOwn(parent, slices.Delete(slices.Clone(parent.own()), last.i, last.i+1))
	}
	return rebuild(spot.chain[:len(spot.chain)-1], parent)
}

// rebuild puts a node in the place that a chain leads to.
func rebuild(chain []link, node *Node) *Node {
	for _, link := range slices.Backward(chain) {
		if link.parent.Kind == List {
			items := slices.Clone(link.parent.Items)
			items[link.i] = node
			node = link.parent.WithItems(items)
			continue
		}
		own := slices.Clone(link.parent.own())
		own[link.i].Value = node
		node = withOwn(link.parent, own)
	}
	return node
}

// withOwn is WithEntries for entries as the text has them; it needs no index.
func withOwn(n *Node, own []Entry) *Node {
	return &Node{Kind: Map, Entries: own, Pos: n.Pos, src: n.src}
}
