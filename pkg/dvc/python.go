package dvc

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"flow/pkg/document"
)

// appendPython appends a text as Python's json.dumps writes it: with all that is not
// ASCII escaped. Bytes that are no UTF-8 are the lone surrogates that Python reads file
// names with.
func appendPython(out []byte, text string) []byte {
	out = append(out, '"')
	for i, r := range text {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r >= ' ' && r < 0x7f:
			out = append(out, byte(r))
		case r == '\ufffd' && !strings.HasPrefix(text[i:], "\ufffd"):
			out = appendEscape(out, 0xdc00+rune(text[i]))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = appendEscape(appendEscape(out, high), low)
		default:
			out = appendEscape(out, r)
		}
	}
	return append(out, '"')
}

func appendEscape(out []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(out, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// appendValue appends a value as json.dumps does with its keys sorted.
func appendValue(out []byte, node *document.Node) []byte {
	switch node.Kind {
	case document.Null:
		return append(out, "null"...)
	case document.Bool:
		return append(out, strings.ToLower(node.Text)...)
	case document.Int:
		if i, ok := node.Int(); ok {
			return strconv.AppendInt(out, i, 10)
		}
		return append(out, node.Text...)
	case document.Float:
		f, _ := node.Float()
		return append(out, pythonFloat(f)...)
	case document.String:
		return appendPython(out, node.Text)
	case document.List:
		out = append(out, '[')
		for i, item := range node.Items {
			out = appendValue(separate(out, i), item)
		}
		return append(out, ']')
	}
	values := map[string]*document.Node{}
	for _, entry := range node.Entries {
		values[entry.Key.Text] = entry.Value
	}
	out = append(out, '{')
	for i, key := range slices.Sorted(maps.Keys(values)) {
		out = append(appendPython(separate(out, i), key), ": "...)
		out = appendValue(out, values[key])
	}
	return append(out, '}')
}

func separate(out []byte, i int) []byte {
	if i > 0 {
		return append(out, ", "...)
	}
	return out
}

// pythonFloat is repr: the shortest digits that give the same number, with an exponent
// below 1e-4 and from 1e16 on.
func pythonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// runKey returns the name under which DVC keeps a run that is recorded so: the digest
// of its command, deps, params and the paths of its outs.
func runKey(entry *document.Node) string {
	var kept []document.Entry
	for _, field := range entry.Entries {
		value := filtered(field.Value)
		if field.Key.Text == "outs" {
			var paths []*document.Node
			for _, out := range field.Value.Items {
				if name := out.Get("path"); name != nil {
					paths = append(paths, name)
				}
			}
			value = field.Value.WithItems(paths)
		}
		kept = append(kept, document.Entry{Key: field.Key, Value: value})
	}
	return shaOf(entry.WithEntries(kept))
}

func shaOf(node *document.Node) string {
	sum := sha256.Sum256(appendValue(nil, node))
	return hex.EncodeToString(sum[:])
}

// filtered returns a value without what DVC leaves out of keys: sizes and counts.
func filtered(node *document.Node) *document.Node {
	switch node.Kind {
	case document.List:
		items := make([]*document.Node, len(node.Items))
		for i, item := range node.Items {
			items[i] = filtered(item)
		}
		return node.WithItems(items)
	case document.Map:
		var kept []document.Entry
		for _, entry := range node.Entries {
			if entry.Key.Text != "size" && entry.Key.Text != "nfiles" {
				kept = append(kept, document.Entry{Key: entry.Key, Value: filtered(entry.Value)})
			}
		}
		return node.WithEntries(kept)
	}
	return node
}
