// Package glob matches paths against patterns, as git's ignore files have them.
package glob

import "strings"

// A Glob is one pattern, compiled: git's wildmatch, over bytes. It is run as a set
// of states, so that no pattern costs more than its length times the path's.
type Glob struct {
	literal string  // when plain: the whole of what matches
	suffix  string  // when ends: what a match ends with, in its last component
	tokens  []token // else
	kind    globKind
}

type globKind byte

const (
	wild  globKind = iota
	plain          // no wildcard
	ends           // an asterisk and then no wildcard
	never          // not a valid pattern: matches nothing
)

type token struct {
	kind tokenKind
	char byte
	set  *[256]bool
}

type tokenKind byte

const (
	oneByte   tokenKind = iota
	anyByte             // ? and no slash
	byteSet             // [...]
	anyRun              // * any run without a slash
	anyRest             // ** at the end, and where no **/ follows: any run
	anyDirs             // **/ any number of whole components
	insideDir           // the state within a component that anyDirs passes; never parsed
)

// Compile compiles a pattern. Whole is whether it is matched against a path; else it
// is against a path's last component. A pattern that is not valid matches nothing.
func Compile(pattern string, whole bool) Glob {
	if !strings.ContainsAny(pattern, `*?[\`) {
		return Glob{kind: plain, literal: pattern}
	}
	if rest := strings.TrimPrefix(pattern, "*"); !whole && rest != pattern && !strings.ContainsAny(rest, `*?[\`) {
		return Glob{kind: ends, suffix: rest}
	}
	tokens, valid := parseGlob(pattern, whole)
	if !valid {
		return Glob{kind: never}
	}
	return Glob{kind: wild, tokens: tokens}
}

func parseGlob(pattern string, whole bool) ([]token, bool) {
	var tokens []token
	for i := 0; i < len(pattern); {
		switch pattern[i] {
		case '*':
			stars, width := parseStars(pattern, i, whole)
			tokens = append(tokens, stars)
			if stars.kind == anyDirs {
				tokens = append(tokens, token{kind: insideDir})
			}
			i += width
		case '?':
			tokens = append(tokens, token{kind: anyByte})
			i++
		case '[':
			set, width := parseSet(pattern[i:])
			if set == nil {
				return nil, false
			}
			tokens = append(tokens, *set)
			i += width
		case '\\':
			if i++; i == len(pattern) {
				return nil, false
			}
			fallthrough
		default:
			tokens = append(tokens, token{kind: oneByte, char: pattern[i]})
			i++
		}
	}
	return tokens, true
}

// parseStars reads a run of asterisks. Two or more cross slashes when they are a
// whole component, or, as git has it, when all before them is plain and they end one.
func parseStars(pattern string, i int, whole bool) (token, int) {
	end := i
	for end < len(pattern) && pattern[end] == '*' {
		end++
	}
	bounded := whole && end-i > 1 && (i > 0 && pattern[i-1] == '/' || !strings.ContainsAny(pattern[:i], `*?[\`))
	switch {
	case bounded && end == len(pattern):
		return token{kind: anyRest}, end - i
	case bounded && pattern[end] == '/':
		return token{kind: anyDirs}, end - i + 1
	case bounded && strings.HasPrefix(pattern[end:], `\/`):
		return token{kind: anyRest}, end - i
	}
	return token{kind: anyRun}, end - i
}

// parseSet reads a bracket expression; nil when it does not end.
func parseSet(pattern string) (*token, int) {
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	members := setReader{pattern: pattern, at: i}
	for first := true; ; first = false {
		if members.at >= len(pattern) {
			return nil, 0
		}
		if pattern[members.at] == ']' && !first {
			break
		}
		if !members.next() {
			return nil, 0
		}
	}
	chars := members.chars
	if negated {
		for c := range chars {
			chars[c] = !chars[c]
		}
	}
	chars['/'] = false
	return &token{kind: byteSet, set: &chars}, members.at + 1
}

// setReader reads what stands between brackets.
type setReader struct {
	pattern  string
	at       int
	previous byte // what a range may begin with; 0 for nothing
	chars    [256]bool
}

// next reads a byte, a range or a class; false when the pattern ends in it.
func (r *setReader) next() bool {
	pattern, c := r.pattern, r.pattern[r.at]
	more := r.at+1 < len(pattern)
	switch {
	case c == '-' && r.previous != 0 && more && pattern[r.at+1] != ']':
		r.at++
		if pattern[r.at] == '\\' {
			r.at++
		}
		if r.at >= len(pattern) {
			return false
		}
		for in := int(r.previous); in <= int(pattern[r.at]); in++ {
			r.chars[in] = true
		}
		r.previous = 0
	case c == '[' && more && pattern[r.at+1] == ':':
		width, valid := parseClass(pattern[r.at:], &r.chars)
		if !valid {
			return false
		}
		if r.previous = 0; width == 1 {
			r.previous = '['
		}
		r.at += width - 1
	default:
		if c == '\\' {
			if r.at++; r.at >= len(pattern) {
				return false
			}
		}
		r.previous = pattern[r.at]
		r.chars[r.previous] = true
	}
	r.at++
	return true
}

// parseClass reads [:name:] and returns its width; a bracket that begins none is
// one plain byte wide.
func parseClass(pattern string, chars *[256]bool) (int, bool) {
	end := strings.IndexByte(pattern[2:], ']')
	if end < 0 {
		return 0, false
	}
	name, found := strings.CutSuffix(pattern[2:2+end], ":")
	if !found {
		chars['['] = true
		return 1, true
	}
	member, found := classes[name]
	if !found {
		return 0, false
	}
	for c := range 128 {
		if member(byte(c)) {
			chars[c] = true
		}
	}
	return 2 + end + 1, true
}

var classes = map[string]func(c byte) bool{
	"alnum":  func(c byte) bool { return isAlpha(c) || isDigit(c) },
	"alpha":  isAlpha,
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 127 },
	"digit":  isDigit,
	"graph":  isGraph,
	"lower":  func(c byte) bool { return c >= 'a' && c <= 'z' },
	"print":  func(c byte) bool { return c >= ' ' && c < 127 },
	"punct":  func(c byte) bool { return isGraph(c) && !isAlpha(c) && !isDigit(c) },
	"space":  func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' },
	"upper":  func(c byte) bool { return c >= 'A' && c <= 'Z' },
	"xdigit": func(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' },
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isGraph(c byte) bool { return c > ' ' && c < 127 }

// Match reports whether the whole of text fits.
func (g *Glob) Match(text string) bool {
	switch g.kind {
	case plain:
		return text == g.literal
	case ends:
		return strings.HasSuffix(text, g.suffix)
	case never:
		return false
	}
	var small [2][64]bool
	now, next := small[0][:], small[1][:]
	if len(g.tokens) >= 64 {
		now, next = make([]bool, len(g.tokens)+1), make([]bool, len(g.tokens)+1)
	}
	g.reach(now, 0)
	for i := range len(text) {
		clear(next)
		alive := false
		for at, on := range now[:len(g.tokens)] {
			if on && g.step(next, at, text[i]) {
				alive = true
			}
		}
		if now, next = next, now; !alive {
			return false
		}
	}
	return now[len(g.tokens)]
}

// reach turns a state on, and all that it leads to without a byte.
func (g *Glob) reach(states []bool, at int) {
	for !states[at] {
		states[at] = true
		if at == len(g.tokens) {
			return
		}
		switch g.tokens[at].kind {
		case anyRun, anyRest:
			at++
		case anyDirs:
			at += 2
		default:
			return
		}
	}
}

// step turns on what a state leads to with one byte.
func (g *Glob) step(next []bool, at int, c byte) bool {
	switch t := &g.tokens[at]; t.kind {
	case oneByte:
		if c != t.char {
			return false
		}
		g.reach(next, at+1)
	case anyByte:
		if c == '/' {
			return false
		}
		g.reach(next, at+1)
	case byteSet:
		if !t.set[c] {
			return false
		}
		g.reach(next, at+1)
	case anyRun:
		if c == '/' {
			return false
		}
		g.reach(next, at)
	case anyRest:
		g.reach(next, at)
	case anyDirs:
		if c == '/' { // only where git's reading of a/x**/b begins within a component
			g.reach(next, at)
		} else {
			next[at+1] = true
		}
	case insideDir:
		if c == '/' {
			g.reach(next, at-1)
		} else {
			next[at] = true
		}
	}
	return true
}
