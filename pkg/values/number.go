package values

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"flow/pkg/document"
)

// maxRadixDigits bounds integers in bases other than ten: to turn them into
// decimals takes more than linear time.
const maxRadixDigits = 4096

// floatValue is a number as float64 holds it.
func floatValue(x float64) Value { return Value{Kind: document.Float, Text: floatText(x)} }

// floatText writes the shortest decimal that reads back as x. A whole number below
// 1e21 has exactly its digits, as the integer of the same size does.
func floatText(x float64) string {
	size := math.Abs(x)
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	case x == 0:
		return "0"
	case size < 1e-6 || size >= 1e21:
		text := strconv.FormatFloat(x, 'e', -1, 64)
		if digits := len(text); text[digits-4:digits-1] == "e-0" {
			text = text[:digits-2] + text[digits-1:]
		}
		return text
	case x == math.Trunc(x):
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// parseFloat reads a decimal whose syntax was checked; beyond all numbers is an
// infinity, as in Python.
func parseFloat(text string) Value {
	x, _ := strconv.ParseFloat(text, 64)
	return floatValue(x)
}

// parseInt reads an integer of any length: a sign, 0x, 0o or 0b, and digits, zeros in
// front allowed.
func parseInt(text string) (Value, bool) {
	digits := strings.TrimLeft(text, "+-")
	negative := strings.HasPrefix(text, "-")
	if len(text)-len(digits) > 1 || digits == "" {
		return Value{}, false
	}
	if len(digits) > 2 && digits[0] == '0' && strings.ContainsRune("xXoObB", rune(digits[1])) {
		base := map[byte]int{'x': 16, 'o': 8, 'b': 2}[digits[1]|0x20]
		number, ok := new(big.Int).SetString(digits[2:min(len(digits), maxRadixDigits+2)], base)
		if !ok || len(digits) > maxRadixDigits+2 {
			return Value{}, false
		}
		digits = number.String()
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return Value{}, false
		}
	}
	digits = strings.TrimLeft(digits[:len(digits)-1], "0") + digits[len(digits)-1:]
	if negative && digits != "0" {
		digits = "-" + digits
	}
	return Value{Kind: document.Int, Text: digits}, true
}
