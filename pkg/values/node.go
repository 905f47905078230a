package values

import (
	"cmp"
	"slices"
	"strings"

	"flow/pkg/document"
)

// node is a value with its place, and what is below it.
type node struct {
	kind  document.Kind
	text  string // of a scalar, canonical
	set   bool   // a list whose order means nothing
	line  int
	col   int
	keys  []string // of a mapping, in file order
	kids  []*node  // the items of a list, or the values behind keys
	index map[string]int
}

// indexFrom is the size from which a mapping looks up its keys in a Go map.
const indexFrom = 12

// find returns which kid is behind a key, or -1.
func (n *node) find(key string) int {
	if n.kind != document.Map {
		return -1
	}
	if n.index != nil {
		if i, found := n.index[key]; found {
			return i
		}
		return -1
	}
	return slices.Index(n.keys, key)
}

// put sets the value behind a key; a key that was there keeps its rank.
func (n *node) put(key string, kid *node) {
	if i := n.find(key); i >= 0 {
		n.kids[i] = kid
		return
	}
	n.keys, n.kids = append(n.keys, key), append(n.kids, kid)
	switch {
	case n.index != nil:
		n.index[key] = len(n.keys) - 1
	case len(n.keys) == indexFrom:
		n.index = make(map[string]int, 2*indexFrom)
		for i, key := range n.keys {
			n.index[key] = i
		}
	}
}

// leaf returns the whole node as one value.
func (n *node) leaf() Value {
	if n.kind == document.List || n.kind == document.Map {
		return Value{Kind: n.kind, Text: string(n.appendJSON(nil, canonical))}
	}
	return Value{Kind: n.kind, Text: n.text}
}

// style is a way to write JSON.
type style bool

const (
	canonical  style = true  // mappings and sets sorted, NaN and infinities bare
	forReaders style = false // file order, NaN and infinities as strings
)

func (n *node) appendJSON(out []byte, style style) []byte {
	switch n.kind {
	case document.String:
		return appendQuoted(out, n.text)
	case document.Float:
		if style == forReaders {
			return appendFloat(out, n.text)
		}
	case document.List:
		if n.set && style == canonical {
			return n.appendSet(out)
		}
		out = append(out, '[')
		for i, item := range n.kids {
			out = item.appendJSON(separate(out, i), style)
		}
		return append(out, ']')
	case document.Map:
		out = append(out, '{')
		for rank, i := range n.order(style) {
			out = append(appendQuoted(separate(out, rank), n.keys[i]), ':')
			out = n.kids[i].appendJSON(out, style)
		}
		return append(out, '}')
	}
	return append(out, n.text...)
}

func separate(out []byte, rank int) []byte {
	if rank > 0 {
		out = append(out, ',')
	}
	return out
}

// order returns the ranks of a mapping's keys as they are to be written.
func (n *node) order(style style) []int {
	ranks := make([]int, len(n.keys))
	for i := range ranks {
		ranks[i] = i
	}
	if style == canonical {
		slices.SortFunc(ranks, func(i, j int) int { return cmp.Compare(n.keys[i], n.keys[j]) })
	}
	return ranks
}

// appendSet writes each item once, sorted by its text.
func (n *node) appendSet(out []byte) []byte {
	items := make([]string, len(n.kids))
	for i, item := range n.kids {
		items[i] = string(item.appendJSON(nil, canonical))
	}
	slices.Sort(items)
	out = append(out, '[')
	out = append(out, strings.Join(slices.Compact(items), ",")...)
	return append(out, ']')
}

// appendFloat writes a number, or a string where JSON has no number for it.
func appendFloat(out []byte, text string) []byte {
	if text == "NaN" || strings.HasSuffix(text, "Infinity") {
		return appendQuoted(out, text)
	}
	return append(out, text...)
}

// appendQuoted writes a string so that both JSON and YAML read it: whatever YAML does
// not allow or folds is escaped.
func appendQuoted(out []byte, text string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r < ' ', r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
			out = append(out, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			out = append(out, string(r)...)
		}
	}
	return append(out, '"')
}
