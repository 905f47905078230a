package values

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// pyParser reads a constant from the words of a statement. Its methods return nil for
// what is no constant.
type pyParser struct {
	*pyReader
	tokens []pyToken
	depth  int
}

// peek returns the next word, "" at the end.
func (p *pyParser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.word(p.tokens[0])
}

// take goes past a word if it is the next.
func (p *pyParser) take(word string) bool {
	if p.peek() != word {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

// tuple reads a value, or several with commas between them and no brackets.
func (p *pyParser) tuple() (*node, *diag.Error) {
	first, problem := p.value()
	if first == nil || p.peek() != "," {
		return first, problem
	}
	list := &node{kind: document.List, line: first.line, col: first.col, kids: []*node{first}}
	for p.take(",") && len(p.tokens) > 0 {
		item, problem := p.value()
		if item == nil {
			return nil, problem
		}
		list.kids = append(list.kids, item)
	}
	return list, nil
}

func (p *pyParser) value() (*node, *diag.Error) {
	if len(p.tokens) == 0 {
		return nil, nil
	}
	token := p.tokens[0]
	if problem := p.bound(p.depth, int(token.start)); problem != nil {
		return nil, problem
	}
	word := p.word(token)
	switch {
	case token.kind == pyText:
		return p.text(), nil
	case token.kind == pyNumber, word == "-", word == "+":
		return p.number()
	case word == "(" || word == "[":
		return p.list(int(token.start))
	case word == "{":
		return p.braces(int(token.start))
	}
	for _, known := range []struct{ python, text string }{{"True", "true"}, {"False", "false"}, {"None", "null"}} {
		if word == known.python {
			p.tokens = p.tokens[1:]
			kind := document.Bool
			if known.text == "null" {
				kind = document.Null
			}
			return p.node(kind, known.text, int(token.start)), nil
		}
	}
	return nil, nil
}

// list reads a list, a tuple, or a value in parentheses.
func (p *pyParser) list(start int) (*node, *diag.Error) {
	list := p.node(document.List, "", start)
	round := p.take("(")
	closing := ")"
	if !round {
		p.take("[")
		closing = "]"
	}
	p.depth++
	comma := true
	for !p.take(closing) {
		if !comma {
			return nil, nil
		}
		item, problem := p.value()
		if item == nil {
			return nil, problem
		}
		list.kids = append(list.kids, item)
		comma = p.take(",")
	}
	p.depth--
	if round && len(list.kids) == 1 && !comma {
		return list.kids[0], nil
	}
	return list, nil
}

// braces reads a dict or a set.
func (p *pyParser) braces(start int) (*node, *diag.Error) {
	p.take("{")
	p.depth++
	dict := p.node(document.Map, "", start)
	set := &node{kind: document.List, set: true, line: dict.line, col: dict.col}
	comma := true
	for !p.take("}") {
		if !comma {
			return nil, nil
		}
		key, problem := p.value()
		if key == nil {
			return nil, problem
		}
		if p.take(":") {
			item, problem := p.value()
			if item == nil {
				return nil, problem
			}
			dict.put(key.leaf().Text, item)
		} else {
			set.kids = append(set.kids, key)
		}
		comma = p.take(",")
	}
	p.depth--
	switch {
	case len(set.kids) == 0:
		return dict, nil
	case len(dict.kids) == 0:
		return set, nil
	}
	return nil, nil
}

// number reads a number with its signs.
func (p *pyParser) number() (*node, *diag.Error) {
	start := int(p.tokens[0].start)
	negative := false
	for {
		switch {
		case p.take("-"):
			negative = !negative
			continue
		case p.take("+"):
			continue
		}
		break
	}
	if len(p.tokens) == 0 || p.tokens[0].kind != pyNumber {
		return nil, nil
	}
	token := p.tokens[0]
	text, ok := joinDigits(strings.ToLower(p.word(token)))
	p.tokens = p.tokens[1:]
	if !ok {
		return nil, nil
	}
	sign := ""
	if negative {
		sign = "-"
	}
	if value, ok := parseInt(sign + text); ok {
		if text[0] == '0' && strings.Trim(text, "0123456789") == "" && strings.Trim(text, "0") != "" {
			return nil, p.fail(int(token.start), len(text), "a number with zeros in front")
		}
		return p.scalar(value, start), nil
	}
	if strings.Trim(text, "0123456789.e+-") != "" {
		return nil, nil
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil && !strings.Contains(err.Error(), "range") {
		return nil, nil
	}
	return p.scalar(parseFloat(sign+text), start), nil
}

// joinDigits takes out the underscores between digits; false if there are others.
func joinDigits(text string) (string, bool) {
	for i := range len(text) {
		if text[i] != '_' {
			continue
		}
		radix := len(text) > 2 && text[0] == '0' && !isDigit(text[1]) && text[1] != '_'
		good := i > 0 && i+1 < len(text) && (isDigit(text[i+1]) || radix && text[i+1] != '_') && (isDigit(text[i-1]) || radix)
		if !good {
			return "", false
		}
	}
	return strings.ReplaceAll(text, "_", ""), true
}

// text reads string literals, which Python joins when they follow each other.
func (p *pyParser) text() *node {
	start := int(p.tokens[0].start)
	var all strings.Builder
	for len(p.tokens) > 0 && p.tokens[0].kind == pyText {
		text, ok := unquotePython(p.word(p.tokens[0]))
		if !ok {
			return nil
		}
		all.WriteString(text)
		p.tokens = p.tokens[1:]
	}
	return p.node(document.String, all.String(), start)
}

// unquotePython returns the text of a string literal; false for bytes, for f-strings,
// and for what Python would refuse.
func unquotePython(literal string) (string, bool) {
	quote := strings.IndexAny(literal, `"'`)
	prefix := strings.ToLower(literal[:quote])
	body := literal[quote:]
	width := 1
	if len(body) >= 6 && body[1] == body[0] && body[2] == body[0] {
		width = 3
	}
	body = strings.ReplaceAll(body[width:len(body)-width], "\r\n", "\n")
	switch {
	case strings.ContainsAny(prefix, "bft"):
		return "", false
	case prefix == "r" || !strings.Contains(body, `\`):
		return body, true
	}
	var out strings.Builder
	for body != "" {
		slash := strings.IndexByte(body, '\\')
		if slash < 0 {
			out.WriteString(body)
			break
		}
		out.WriteString(body[:slash])
		text, rest, ok := unescapePython(body[slash+1:])
		if !ok {
			return "", false
		}
		out.WriteString(text)
		body = rest
	}
	return out.String(), true
}

// unescapePython returns what the escape behind a backslash means, and what follows.
func unescapePython(body string) (text, rest string, ok bool) {
	if body == "" {
		return "", "", false
	}
	const letters, meant = `\'"abfnrtv`, "\\'\"\a\b\f\n\r\t\v"
	c := body[0]
	if i := strings.IndexByte(letters, c); i >= 0 {
		return meant[i : i+1], body[1:], true
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	switch {
	case c == '\n':
		return "", body[1:], true
	case c >= '0' && c <= '7':
		end := 1
		for end < len(body) && end < 3 && body[end] >= '0' && body[end] <= '7' {
			end++
		}
		code, _ := strconv.ParseUint(body[:end], 8, 32)
		return string(rune(code)), body[end:], true
	case c == 'N' || digits > 0 && len(body) <= digits:
		return "", "", false
	case digits > 0:
		code, err := strconv.ParseUint(body[1:1+digits], 16, 32)
		return string(rune(code)), body[1+digits:], err == nil && code <= utf8.MaxRune
	}
	return `\`, body, true
}
