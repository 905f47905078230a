package values

import (
	"math"
	"math/big"
	"slices"

	"flow/pkg/document"
)

// Change is how a value differs between two trees.
type Change struct {
	Key   string
	Old   *Value // nil when the key is new
	New   *Value // nil when the key is gone
	Delta *Value // new - old; nil when that is no number
}

// Diff compares two lists of leaves and returns what changed, sorted by key; with all,
// also what did not. Of two leaves with the same key the last one counts.
func Diff(old, new []Leaf, all bool) []Change {
	was, is := byKey(old), byKey(new)
	keys := make([]string, 0, len(was)+len(is))
	for key := range was {
		keys = append(keys, key)
	}
	for key := range is {
		if was[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var changes []Change
	for _, key := range keys {
		change := Change{Key: key, Old: was[key], New: is[key]}
		if change.Old != nil && change.New != nil {
			if !all && change.Old.Equal(*change.New) {
				continue
			}
			change.Delta = delta(*change.Old, *change.New)
		}
		changes = append(changes, change)
	}
	return changes
}

func byKey(leaves []Leaf) map[string]*Value {
	values := make(map[string]*Value, len(leaves))
	for i := range leaves {
		values[leaves[i].Key] = &leaves[i].Value
	}
	return values
}

// maxExact bounds the integers that are subtracted digit by digit.
const maxExact = 20_000

// delta is Python's new - old: integers are exact, floats are float64, and true is 1.
// Infinity - Infinity is NaN, also where nothing changed.
func delta(old, new Value) *Value {
	a, oldWhole := whole(old)
	b, newWhole := whole(new)
	if oldWhole && newWhole {
		return &Value{Kind: document.Int, Text: b.Sub(b, a).String()}
	}
	x, ok := number(old)
	y, also := number(new)
	if !ok || !also {
		return nil
	}
	difference := floatValue(y - x)
	return &difference
}

// whole returns an integer or a truth value as a number.
func whole(v Value) (*big.Int, bool) {
	switch {
	case v.Kind == document.Bool && v.Text == "true":
		return big.NewInt(1), true
	case v.Kind == document.Bool:
		return new(big.Int), true
	case v.Kind != document.Int || len(v.Text) > maxExact:
		return nil, false
	}
	return new(big.Int).SetString(v.Text, 10)
}

// number returns what takes part in float arithmetic: not integers that no float64 is
// near to.
func number(v Value) (float64, bool) {
	if v.Kind == document.Bool {
		if v.Text == "true" {
			return 1, true
		}
		return 0, true
	}
	x, ok := v.Float()
	return x, ok && (v.Kind != document.Int || !math.IsInf(x, 0))
}
