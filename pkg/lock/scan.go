package lock

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

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

// scan reads exactly what Encode writes: block mappings indented by two, scalars
// plain or quoted as JSON quotes. At anything else it gives up; YAML's own reader
// then takes over. It is some thirty times faster.
func scan(text []byte) (*node, bool) {
	if !utf8.Valid(text) {
		return nil, false
	}
	root := &node{}
	open := []*node{root} // open[i] is the node that lines of level i belong to
	for number, rest := 1, string(text); rest != ""; number++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		trimmed := strings.TrimLeft(line, " ")
		spaces := len(line) - len(trimmed)
		level := spaces / 2
		if spaces%2 != 0 || level >= len(open) || trimmed == "" {
			return nil, false
		}
		parent := open[level]
		if item, found := strings.CutPrefix(trimmed, "- "); found {
			value, _, ok := scanScalar(item)
			if !ok || len(parent.kids) > 0 {
				return nil, false
			}
			parent.items = append(parent.items, value)
			continue
		}
		n, ok := scanPair(trimmed)
		if !ok || parent.raw != "" || parent.items != nil {
			return nil, false
		}
		n.line, n.col = number, spaces+1
		parent.kids = append(parent.kids, n)
		open = append(open[:level+1], n)
	}
	return root, true
}

// scanPair reads `key:` or `key: value`.
func scanPair(text string) (*node, bool) {
	n := &node{}
	var rest string
	if text[0] == '"' {
		end := closingQuote(text)
		if end < 0 || json.Unmarshal([]byte(text[:end+1]), &n.key) != nil {
			return nil, false
		}
		var found bool
		if rest, found = strings.CutPrefix(text[end+1:], ":"); !found {
			return nil, false
		}
	} else {
		colon := strings.IndexByte(text, ':')
		if colon < 0 || !plain.MatchString(text[:colon]) {
			return nil, false
		}
		n.key, rest = text[:colon], text[colon+1:]
	}
	if rest == "" {
		return n, true
	}
	value, found := strings.CutPrefix(rest, " ")
	if !found {
		return nil, false
	}
	var ok bool
	if n.text, n.raw, ok = scanScalar(value); ok && (value[0] == '[' || value[0] == '{') {
		n.text = ""
		n.items = flowItems(value)
	}
	return n, ok
}

// flowItems returns the items of a list that is written as JSON.
func flowItems(value string) []string {
	var parts []json.RawMessage
	if json.Unmarshal([]byte(value), &parts) != nil {
		return nil
	}
	items := make([]string, len(parts))
	for i, part := range parts {
		if json.Unmarshal(part, &items[i]) != nil {
			items[i] = string(part)
		}
	}
	return items
}

// scanScalar reads a value: its text, and its JSON text.
func scanScalar(value string) (text, raw string, ok bool) {
	if value == "" || value[0] == ' ' || strings.HasSuffix(value, "\r") || strings.HasSuffix(value, " ") {
		return "", "", false
	}
	switch value[0] {
	case '"':
		if closingQuote(value) != len(value)-1 || json.Unmarshal([]byte(value), &text) != nil {
			return "", "", false
		}
		return text, value, true
	case '[':
		return value, value, json.Valid([]byte(value))
	case '{':
		return value, value, value == "{}"
	case '|', '>', '&', '*', '!', '\'', '%', '@', '`', '?', '-', '#':
		number := value[0] == '-' && len(value) > 1 && value[1] != ' '
		return value, value, number
	}
	if strings.Contains(value, " #") || strings.Contains(value, ": ") {
		return "", "", false
	}
	return value, value, true
}

// closingQuote returns where the quoted text at the start of text ends, or -1.
func closingQuote(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
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
