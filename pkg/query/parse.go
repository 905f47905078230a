package query

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"flow/pkg/diag"
)

// maxDepth bounds how deep parentheses and nots may nest.
const maxDepth = 200

// Parse reads a query. A mistake is a *diag.Error with its place in the text.
func Parse(text string) (*Query, error) {
	q := &Query{text: text}
	if !utf8.ValidString(text) {
		return nil, diag.At(diag.Pos{}, "the query is not UTF-8")
	}
	tokens, problem := lex(text)
	if problem != nil {
		return nil, problem
	}
	p := &parser{q: q, tokens: tokens}
	if q.root, problem = p.or(0); problem != nil {
		return nil, problem
	}
	if t := p.peek(); t.kind != end {
		return nil, p.fail(t, "%s is not expected here", describe(t)).WithHint("join comparisons by and, or")
	}
	return q, nil
}

// kind is what sort of token.
type kind int

const (
	end    kind = iota
	word        // a key, a number or a bare word
	text        // in quotes
	quoted      // a key in backquotes
	sign        // an operator or a parenthesis
)

// token is a piece of the text.
type token struct {
	kind      kind
	text      string
	at, width int // in runes
}

func describe(t token) string {
	if t.kind == end {
		return "the end of the query"
	}
	return strconv.Quote(t.text)
}

// failAt returns a mistake that spans some runes of a query.
func failAt(query string, at, width int, format string, args ...any) *diag.Error {
	problem := diag.At(diag.Pos{File: "query", Line: 1, Col: at + 1}, format, args...)
	problem.Line, problem.Width = strings.Map(oneLine, query), max(1, width)
	return problem
}

func oneLine(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// signs is the operators, the longer first.
var signs = []string{"==", "!=", "<=", ">=", "!~", "&&", "||", "=", "<", ">", "~", "!", "(", ")"}

// lex takes the text apart.
func lex(query string) ([]token, *diag.Error) {
	var tokens []token
	runes := []rune(query)
	for i := 0; i < len(runes); {
		switch {
		case unicode.IsSpace(runes[i]):
			i++
		case strings.ContainsRune("'\"`", runes[i]):
			t, next, problem := lexQuoted(query, runes, i)
			if problem != nil {
				return nil, problem
			}
			tokens, i = append(tokens, t), next
		default:
			t := lexPlain(runes, i)
			if t.width == 0 {
				return nil, failAt(query, i, 1, "%q is nothing that a query knows", string(runes[i])).
					WithHint("the operators are = != < <= > >= ~ !~ and or not; a text with such a character stands in quotes")
			}
			tokens, i = append(tokens, t), i+t.width
		}
	}
	return append(tokens, token{kind: end, at: len(runes), width: 1}), nil
}

// lexQuoted reads a text in quotes, in which a backslash takes the next character as
// it is, or a key in backquotes.
func lexQuoted(query string, runes []rune, start int) (token, int, *diag.Error) {
	quote := runes[start]
	var inside strings.Builder
	for i := start + 1; i < len(runes); i++ {
		switch {
		case runes[i] == quote:
			t := token{kind: text, text: inside.String(), at: start, width: i + 1 - start}
			if quote == '`' {
				t.kind = quoted
			}
			return t, i + 1, nil
		case runes[i] == '\\' && quote != '`' && i+1 < len(runes):
			i++
			inside.WriteRune(runes[i])
		default:
			inside.WriteRune(runes[i])
		}
	}
	return token{}, 0, failAt(query, start, 1, "the quote is not closed")
}

// lexPlain reads an operator or a word.
func lexPlain(runes []rune, start int) token {
	rest := string(runes[start:min(len(runes), start+2)])
	for _, one := range signs {
		if strings.HasPrefix(rest, one) {
			return token{kind: sign, text: one, at: start, width: len(one)}
		}
	}
	i := start
	for i < len(runes) && inWord(runes[i]) {
		i++
	}
	return token{kind: word, text: string(runes[start:i]), at: start, width: i - start}
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("_-+.:/@%*[]", r)
}

// parser reads tokens by recursive descent.
type parser struct {
	q      *Query
	tokens []token
	next   int
}

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != end {
		p.next++
	}
	return t
}

// accept takes a token if it is one of some signs or words.
func (p *parser) accept(wanted ...string) bool {
	t := p.peek()
	for _, one := range wanted {
		if t.kind == sign && t.text == one || t.kind == word && strings.EqualFold(t.text, one) {
			p.next++
			return true
		}
	}
	return false
}

func (p *parser) fail(t token, format string, args ...any) *diag.Error {
	return failAt(p.q.text, t.at, t.width, format, args...)
}

func (p *parser) or(depth int) (node, *diag.Error) {
	left, problem := p.and(depth)
	for problem == nil && p.accept("or", "||") {
		var right node
		right, problem = p.and(depth)
		left = either{left, right}
	}
	return left, problem
}

func (p *parser) and(depth int) (node, *diag.Error) {
	left, problem := p.unary(depth)
	for problem == nil && p.accept("and", "&&") {
		var right node
		right, problem = p.unary(depth)
		left = both{left, right}
	}
	return left, problem
}

func (p *parser) unary(depth int) (node, *diag.Error) {
	t := p.peek()
	if depth > maxDepth {
		return nil, p.fail(t, "nested more than %d levels deep", maxDepth)
	}
	if p.accept("not", "!") {
		of, problem := p.unary(depth + 1)
		return not{of}, problem
	}
	if !p.accept("(") {
		return p.comparison()
	}
	inner, problem := p.or(depth + 1)
	if problem != nil {
		return nil, problem
	}
	if closing := p.peek(); !p.accept(")") {
		return nil, p.fail(closing, "%s stands where a parenthesis should close", describe(closing))
	}
	return inner, nil
}

// comparison reads a key, and what it is compared with.
func (p *parser) comparison() (node, *diag.Error) {
	t := p.take()
	if t.kind != word && t.kind != quoted {
		problem := p.fail(t, "%s stands where a key should", describe(t))
		if t.kind == text {
			problem.WithHint("a comparison starts with its key: state = 'ok'; a key with other characters stands in backquotes")
		}
		return nil, problem
	}
	of := &operand{key: t.text, at: t.at, width: t.width}
	p.q.keys = append(p.q.keys, of)
	op := p.peek()
	if op.kind != sign || op.text == "(" || op.text == ")" || op.text == "!" || op.text == "&&" || op.text == "||" {
		return present{of}, nil
	}
	p.take()
	value := p.take()
	to := literal{text: value.text}
	switch value.kind {
	case word:
		to = bare(value.text)
	case text:
	default:
		return nil, p.fail(value, "%s stands where a value should", describe(value))
	}
	return comparison{of: of, op: strings.Replace(op.text, "==", "=", 1), to: to}, nil
}
