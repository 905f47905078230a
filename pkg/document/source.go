package document

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"flow/pkg/diag"
)

const (
	bom     = "\ufeff"
	maxLine = 1000 // bytes of a line that an error shows
)

// source is a text with what is needed to name a place in it.
type source struct {
	file   string
	text   string // without a byte order mark
	bom    bool
	ascii  bool
	breaks []int // offsets of the lines' starts, as YAML sees lines
	lines  []int // the same as people see them, to whom U+2028 and its like end no line
}

func newSource(file string, text []byte) *source {
	rest := bytes.TrimPrefix(text, []byte(bom))
	s := &source{file: file, text: string(rest), bom: len(rest) < len(text), ascii: true}
	s.index()
	return s
}

// index finds the lines.
func (s *source) index() {
	starts := make([]int, 1, strings.Count(s.text, "\n")+1)
	exotic := false
	for i := 0; i < len(s.text); {
		c := s.text[i]
		switch {
		case c >= utf8.RuneSelf:
			s.ascii = false
			n := exoticBreak(s.text[i:])
			if n > 0 {
				exotic = true
				starts = append(starts, i+n)
			}
			i += max(n, 1)
			continue
		case c == '\n', c == '\r' && !strings.HasPrefix(s.text[i+1:], "\n"):
			starts = append(starts, i+1)
		}
		i++
	}
	s.breaks, s.lines = starts, starts
	if exotic {
		s.lines = []int{0}
		for _, start := range starts[1:] {
			if c := s.text[start-1]; c == '\n' || c == '\r' {
				s.lines = append(s.lines, start)
			}
		}
	}
}

// exoticBreak returns how long the line break of YAML 1.1 is that text starts with.
func exoticBreak(text string) int {
	switch {
	case strings.HasPrefix(text, "\u0085"):
		return 2
	case strings.HasPrefix(text, "\u2028"), strings.HasPrefix(text, "\u2029"):
		return 3
	}
	return 0
}

// place returns line and column of an offset, as people count.
func (s *source) place(offset int) diag.Pos {
	offset = min(max(offset, 0), len(s.text))
	line := sort.SearchInts(s.lines, offset+1)
	col := offset - s.lines[line-1] + 1
	if !s.ascii {
		col = utf8.RuneCountInString(s.text[s.lines[line-1]:offset]) + 1
	}
	return diag.Pos{File: s.file, Line: line, Col: col}
}

// lineStart and lineEnd bound the line that holds an offset, without its break.
func (s *source) lineStart(offset int) int {
	return s.breaks[sort.SearchInts(s.breaks, offset+1)-1]
}

func (s *source) lineEnd(offset int) int {
	if offset >= s.breaks[len(s.breaks)-1] {
		return len(s.text)
	}
	next := s.nextLine(offset)
	return next - s.breakBefore(next)
}

// nextLine returns where the line after that of offset starts, or the text's end.
func (s *source) nextLine(offset int) int {
	if i := sort.SearchInts(s.breaks, offset+1); i < len(s.breaks) {
		return s.breaks[i]
	}
	return len(s.text)
}

// breakBefore returns how long the line break is that ends at offset.
func (s *source) breakBefore(offset int) int {
	before := s.text[:offset]
	switch {
	case strings.HasSuffix(before, "\r\n"), strings.HasSuffix(before, "\u0085"):
		return 2
	case strings.HasSuffix(before, "\u2028"), strings.HasSuffix(before, "\u2029"):
		return 3
	}
	return 1
}

// column counts from 0, in bytes: it is asked for where only blanks and dashes are.
func (s *source) column(offset int) int { return offset - s.lineStart(offset) }

// lineText returns a line without its end, or "" when it is too long to be shown.
func (s *source) lineText(line int) string {
	from, to := s.lines[line-1], len(s.text)
	if line < len(s.lines) {
		to = s.lines[line]
	}
	if to-from > maxLine+2 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return utf8.RuneError // a terminal would obey it
		}
		return r
	}, strings.TrimRight(s.text[from:to], "\r\n"))
}

// fail returns an error at an offset that spans width runes.
func (s *source) fail(offset, width int, format string, args ...any) *diag.Error {
	problem := diag.At(s.place(offset), format, args...)
	problem.Width = max(width, 1)
	problem.Line = s.lineText(problem.Pos.Line)
	return problem
}

// failSpan returns an error at what is between two offsets, or the part of it that is
// on the first line.
func (s *source) failSpan(from, to int, format string, args ...any) *diag.Error {
	return s.fail(from, s.width(from, to), format, args...)
}

// width counts the runes between two offsets that are on the first one's line.
func (s *source) width(from, to int) int {
	to = min(to, s.lineEnd(from))
	if to <= from {
		return 1
	}
	return utf8.RuneCountInString(s.text[from:to])
}

// cursor turns places of the YAML library into offsets, and those into places that people
// know. It is fast when they come in rising order, on long lines too.
type cursor struct {
	src     *source
	library mark // lines as YAML sees them
	people  mark
}

// mark is an offset with its column, from 1, in the line that starts at start.
type mark struct{ start, offset, col int }

// offset returns where a place of the library's is.
func (c *cursor) offset(line, col int) int {
	s := c.src
	if line = max(line, 1); line > len(s.breaks) {
		return len(s.text) // the library ends every file with a line break
	}
	start := s.breaks[line-1]
	if s.ascii {
		return min(start+max(col, 1)-1, len(s.text))
	}
	m := &c.library
	if m.start != start || m.col > col || m.col == 0 {
		*m = mark{start, start, 1}
	}
	for ; m.col < col && m.offset < len(s.text); m.col++ {
		_, size := utf8.DecodeRuneInString(s.text[m.offset:])
		m.offset += size
	}
	return m.offset
}

// place is that of the source.
func (c *cursor) place(offset int) diag.Pos {
	s := c.src
	line := sort.SearchInts(s.lines, offset+1)
	start := s.lines[line-1]
	m := &c.people
	if m.start != start || m.offset > offset || m.col == 0 {
		*m = mark{start, start, 1}
	}
	m.col += utf8.RuneCountInString(s.text[m.offset:offset])
	m.offset = offset
	return diag.Pos{File: s.file, Line: line, Col: m.col}
}

// yamlLine returns the line of an offset as YAML counts, from 1.
func (s *source) yamlLine(offset int) int { return sort.SearchInts(s.breaks, offset+1) }
