package document

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Fields is a mapping that keeps the order of its keys.
type Fields []Field

// Field is a key with its value.
type Field struct {
	Key   string
	Value any
}

// Of returns a Node without a place. The value is nil, a bool, a number, a string, a
// []string, a []any, a map[string]string or map[string]any (sorted by key), Fields, a
// *Node, or a slice of Fields or *Node. Of all else it is the text that fmt prints.
func Of(value any) *Node {
	switch v := value.(type) {
	case nil:
		return &Node{Kind: Null, Text: "null"}
	case *Node:
		if v == nil {
			return Of(nil)
		}
		return v
	case string:
		return &Node{Kind: String, Quoted: true, Text: v}
	case bool:
		return &Node{Kind: Bool, Text: strconv.FormatBool(v)}
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return &Node{Kind: Int, Text: fmt.Sprint(v)}
	case float32:
		return &Node{Kind: Float, Text: floatText(float64(v), 32)}
	case float64:
		return &Node{Kind: Float, Text: floatText(v, 64)}
	}
	return ofMany(value)
}

func ofMany(value any) *Node {
	switch v := value.(type) {
	case []string:
		return listOf(v)
	case []any:
		return listOf(v)
	case []Fields:
		return listOf(v)
	case []*Node:
		return listOf(v)
	case Fields:
		entries := make([]Entry, len(v))
		for i, field := range v {
			entries[i] = Entry{Of(field.Key), Of(field.Value)}
		}
		return (&Node{}).WithEntries(entries)
	case map[string]string:
		return mapOf(v)
	case map[string]any:
		return mapOf(v)
	}
	return Of(fmt.Sprint(value))
}

func listOf[T any](values []T) *Node {
	items := make([]*Node, len(values))
	for i, value := range values {
		items[i] = Of(value)
	}
	return &Node{Kind: List, Items: items}
}

func mapOf[T any](values map[string]T) *Node {
	fields := make(Fields, 0, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fields = append(fields, Field{key, values[key]})
	}
	return Of(fields)
}

// floatText returns the shortest text that YAML reads as this number, and not as an
// integer.
func floatText(x float64, bits int) string {
	switch {
	case math.IsNaN(x):
		return ".nan"
	case math.IsInf(x, 1):
		return ".inf"
	case math.IsInf(x, -1):
		return "-.inf"
	}
	text := strconv.FormatFloat(x, 'g', -1, bits)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// same tells whether two values are the same as the text has them: of aliases only the
// names are compared, and << is a key.
func same(a, b *Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.alias() != b.alias() || a.Kind != b.Kind {
		return false
	}
	if a.alias() != "" {
		return true
	}
	switch a.Kind {
	case Null:
		return true
	case List:
		return slices.EqualFunc(a.Items, b.Items, same)
	case Map:
		return slices.EqualFunc(a.own(), b.own(), func(x, y Entry) bool {
			return x.Key.Text == y.Key.Text && same(x.Value, y.Value)
		})
	}
	return a.Text == b.Text
}
