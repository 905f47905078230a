package values

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"flow/pkg/document"
)

// maxPrecision is as many digits behind the dot as any float64 needs to be told from
// all others.
const maxPrecision = 345

// Missing is what stands for a value that is not there.
const Missing = "-"

// Format returns a value for a cell of a table. Floats are rounded to precision digits
// behind the dot, as Python's round does, and written in their shortest form; one
// that would become 0 keeps precision significant digits instead. A negative
// precision rounds nothing. A string that a terminal would not show as it is, or that
// looks like Missing, is quoted.
func Format(v Value, precision int) string {
	switch v.Kind {
	case document.Float:
		if x, ok := v.Float(); ok && precision >= 0 {
			return floatText(round(x, precision))
		}
	case document.String:
		if v.Text == Missing || strings.IndexFunc(v.Text, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			return v.Encode()
		}
	}
	return v.Text
}

func round(x float64, precision int) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', min(precision, maxPrecision), 64), 64)
	if rounded == 0 {
		digits := min(max(precision, 1), 17)
		rounded, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'e', digits-1, 64), 64)
	}
	return rounded
}

// FormatChange returns the cells of a change. Where old and new differ they also look
// different: they get as many digits as that takes, and quotes if one is a string.
func FormatChange(c Change, precision int) (old, new, delta string) {
	delta = Missing
	if c.Delta != nil {
		delta = Format(*c.Delta, precision)
	}
	switch {
	case c.Old == nil && c.New == nil:
		return Missing, Missing, delta
	case c.Old == nil:
		return Missing, Format(*c.New, precision), delta
	case c.New == nil:
		return Format(*c.Old, precision), Missing, delta
	}
	old, new = Format(*c.Old, precision), Format(*c.New, precision)
	if c.Old.Equal(*c.New) {
		return old, new, delta
	}
	numbers := class(c.Old.Kind) == document.Int && class(c.New.Kind) == document.Int
	for digits := precision; numbers && old == new && digits >= 0 && digits < maxPrecision; {
		digits++
		old, new = Format(*c.Old, digits), Format(*c.New, digits)
	}
	if old == new {
		old, new = c.Old.Encode(), c.New.Encode()
	}
	return old, new, delta
}
