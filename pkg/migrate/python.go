package migrate

import (
	"encoding/json"
	"math/big"
	"strings"
)

// pythonEqual compares values, each as JSON text, as Python's == does: 1 is 1.0 and
// true is 1.
func pythonEqual(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key, text := range a {
		other, found := b[key]
		if !found || text != other && !equalJSON(text, other) {
			return false
		}
	}
	return true
}

func equalJSON(a, b string) bool {
	x, okX := decode(a)
	y, okY := decode(b)
	return okX && okY && equalValues(x, y)
}

func decode(text string) (any, bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err == nil
}

func equalValues(x, y any) bool {
	if a, b := number(x), number(y); a != nil && b != nil {
		return a.Cmp(b) == 0
	}
	switch x := x.(type) {
	case []any:
		y, same := y.([]any)
		if !same || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equalValues(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, same := y.(map[string]any)
		if !same || len(x) != len(y) {
			return false
		}
		for key, value := range x {
			other, found := y[key]
			if !found || !equalValues(value, other) {
				return false
			}
		}
		return true
	}
	return x == y
}

// number returns what is a number for Python; nil for all else.
func number(value any) *big.Float {
	switch v := value.(type) {
	case bool:
		if v {
			return big.NewFloat(1)
		}
		return big.NewFloat(0)
	case json.Number:
		f, _, err := big.ParseFloat(v.String(), 10, 256, big.ToNearestEven)
		if err == nil {
			return f
		}
	}
	return nil
}
