package runs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"flow/pkg/document"
	"flow/pkg/values"
)

// Values is params or metrics by file and dotted key. Their JSON takes NaN and the
// infinities as texts, so that every reader can read it; a text that reads like one
// of them comes back as the number.
type Values map[string]map[string]values.Value

// UnmarshalJSON reads what json.Marshal wrote.
func (v *Values) UnmarshalJSON(text []byte) error {
	var raw map[string]map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*v = Values{}
	for file, keys := range raw {
		(*v)[file] = map[string]values.Value{}
		for key, one := range keys {
			value, err := values.ParseJSONText(string(one))
			if err != nil {
				return fmt.Errorf("%s: %s: %w", file, key, err)
			}
			if value.Kind == document.String && (value.Text == "NaN" || value.Text == "Infinity" || value.Text == "-Infinity") {
				value.Kind = document.Float
			}
			(*v)[file][key] = value
		}
	}
	return nil
}

// Add adds the leaves of a file.
func (v Values) Add(file string, leaves []values.Leaf) {
	if v[file] == nil {
		v[file] = map[string]values.Value{}
	}
	for _, leaf := range leaves {
		v[file][leaf.Key] = leaf.Value
	}
}

// Leaves returns the values of a file, sorted by key.
func (v Values) Leaves(file string) []values.Leaf {
	var leaves []values.Leaf
	for _, key := range slices.Sorted(maps.Keys(v[file])) {
		leaves = append(leaves, values.Leaf{Key: key, Value: v[file][key]})
	}
	return leaves
}

// Files returns the files, sorted.
func (v Values) Files() []string { return slices.Sorted(maps.Keys(v)) }

// Flat returns all values under one key each, sorted: the dotted key, behind its file
// and a colon where several files have it.
func (v Values) Flat() []values.Leaf {
	count := map[string]int{}
	for _, keys := range v {
		for key := range keys {
			count[key]++
		}
	}
	var leaves []values.Leaf
	for _, file := range v.Files() {
		for _, leaf := range v.Leaves(file) {
			if count[leaf.Key] > 1 {
				leaf.Key = file + ":" + leaf.Key
			}
			leaves = append(leaves, leaf)
		}
	}
	slices.SortFunc(leaves, func(a, b values.Leaf) int {
		switch {
		case a.Key < b.Key:
			return -1
		case a.Key > b.Key:
			return 1
		}
		return 0
	})
	return leaves
}
