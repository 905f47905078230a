package values

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// jsonReader reads JSON as Python's json does: NaN, Infinity and -Infinity are
// numbers, integers have any length, and of two equal keys the last one holds.
type jsonReader struct {
	*source
	at int
}

func readJSON(src *source) (*node, *diag.Error) {
	r := &jsonReader{source: src}
	r.space()
	if r.at == len(r.text) {
		return nil, r.fail(r.at, 1, "the file is empty, which is no JSON").WithHint("write {} for no values")
	}
	root, problem := r.value(1)
	if problem != nil {
		return nil, problem
	}
	r.space()
	if r.at < len(r.text) {
		return nil, r.fail(r.at, 1, "%s after the end of the JSON value", r.found())
	}
	return root, nil
}

func (r *jsonReader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

// peek returns the next byte, 0 at the end.
func (r *jsonReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// found names what stands at the next place, for messages.
func (r *jsonReader) found() string {
	if r.at >= len(r.text) {
		return "the end of the file"
	}
	char, _ := utf8.DecodeRuneInString(r.text[r.at:])
	return strconv.QuoteRune(char)
}

var jsonWords = []struct {
	word string
	Value
}{
	{"null", Value{document.Null, "null"}},
	{"true", Value{document.Bool, "true"}},
	{"false", Value{document.Bool, "false"}},
	{"NaN", Value{document.Float, "NaN"}},
	{"Infinity", Value{document.Float, "Infinity"}},
	{"-Infinity", Value{document.Float, "-Infinity"}},
}

func (r *jsonReader) value(depth int) (*node, *diag.Error) {
	if problem := r.bound(depth, r.at); problem != nil {
		return nil, problem
	}
	start := r.at
	switch c := r.peek(); {
	case c == '{':
		return r.mapping(depth)
	case c == '[':
		return r.list(depth)
	case c == '"':
		text, problem := r.quoted()
		if problem != nil {
			return nil, problem
		}
		return r.node(document.String, text, start), nil
	}
	for _, known := range jsonWords {
		if strings.HasPrefix(r.text[r.at:], known.word) {
			r.at += len(known.word)
			return r.scalar(known.Value, start), nil
		}
	}
	return r.number()
}

func (r *jsonReader) mapping(depth int) (*node, *diag.Error) {
	n := r.node(document.Map, "", r.at)
	r.at++
	for r.space(); r.peek() != '}'; r.space() {
		if r.peek() != '"' {
			return nil, r.noKey()
		}
		key, problem := r.quoted()
		if problem != nil {
			return nil, problem
		}
		r.space()
		if r.peek() != ':' {
			return nil, r.fail(r.at, 1, "expected ':' after the key %.80q, found %s", key, r.found())
		}
		r.at++
		r.space()
		kid, problem := r.value(depth + 1)
		if problem != nil {
			return nil, problem
		}
		n.put(key, kid)
		if problem := r.comma('}'); problem != nil {
			return nil, problem
		}
	}
	r.at++
	return n, nil
}

func (r *jsonReader) noKey() *diag.Error {
	problem := r.fail(r.at, 1, "expected a key in double quotes, found %s", r.found())
	switch r.peek() {
	case '/', '#':
		return problem.WithHint("JSON has no comments")
	case '\'':
		return problem.WithHint("JSON has double quotes only")
	}
	return problem
}

func (r *jsonReader) list(depth int) (*node, *diag.Error) {
	n := r.node(document.List, "", r.at)
	r.at++
	for r.space(); r.peek() != ']'; r.space() {
		kid, problem := r.value(depth + 1)
		if problem != nil {
			return nil, problem
		}
		n.kids = append(n.kids, kid)
		if problem := r.comma(']'); problem != nil {
			return nil, problem
		}
	}
	r.at++
	return n, nil
}

// comma goes past the comma between two items, or up to the closing bracket.
func (r *jsonReader) comma(closing byte) *diag.Error {
	r.space()
	if r.peek() == closing {
		return nil
	}
	if r.peek() != ',' {
		return r.fail(r.at, 1, "expected ',' or '%c', found %s", closing, r.found())
	}
	comma := r.at
	r.at++
	r.space()
	if r.peek() == closing {
		return r.fail(comma, 1, "a comma before '%c'", closing).WithHint("JSON has no comma after the last item")
	}
	return nil
}

// number reads by JSON's grammar: no plus, no zeros in front, digits around the dot.
func (r *jsonReader) number() (*node, *diag.Error) {
	start := r.at
	if r.peek() == '-' {
		r.at++
	}
	first := r.at
	if r.digits() == 0 {
		r.at = start
		return nil, r.noValue()
	}
	if r.text[first] == '0' && r.at > first+1 {
		return nil, r.fail(first, r.at-first, "a number with zeros in front")
	}
	whole := true
	if r.peek() == '.' {
		whole = false
		r.at++
		if r.digits() == 0 {
			return nil, r.fail(r.at, 1, "expected a digit after the dot, found %s", r.found())
		}
	}
	if r.peek() == 'e' || r.peek() == 'E' {
		whole = false
		r.at++
		if r.peek() == '+' || r.peek() == '-' {
			r.at++
		}
		if r.digits() == 0 {
			return nil, r.fail(r.at, 1, "expected a digit in the exponent, found %s", r.found())
		}
	}
	text := r.text[start:r.at]
	if whole {
		value, _ := parseInt(text)
		return r.scalar(value, start), nil
	}
	return r.scalar(parseFloat(text), start), nil
}

func (r *jsonReader) digits() int {
	start := r.at
	for r.peek() >= '0' && r.peek() <= '9' {
		r.at++
	}
	return r.at - start
}

func (r *jsonReader) noValue() *diag.Error {
	rest := r.text[r.at:]
	word := rest
	if end := strings.IndexFunc(rest, func(c rune) bool { return c|0x20 < 'a' || c|0x20 > 'z' }); end >= 0 {
		word = rest[:end]
	}
	if word == "" || len(word) > 80 {
		return r.fail(r.at, 1, "expected a value, found %s", r.found())
	}
	problem := r.fail(r.at, len(word), "expected a value, found %s", word)
	for python, hint := range map[string]string{"True": "true", "False": "false", "None": "null", "nan": "NaN", "inf": "Infinity"} {
		if word == python {
			return problem.WithHint("did you mean %s?", hint)
		}
	}
	return problem.WithHint("a text needs double quotes")
}

// quoted reads a string. Half a surrogate pair becomes U+FFFD.
func (r *jsonReader) quoted() (string, *diag.Error) {
	start := r.at
	var out []byte
	for r.at++; ; {
		plain := r.at
		for r.at < len(r.text) && r.text[r.at] >= ' ' && r.text[r.at] != '"' && r.text[r.at] != '\\' {
			r.at++
		}
		out = append(out, r.text[plain:r.at]...)
		switch {
		case r.at == len(r.text) || r.text[r.at] == '\n':
			return "", r.fail(start, 1, "a text without a closing quote")
		case r.text[r.at] == '"':
			r.at++
			return string(out), nil
		case r.text[r.at] != '\\':
			return "", r.fail(r.at, 1, "a control character %s in a text", r.found())
		}
		char, problem := r.escape()
		if problem != nil {
			return "", problem
		}
		out = utf8.AppendRune(out, char)
	}
}

func (r *jsonReader) escape() (rune, *diag.Error) {
	r.at++
	const letters, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(letters, r.peek()); i >= 0 {
		r.at++
		return rune(meant[i]), nil
	}
	char, ok := r.hex4(r.at)
	if !ok {
		return 0, r.fail(r.at-1, 2, "an unknown escape in a text").WithHint(`a backslash itself is written \\`)
	}
	r.at += 5
	if utf16.IsSurrogate(char) {
		if low, ok := r.hex4(r.at + 1); ok && r.text[r.at] == '\\' {
			if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
				r.at += 6
				return pair, nil
			}
		}
		return utf8.RuneError, nil
	}
	return char, nil
}

// hex4 reads u and four hex digits.
func (r *jsonReader) hex4(at int) (rune, bool) {
	if at+5 > len(r.text) || r.text[at] != 'u' {
		return 0, false
	}
	number, err := strconv.ParseUint(r.text[at+1:at+5], 16, 32)
	return rune(number), err == nil
}
