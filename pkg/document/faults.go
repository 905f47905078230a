package document

import (
	"strings"
	"unicode/utf8"

	"flow/pkg/diag"
)

// known is a syntax error of the YAML library's, in words that help.
type known struct {
	problem string // part of what the library says
	parser  bool   // its parser says so, not its scanner: the two count lines differently
	explain func(*fault) *diag.Error
}

// faults is what the library can say, in the order in which it is looked up.
var faults = []known{
	{"unknown anchor", true, unknownAnchor},
	{"found a tab character", false, tab},
	{"found character that cannot start any token", false, badStart},
	{"could not find expected ':'", false, noColon},
	{"mapping values are not allowed", false, secondColon},
	{"block sequence entries are not allowed", false, inlineList},
	{"did not find expected key", true, badIndent},
	{"did not find expected '-' indicator", true, badIndent},
	{"did not find expected ',' or ']'", true, openBracket},
	{"did not find expected ',' or '}'", true, openBracket},
	{"did not find expected node content", true, noContent},
	{"did not find expected <document start>", true, afterEnd},
	{"found unexpected end of stream", false, openQuote},
	{"found unexpected document indicator", false, openQuote},
	{"found unknown escape character", false, badEscape},
	{"did not find expected hexdecimal number", false, badEscape},
	{"found invalid Unicode character escape code", false, badEscape},
	{"did not find expected alphabetic or numeric character", false, badAnchor},
	{"did not find expected comment or line break", false, badHeader},
	{"found an indentation indicator equal to 0", false, badHeader},
	{"exceeded max depth", false, tooDeep},
	{"found undefined tag handle", true, badTag},
	{"did not find expected tag URI", false, badTag},
	{"did not find the expected '>'", false, badTag},
	{"did not find expected '!'", false, badTag},
	{"did not find URI escaped octet", false, badTag},
	{"did not find expected whitespace or line break", false, badTag},
	{"mapping keys are not allowed", false, func(f *fault) *diag.Error { return f.atLine("a key can't stand here") }},
	{"incompatible YAML document", true, func(f *fault) *diag.Error {
		return f.src.fail(0, 1, "the file asks for a version of YAML that is not supported").WithHint("remove the line that starts with %%YAML")
	}},
}

func unknownAnchor(f *fault) *diag.Error {
	_, rest, _ := strings.Cut(f.problem, "'")
	name, _, _ := strings.Cut(rest, "'")
	at := f.back(func(rest string) bool {
		after, found := strings.CutPrefix(rest, "*"+name)
		return found && (after == "" || strings.IndexByte(" \t\r\n,[]{}:", after[0]) >= 0)
	})
	return f.src.fail(max(at, 0), utf8.RuneCountInString(name)+1, "the alias *%s has no anchor &%s before it", name, name).
		WithHint("put quotes around a text that starts with *")
}

// tab finds the tab: all before it on its line is blank.
func tab(f *fault) *diag.Error {
	at := f.back(func(rest string) bool {
		offset := len(f.src.text) - len(rest)
		return rest[0] == '\t' && strings.Trim(f.src.text[f.src.lineStart(offset):offset], " ") == ""
	})
	if at < 0 {
		return f.atLine("the line is indented with a tab").WithHint("use spaces")
	}
	return f.src.tabError(at)
}

func (s *source) tabError(at int) *diag.Error {
	end := at
	for end < len(s.text) && s.text[end] == '\t' {
		end++
	}
	return s.failSpan(at, end, "the line is indented with a tab").WithHint("use spaces")
}

// badStart finds a character that the library gave up at, having read up to four more.
func badStart(f *fault) *diag.Error {
	at, looked := -1, 0
	for offset := f.read; offset > 0 && looked < 5; looked++ {
		_, size := utf8.DecodeLastRuneInString(f.src.text[:offset])
		offset -= size
		if strings.IndexByte("\t@`%", f.src.text[offset]) >= 0 {
			at = offset
		}
	}
	if at < 0 {
		return f.atLine("the line starts with a character that can't be there")
	}
	if f.src.text[at] == '\t' {
		return f.src.tabError(at)
	}
	return f.src.fail(at, 1, "a text can't start with %c", f.src.text[at]).WithHint("put quotes around it")
}

func noColon(f *fault) *diag.Error {
	_, text := f.content()
	if utf8.RuneCountInString(text) > 40 {
		text = "key"
	}
	return f.atLine("a colon is missing behind the key").
		WithHint("write \"%s: …\", or indent the line if it goes on with the one above", text)
}

// colons returns where on the line a colon ends a key, outside quotes.
func (f *fault) colons() []int {
	from, to := f.bounds()
	var colons []int
	for at := from; at < to; at++ {
		switch c := f.src.text[at]; {
		case (c == '"' || c == '\'') && strings.Trim(f.src.text[from:at], " -") == "":
			at = min(f.src.quotedEnd(at), to) - 1
		case c == ':' && (at+1 == to || strings.IndexByte(" \t", f.src.text[at+1]) >= 0):
			colons = append(colons, at)
		}
	}
	return colons
}

// maxKey is YAML's limit for a key on one line.
const maxKey = 1024

func secondColon(f *fault) *diag.Error {
	colons := f.colons()
	if len(colons) > 1 {
		return f.src.fail(colons[1], 1, "a value can't hold a colon followed by a blank").
			WithHint("put quotes around the value")
	}
	from, _ := f.bounds()
	if len(colons) == 1 && colons[0]-from > maxKey {
		return f.atLine("the key is longer than the limit of %d characters", maxKey)
	}
	above, text := f.above(from)
	if i := strings.IndexByte(text, ':'); i > 0 && i+1 < len(text) && !strings.Contains(text, ": ") && !strings.HasPrefix(text, "- ") {
		return f.src.fail(above+i, 1, "a blank is missing behind the colon")
	}
	return f.atLine("the key is indented deeper than the line above allows").
		WithHint("align it with the keys that it belongs to")
}

// above returns the nearest line before an offset that holds something.
func (f *fault) above(offset int) (at int, text string) {
	for offset > 0 {
		offset = f.src.lineStart(offset - 1)
		text = f.src.text[offset:f.src.lineEnd(offset)]
		if trimmed := strings.TrimLeft(text, " \t"); trimmed != "" && trimmed[0] != '#' {
			return offset + len(text) - len(trimmed), strings.TrimRight(trimmed, " \t")
		}
	}
	return 0, ""
}

func inlineList(f *fault) *diag.Error {
	at, text := f.content()
	if i := strings.Index(text, ": -"); i >= 0 {
		return f.src.fail(at+i+2, 1, "a list can't start on the line of its key").
			WithHint("start it on the next line, or write [a, b]")
	}
	return f.atLine("a list item can't stand here").WithHint("align it with the items that it belongs to")
}

// badIndent finds the line that is no key or no item of the block around it.
func badIndent(f *fault) *diag.Error {
	block := f.line
	f.line = f.firstBad()
	at, text := f.content()
	if problem := f.stray(at, text); problem != nil {
		return problem
	}
	switch {
	case f.line == block:
		return f.atLine("something stands here that belongs to no key").WithHint("put quotes around the value, or check the indentation")
	case (strings.HasPrefix(text, "- ") || text == "-") && strings.HasSuffix(f.problem, "key"):
		return f.atLine("a list item can't stand among keys").WithHint("align it with the items that it belongs to")
	case !strings.HasPrefix(text, "-") && strings.Contains(f.problem, "'-'"):
		return f.atLine("this is no item of the list above").WithHint("start it with a dash, or align it with the keys it belongs to")
	}
	return f.atLine("the indentation fits no line above").WithHint("align it with the keys that it belongs to")
}

// stray finds what stands behind a quoted text that is complete, as in: 'it's'.
func (f *fault) stray(at int, text string) *diag.Error {
	for i := range len(text) {
		if strings.IndexByte(`"'`, text[i]) < 0 || i > 0 && strings.IndexByte(" \t[{,", text[i-1]) < 0 {
			continue
		}
		end := f.src.quotedEnd(at + i)
		if end >= at+len(text) {
			return nil
		}
		rest := strings.TrimLeft(f.src.text[end:at+len(text)], " \t")
		if rest == "" || strings.IndexByte(":,]}#", rest[0]) >= 0 {
			return nil
		}
		return f.src.failSpan(at+len(text)-len(rest), at+len(text), "the quoted text ends before this").
			WithHint("put quotes around the whole, and write a quote inside them twice ('') or as \\\"")
	}
	return nil
}

func openBracket(f *fault) *diag.Error {
	list := strings.Contains(f.problem, "]")
	kind, name, closing := "{", "mapping", "}"
	if list {
		kind, name, closing = "[", "list", "]"
	}
	problem := f.src.fail(f.opener(kind), 1, "the %s that starts here is not closed, or a comma is missing in it", name)
	if _, text := f.content(); strings.Contains(text, "${") || strings.Contains(text, "{{") {
		return problem.WithHint("put quotes around a text that holds braces")
	}
	return problem.WithHint("close it with %s", closing)
}

func noContent(f *fault) *diag.Error {
	at, text := f.content()
	if i := missing(text); i >= 0 {
		if text[i] == ',' {
			return f.src.fail(at+i, 1, "a value is missing before this")
		}
		return f.src.fail(at+i, 1, "a value can't start with %c", text[i]).WithHint("put quotes around it")
	}
	if rest := strings.TrimRight(f.src.text, " \t\r\n"); f.read == len(f.src.text) && rest != "" && strings.IndexByte(",[{", rest[len(rest)-1]) >= 0 {
		return f.src.fail(len(rest)-1, 1, "the file ends before the brackets are closed")
	}
	return f.atLine("a value is missing here")
}

// missing returns where on a line a comma or closing bracket stands in the place of a
// value, or -1.
func missing(text string) int {
	depth, before := 0, byte(':')
	for i := 0; i < len(text); i++ {
		c := text[i]
		open := strings.IndexByte("[{", c) >= 0
		start := strings.IndexByte(":-", before) >= 0 && depth == 0
		switch {
		case c == ' ' || c == '\t':
			continue
		case c == ',' && (start || strings.IndexByte("[{,", before) >= 0), (c == ']' || c == '}') && start:
			return i
		case open && (depth > 0 || start):
			depth++
		case c == ']' || c == '}':
			depth = max(depth-1, 0)
		}
		before = c
	}
	return -1
}

// afterEnd finds what stands behind a document that is complete.
func afterEnd(f *fault) *diag.Error {
	at := f.lastContent()
	if f.line > 0 {
		at, _ = f.content()
	}
	if f.root != nil {
		b := newBuilder(f.src)
		if node := b.root(f.root); len(b.problems) == 0 {
			at = f.src.skip(f.src.end(node))
			if strings.HasPrefix(f.src.text[at:], "...") {
				at = f.src.skip(at + len("..."))
			}
		}
	}
	return f.src.failSpan(at, f.src.lineEnd(at), "the document is complete before this").
		WithHint("remove it, or check the brackets and quotes before it")
}

func openQuote(f *fault) *diag.Error {
	at := f.opener(`"'`)
	return f.src.fail(at, 1, "the quote that starts here is not closed").WithHint("close it")
}

func badEscape(f *fault) *diag.Error {
	at := f.back(func(rest string) bool {
		return rest[0] == '\\' && (len(rest) == 1 || strings.IndexByte("0abt\tnvfre \"'/\\N_LP", rest[1]) < 0)
	})
	if at < 0 {
		return f.atLine("a \\ starts an escape that YAML does not know")
	}
	return f.src.fail(at, 2, "the \\ starts an escape that YAML does not know").
		WithHint("use single quotes, or write \\\\ for one \\")
}

func badAnchor(f *fault) *diag.Error {
	at, text := f.content()
	for i := range len(text) {
		if (text[i] == '*' || text[i] == '&') && (i == 0 || strings.IndexByte(" \t[{,", text[i-1]) >= 0) {
			return f.src.fail(at+i, 1, "a text can't start with %c, which is for aliases and anchors", text[i]).
				WithHint("put quotes around it")
		}
	}
	return f.atLine("the name of an anchor or alias is missing")
}

func badHeader(f *fault) *diag.Error {
	at, text := f.content()
	if i := strings.LastIndexAny(text, "|>"); i >= 0 {
		return f.src.failSpan(at+i, at+len(text), "behind %c only a comment can stand", text[i]).
			WithHint("start the text on the next line, or put quotes around it")
	}
	return f.atLine("the header of the block is not understood")
}

func tooDeep(f *fault) *diag.Error {
	return f.src.fail(f.lastContent(), 1, "values are nested deeper than the limit of %d levels", maxDepth)
}

func badTag(f *fault) *diag.Error {
	at, text := f.content()
	if i := strings.IndexByte(text, '!'); i >= 0 {
		return f.src.failSpan(at+i, f.src.word(at+i+1), "the tag is not supported").
			WithHint("remove it, or put quotes around a text that starts with !")
	}
	return f.atLine("the tag is not supported")
}
