package query

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"flow/pkg/document"
	"flow/pkg/values"
)

// literal is a value as it stands in a query.
type literal struct {
	text    string
	number  float64
	numeric bool
}

// bare reads a word without quotes: a number if it is one.
func bare(word string) literal {
	l := literal{text: word}
	if x, err := strconv.ParseFloat(word, 64); err == nil && !strings.HasPrefix(strings.TrimLeft(word, "+-"), "0x") {
		l.number, l.numeric = x, !math.IsNaN(x)
		return l
	}
	for unit, seconds := range map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400} {
		if rest, found := strings.CutSuffix(word, unit); found {
			if x, err := strconv.ParseFloat(rest, 64); err == nil && !math.IsNaN(x) && !math.IsInf(x, 0) {
				l.number, l.numeric = x*seconds, true
			}
		}
	}
	return l
}

// equals compares: numbers as numbers, all else as texts.
func (l literal) equals(value values.Value) truth {
	if x, isNumber := value.Float(); isNumber && l.numeric {
		return truthOf(x == l.number)
	}
	return truthOf(value.Text == l.text)
}

// in reports whether a value contains the text.
func (l literal) in(value values.Value) truth {
	return truthOf(strings.Contains(strings.ToLower(value.Text), strings.ToLower(l.text)))
}

// compare orders a value against the literal. A number and a text have no order.
func (l literal) compare(value values.Value) (order int, comparable bool) {
	x, isNumber := value.Float()
	switch {
	case isNumber && l.numeric:
		return cmp.Compare(x, l.number), !math.IsNaN(x)
	case isNumber, l.numeric, value.Kind != document.String:
		return 0, false
	}
	return strings.Compare(value.Text, l.text), true
}
