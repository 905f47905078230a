package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"flow/pkg/ui"
	"flow/pkg/values"
)

func trimEnd(text string) string { return strings.TrimRight(text, "\n") }

// showJSON has the shape of DVC's: revision → data → file → data → values.
func showJSON(all []shown) object {
	var told object
	for _, one := range all {
		var files object
		for _, file := range one.files {
			if file.Err != nil {
				files = append(files, member{file.Path, object{{"error", errorJSON(file.Err)}}})
				continue
			}
			files = append(files, member{file.Path, object{{"data", leavesJSON(file.Leaves)}}})
		}
		told = append(told, member{one.name, object{{"data", files}}})
	}
	return told
}

func errorJSON(err error) any { return ui.Problems(err) }

// leavesJSON nests leaves again by their dotted keys.
func leavesJSON(leaves []values.Leaf) object {
	var root object
	for _, leaf := range leaves {
		root = root.put(keyParts(leaf.Key), leaf.Value)
	}
	return root
}

// keyParts takes a dotted key apart; a part in quotes keeps its dots.
func keyParts(key string) []string {
	if !strings.HasPrefix(key, `"`) {
		return strings.Split(key, ".")
	}
	var parts []string
	for key != "" {
		decoder := json.NewDecoder(strings.NewReader(key))
		var part string
		if decoder.Decode(&part) != nil {
			return append(parts, key)
		}
		parts = append(parts, part)
		key = strings.TrimPrefix(key[decoder.InputOffset():], ".")
	}
	return parts
}

// object is a JSON object that keeps its order.
type object []member

type member struct {
	key   string
	value any
}

func (o object) put(path []string, value any) object {
	i := slices.IndexFunc(o, func(m member) bool { return m.key == path[0] })
	if len(path) == 1 {
		return append(o, member{path[0], value})
	}
	if i < 0 {
		return append(o, member{path[0], object{}.put(path[1:], value)})
	}
	if below, isObject := o[i].value.(object); isObject {
		o[i].value = below.put(path[1:], value)
	}
	return o
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, part := range []any{m.key, m.value} {
			text, err := marshal(part)
			if err != nil {
				return nil, err
			}
			b.Write(text)
			if j == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
