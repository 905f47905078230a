package lock

import (
	"strings"

	"flow/pkg/document"
)

// node is a key with a scalar, with items, or with keys below it.
type node struct {
	key       string
	text      string // of a scalar, quotes undone
	raw       string // of a scalar or flow list, as JSON text
	items     []string
	kids      []*node
	line, col int
}

func (n *node) words() []string {
	if n.items != nil || n.raw == "" {
		return n.items
	}
	return []string{n.text}
}

func (n *node) texts() map[string]string {
	texts := make(map[string]string, len(n.kids))
	for _, kid := range n.kids {
		texts[kid.key] = kid.text
	}
	return texts
}

func (n *node) raws() map[string]string {
	raws := make(map[string]string, len(n.kids))
	for _, kid := range n.kids {
		raws[kid.key] = kid.raw
	}
	return raws
}

// parse reads the text as YAML into the same nodes.
func parse(name string, text []byte) (*node, error) {
	doc, err := document.Parse(name, text)
	if err != nil {
		return nil, err
	}
	root := &node{}
	if doc.Root != nil {
		convert(doc.Root, root)
	}
	return root, nil
}

func convert(from *document.Node, to *node) {
	switch from.Kind {
	case document.Map:
		for _, entry := range from.Entries {
			kid := &node{key: entry.Key.Text, line: entry.Key.Pos.Line, col: entry.Key.Pos.Col}
			convert(entry.Value, kid)
			to.kids = append(to.kids, kid)
		}
		if len(from.Entries) == 0 {
			to.raw = "{}"
		}
	case document.List:
		to.items = []string{}
		for _, item := range from.Items {
			to.items = append(to.items, item.Text)
		}
		to.raw = rawJSON(from)
	case document.Null:
		if from.Text != "" {
			to.text, to.raw = from.Text, "null"
		}
	default:
		to.text, to.raw = from.Text, rawJSON(from)
	}
}

// rawJSON writes a node as compact JSON, scalars that are not texts as they stand.
func rawJSON(n *document.Node) string {
	switch {
	case n.Kind == document.List:
		parts := make([]string, len(n.Items))
		for i, item := range n.Items {
			parts[i] = rawJSON(item)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case n.Kind == document.Map:
		parts := make([]string, len(n.Entries))
		for i, entry := range n.Entries {
			parts[i] = jsonText(entry.Key.Text) + ":" + rawJSON(entry.Value)
		}
		return "{" + strings.Join(parts, ",") + "}"
	case n.Kind == document.String && n.Quoted:
		return jsonText(n.Text)
	}
	return n.Text
}
