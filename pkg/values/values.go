// Package values reads trees of scalars and compares them: params and metrics.
//
// A file of any format becomes a Tree. Its leaves are Values, each with a text
// that is the same for every way to write the same thing, so that comparing
// two values is comparing two texts.
package values

import (
	"math"
	"strconv"
	"unicode/utf8"

	"flow/pkg/document"
)

// Value is a scalar, or a list as one value, or an empty mapping.
//
// Text is canonical. Numbers: 1.0 is 1, 1e-4 is 0.0001, integers have all their
// digits, and what is no number or beyond all numbers is NaN, Infinity or
// -Infinity, as Python writes it. Booleans are true and false, strings stand
// without quotes, lists are compact JSON with their mappings sorted by key.
type Value struct {
	Kind document.Kind
	Text string
}

// Equal reports whether two values are the same: 1.0 is 1 and NaN is NaN, but
// true is not 1 and "1" is not 1.
func (v Value) Equal(other Value) bool {
	return class(v.Kind) == class(other.Kind) && v.Text == other.Text
}

// class puts both kinds of numbers into one.
func class(kind document.Kind) document.Kind {
	if kind == document.Float {
		return document.Int
	}
	return kind
}

// String returns the text as people read it.
func (v Value) String() string { return v.Text }

// Encode returns the value on one line, so that ParseJSONText reads it back: JSON,
// but for NaN, Infinity and -Infinity, which stand bare as Python writes them. YAML
// reads it too, these three as strings.
func (v Value) Encode() string {
	if v.Kind == document.String {
		return string(appendQuoted(nil, v.Text))
	}
	return v.Text
}

// JSON returns the value as JSON that every reader takes: NaN and the infinities
// are strings.
func (v Value) JSON() []byte {
	switch v.Kind {
	case document.Null: // also the zero Value
		return []byte("null")
	case document.Bool, document.Int:
		return []byte(v.Text)
	case document.Float:
		return appendFloat(nil, v.Text)
	case document.List, document.Map:
		if n, problem := readJSON(newSource("", v.Text)); problem == nil {
			return n.appendJSON(nil, forReaders)
		}
	}
	return appendQuoted(nil, v.Text)
}

// MarshalJSON returns what JSON does.
func (v Value) MarshalJSON() ([]byte, error) { return v.JSON(), nil }

// Float returns the number nearest to the value, an infinity where there is none
// near; false when the value is no number.
func (v Value) Float() (float64, bool) {
	switch {
	case class(v.Kind) != document.Int:
		return 0, false
	case v.Text == "NaN":
		return math.NaN(), true
	}
	x, err := strconv.ParseFloat(v.Text, 64)
	return x, err == nil || math.IsInf(x, 0)
}

// ParseJSONText reads what Encode wrote.
func ParseJSONText(text string) (Value, error) {
	src := newSource("", text)
	if !utf8.ValidString(text) {
		return Value{}, src.fail(0, 1, "the value is not UTF-8")
	}
	n, problem := readJSON(src)
	if problem != nil {
		return Value{}, problem
	}
	return n.leaf(), nil
}
