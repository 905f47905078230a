package values

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"flow/pkg/diag"
)

// pyKind is what a word of Python is.
type pyKind uint8

const (
	pyName pyKind = iota
	pyNumber
	pyText
	pyOp
)

// pyToken is a word of Python by its place. It is small, as a line may have millions.
type pyToken struct {
	start, end int32
	kind       pyKind
}

// pyLexer cuts Python into logical lines: lines that brackets and backslashes join
// are one.
type pyLexer struct {
	*source
	at     int
	tokens []pyToken // of the current line
	indent int       // of the current line, -1 behind the last
	open   []int     // offsets of the brackets that are open
}

func (l *pyLexer) word(token pyToken) string { return l.text[token.start:token.end] }

// next goes to the next logical line that has words.
func (l *pyLexer) next() *diag.Error {
	l.tokens, l.indent = l.tokens[:0], -1
	for l.at < len(l.text) {
		indent := l.margin()
		if problem := l.line(); problem != nil {
			return problem
		}
		if len(l.tokens) > 0 {
			l.indent = indent
			return nil
		}
	}
	return nil
}

// margin returns how far a line is indented; a tab goes to the next multiple of 8.
func (l *pyLexer) margin() int {
	column := 0
	for ; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case ' ':
			column++
		case '\t':
			column += 8 - column%8
		case '\f':
			column = 0
		default:
			return column
		}
	}
	return column
}

// line reads words up to the end of the logical line.
func (l *pyLexer) line() *diag.Error {
	for l.at < len(l.text) {
		var problem *diag.Error
		switch c := l.text[l.at]; {
		case c == '\n':
			l.at++
			if len(l.open) == 0 {
				return nil
			}
		case strings.IndexByte(" \t\r\f", c) >= 0:
			l.at++
		case c == '#':
			end := strings.IndexByte(l.text[l.at:], '\n')
			if end < 0 {
				end = len(l.text) - l.at
			}
			l.at += end
		case c == '\\':
			problem = l.continued()
		case c == '"' || c == '\'':
			problem = l.quoted(l.at)
		case isDigit(c) || c == '.' && l.at+1 < len(l.text) && isDigit(l.text[l.at+1]):
			l.number()
		case isNameByte(c):
			problem = l.name()
		default:
			problem = l.operator()
		}
		if problem != nil {
			return problem
		}
		if len(l.tokens) > 4*maxNodes {
			return l.fail(l.at, 1, "more than %d values", maxNodes)
		}
	}
	if len(l.open) > 0 {
		offset := l.open[len(l.open)-1]
		return l.fail(offset, 1, "'%c' is never closed", l.text[offset])
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf || isDigit(c)
}

func (l *pyLexer) add(kind pyKind, start, end int) {
	l.tokens = append(l.tokens, pyToken{int32(start), int32(end), kind})
	l.at = end
}

// continued goes past a backslash at the end of a line.
func (l *pyLexer) continued() *diag.Error {
	rest := strings.TrimPrefix(l.text[l.at+1:], "\r")
	if rest != "" && rest[0] != '\n' {
		return l.fail(l.at, 1, "a backslash within a line")
	}
	l.at = min(len(l.text), len(l.text)-len(rest)+1)
	return nil
}

func (l *pyLexer) name() *diag.Error {
	end := l.at
	for end < len(l.text) && isNameByte(l.text[end]) {
		end++
	}
	quoted := end < len(l.text) && (l.text[end] == '"' || l.text[end] == '\'')
	if quoted && end-l.at <= 2 && strings.Trim(strings.ToLower(l.text[l.at:end]), "rbuft") == "" {
		return l.quoted(end)
	}
	l.add(pyName, l.at, end)
	return nil
}

// quoted reads a string literal whose quotes start at an offset, behind its prefix.
func (l *pyLexer) quoted(at int) *diag.Error {
	start, quote := l.at, l.text[at:at+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(l.text[at:], triple) {
		quote = triple
	}
	for i := at + len(quote); i < len(l.text); i++ {
		switch {
		case l.text[i] == '\\':
			i++
			if i+1 < len(l.text) && l.text[i] == '\r' && l.text[i+1] == '\n' {
				i++
			}
		case strings.HasPrefix(l.text[i:], quote):
			l.add(pyText, start, i+len(quote))
			return nil
		case l.text[i] == '\n' && len(quote) == 1:
			return l.fail(start, 1, "a text without a closing quote")
		}
	}
	return l.fail(start, 1, "a text without a closing quote")
}

// number takes all that could belong to a number; whether it is one is seen when it is read.
func (l *pyLexer) number() {
	start, end := l.at, l.at
	radix := strings.HasPrefix(l.text[start:], "0x") || strings.HasPrefix(l.text[start:], "0X")
	for ; end < len(l.text); end++ {
		c := l.text[end]
		sign := (c == '+' || c == '-') && !radix && l.text[end-1]|0x20 == 'e'
		if !isNameByte(c) && c != '.' && !sign {
			break
		}
	}
	l.add(pyNumber, start, end)
}

func (l *pyLexer) operator() *diag.Error {
	c := l.text[l.at]
	switch {
	case strings.IndexByte("([{", c) >= 0:
		if len(l.open) >= maxDepth {
			return l.fail(l.at, 1, "nested more than %d levels deep", maxDepth)
		}
		l.open = append(l.open, l.at)
	case strings.IndexByte(")]}", c) >= 0:
		if len(l.open) == 0 {
			return l.fail(l.at, 1, "'%c' closes nothing", c)
		}
		opening := l.open[len(l.open)-1]
		if l.text[opening] != map[byte]byte{')': '(', ']': '[', '}': '{'}[c] {
			return l.fail(l.at, 1, "'%c' does not close '%c'", c, l.text[opening])
		}
		l.open = l.open[:len(l.open)-1]
	case strings.IndexByte(",;.:=!<>+-*/%&|^@~", c) < 0:
		return l.fail(l.at, 1, "unexpected character %s", strconv.QuoteRune(rune(c)))
	}
	end := l.at + 1
	if strings.IndexByte("*/<>", c) >= 0 && end < len(l.text) && l.text[end] == c {
		end++
	}
	if strings.IndexByte("=!<>:+-*/%&|^@", c) >= 0 && end < len(l.text) && l.text[end] == '=' {
		end++
	}
	l.add(pyOp, l.at, end)
	return nil
}
