package document

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"flow/pkg/diag"
)

// The YAML library tells a syntax error by a line that is sometimes that of the
// mistake, sometimes that of what the mistake stands in, counted from 0 or 1, and
// missing for the first. So the text is read a second time, behind an empty line, and
// byte by byte: the first makes its line mean one thing, and how many bytes it asked
// for tells how far it came.

// fault is a syntax error as the library sees it.
type fault struct {
	src     *source
	problem string
	line    int // where what the mistake stands in starts, from 1; 0 when not known
	read    int // offset that the library had read up to
	root    *yaml.Node
}

// syntaxError makes an error with a place of what the library says. root is the first
// document, when the mistake is behind it.
func (s *source) syntaxError(err error, root *yaml.Node) *diag.Error {
	reader := &byteReader{text: "\n" + s.text}
	decoder := yaml.NewDecoder(reader)
	for range 2 {
		if _, again := decodeOne(decoder); again != nil {
			err = again
			break
		}
	}
	f := &fault{src: s, root: root, read: min(max(reader.at-1, 0), len(s.text))}
	f.problem = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, found := strings.CutPrefix(f.problem, "line "); found {
		line, problem, _ := strings.Cut(rest, ": ")
		f.line, _ = strconv.Atoi(line)
		f.problem = problem
	}
	problem := f.explain()
	problem.Err = err
	return problem
}

func (f *fault) explain() *diag.Error {
	for _, known := range faults {
		if !strings.Contains(f.problem, known.problem) {
			continue
		}
		if f.line > 0 && !known.parser {
			f.line--
		}
		return known.explain(f)
	}
	return f.src.fail(f.lastContent(), 1, "the YAML can't be read: %s", strings.ReplaceAll(f.problem, "\n", " "))
}

// byteReader gives a text byte by byte and knows how much was asked for.
type byteReader struct {
	text string
	at   int
}

func (r *byteReader) Read(p []byte) (int, error) {
	if r.at >= len(r.text) {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p[0] = r.text[r.at]
	r.at++
	return 1, nil
}

// bounds returns where the line of a fault starts and ends.
func (f *fault) bounds() (from, to int) {
	line := min(max(f.line, 1), len(f.src.breaks))
	from = f.src.breaks[line-1]
	return from, f.src.lineEnd(from)
}

// content returns what stands on the line of the fault, and where.
func (f *fault) content() (at int, text string) {
	from, to := f.bounds()
	text = strings.TrimLeft(f.src.text[from:to], " \t")
	return to - len(text), strings.TrimRight(text, " \t")
}

// lastContent returns the start of what stands on the last line that was read and is
// not empty.
func (f *fault) lastContent() int {
	end := len(strings.TrimRight(f.src.text[:f.read], " \t\r\n"))
	from := f.src.lineStart(max(end-1, 0))
	for from < end && (f.src.text[from] == ' ' || f.src.text[from] == '\t') {
		from++
	}
	return from
}

// atLine returns an error about all that stands on the line.
func (f *fault) atLine(format string, args ...any) *diag.Error {
	at, text := f.content()
	return f.src.fail(at, utf8.RuneCountInString(text), format, args...)
}

// back returns the last offset before what was read, at which is holds, or -1.
func (f *fault) back(is func(rest string) bool) int {
	for at := min(f.read, len(f.src.text)-1); at >= 0; at-- {
		if is(f.src.text[at:]) {
			return at
		}
	}
	return -1
}

// opener returns where on the line the first bracket or quote of a kind is that the
// line does not close.
func (f *fault) opener(kinds string) int {
	from, to := f.bounds()
	var open []int
	for at := from; at < to; at++ {
		switch c := f.src.text[at]; c {
		case '"', '\'':
			if before := f.src.text[from:at]; before != "" && !strings.ContainsRune(" \t[{,:", rune(before[len(before)-1])) {
				continue
			}
			end, closed := f.src.quoted(at)
			if strings.IndexByte(kinds, c) >= 0 && (end > to || !closed) {
				return at
			}
			at = min(end, to) - 1
		case '[', '{':
			open = append(open, at)
		case ']', '}':
			open = open[:max(len(open)-1, 0)]
		}
	}
	for i := range open {
		if strings.IndexByte(kinds, f.src.text[open[i]]) >= 0 {
			return open[i]
		}
	}
	if i := strings.IndexAny(f.src.text[from:to], kinds); i >= 0 {
		return from + i
	}
	at, _ := f.content()
	return at
}

// tryUpTo is the size up to which a text is read some more times to find a mistake.
const tryUpTo = 2 << 20

// firstBad returns the first line, not after that which was read, up to which the text
// has the same mistake; lines count from 1.
func (f *fault) firstBad() int {
	last := f.src.yamlLine(f.lastContent())
	if len(f.src.text) > tryUpTo {
		return last
	}
	bad := func(line int) bool {
		end := len(f.src.text)
		if line < len(f.src.breaks) {
			end = f.src.breaks[line]
		}
		_, _, err := decode([]byte(f.src.text[:end]))
		return err != nil && strings.HasSuffix(err.Error(), f.problem)
	}
	low, high := max(f.line, 1), last // the first that is bad is among these
	for step := 1; high > low; step *= 2 {
		try := max(high-step, low)
		if !bad(try) {
			low = try + 1
			break
		}
		high = try
	}
	for low < high {
		middle := (low + high) / 2
		if bad(middle) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return high
}
