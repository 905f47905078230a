package values

import (
	"path"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// Bounds of a file: it may come with a repository of somebody else's.
const (
	maxSize  = 10 << 20
	maxNodes = 1_000_000
	maxDepth = 200
	maxLine  = 1000 // bytes of a line that an error shows
)

// Load reads the text of a file by the suffix of its name: .json, .toml, .py, and
// YAML for all else. JSON may hold NaN, Infinity and -Infinity, as Python writes them. Of
// Python, the constants of the module, of its classes, and of self in __init__ are
// read. An error is a diag.Error or a diag.List.
func Load(file string, text []byte) (*Tree, error) {
	var read func(*source) (*node, *diag.Error)
	switch strings.ToLower(path.Ext(file)) {
	case ".json":
		read = readJSON
	case ".toml":
		read = readTOML
	case ".py":
		read = readPython
	default:
		return loadYAML(file, text)
	}
	src := newSource(file, strings.TrimPrefix(string(text), "\ufeff"))
	problem := src.check()
	if problem != nil {
		return nil, problem
	}
	root, problem := read(src)
	if problem != nil {
		return nil, problem
	}
	return newTree(file, root), nil
}

func newTree(file string, root *node) *Tree {
	if root != nil && root.kind == document.Map && len(root.keys) == 0 {
		root = nil
	}
	return &Tree{file: file, root: root}
}

// source is a text with what is needed to name a place in it.
type source struct {
	file  string
	text  string
	nodes int
	lines []int // offsets of the lines' starts; made at first use

	// The place that was asked for last: the next is mostly behind it.
	offset, line, col int
}

func newSource(file, text string) *source {
	return &source{file: file, text: text, line: 1, col: 1}
}

// check refuses what no reader could take.
func (s *source) check() *diag.Error {
	if len(s.text) > maxSize {
		return s.fail(0, 1, "the file is larger than %d MiB", maxSize>>20)
	}
	if strings.HasPrefix(s.text, "\xff\xfe") || strings.HasPrefix(s.text, "\xfe\xff") {
		return s.fail(0, 1, "the file is UTF-16").WithHint("save it as UTF-8")
	}
	if at := strings.Index("\n"+s.text, "\n<<<<<<< "); at >= 0 {
		return s.fail(at, 7, "the file has git's conflict markers").WithHint("keep one side of each conflict and remove the markers")
	}
	if utf8.ValidString(s.text) {
		return nil
	}
	for i := 0; ; {
		r, size := utf8.DecodeRuneInString(s.text[i:])
		if r == utf8.RuneError && size <= 1 {
			return s.fail(i, 1, "the file is not UTF-8").WithHint("save it as UTF-8")
		}
		i += size
	}
}

// place returns line and column of an offset, both from 1, the column in runes. It
// is fast when the offsets come in rising order.
func (s *source) place(offset int) (line, col int) {
	offset = min(max(offset, 0), len(s.text))
	if offset < s.offset {
		s.seek(offset)
	}
	between := s.text[s.offset:offset]
	if newline := strings.LastIndexByte(between, '\n'); newline >= 0 {
		s.line += strings.Count(between, "\n")
		s.col = 1
		between = between[newline+1:]
	}
	s.col += utf8.RuneCountInString(between)
	s.offset = offset
	return s.line, s.col
}

// seek goes back to the start of an offset's line.
func (s *source) seek(offset int) {
	if s.lines == nil {
		s.lines = []int{0}
		for i := range len(s.text) {
			if s.text[i] == '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	}
	s.line = sort.SearchInts(s.lines, offset+1)
	s.col, s.offset = 1, s.lines[s.line-1]
}

// fail returns an error at an offset that spans width runes.
func (s *source) fail(offset, width int, format string, args ...any) *diag.Error {
	offset = min(max(offset, 0), len(s.text))
	line, col := s.place(offset)
	problem := diag.At(diag.Pos{File: s.file, Line: line, Col: col}, format, args...)
	problem.Width = max(width, 1)
	start := strings.LastIndexByte(s.text[:offset], '\n') + 1
	rest := s.text[start:min(len(s.text), start+maxLine+1)]
	rest, _, _ = strings.Cut(rest, "\n")
	if len(rest) <= maxLine {
		problem.Line = strings.Map(harmless, strings.ToValidUTF8(strings.TrimSuffix(rest, "\r"), "\ufffd"))
	}
	return problem
}

// harmless replaces what would control a terminal.
func harmless(r rune) rune {
	if r != '\t' && unicode.IsControl(r) {
		return utf8.RuneError
	}
	return r
}

// node returns a new node that stands at an offset.
func (s *source) node(kind document.Kind, text string, offset int) *node {
	line, col := s.place(offset)
	s.nodes++
	return &node{kind: kind, text: text, line: line, col: col}
}

// scalar returns a node for a value that stands at an offset.
func (s *source) scalar(value Value, offset int) *node { return s.node(value.Kind, value.Text, offset) }

// bound refuses what goes beyond the bounds at an offset.
func (s *source) bound(depth, offset int) *diag.Error {
	switch {
	case depth > maxDepth:
		return s.fail(offset, 1, "nested more than %d levels deep", maxDepth)
	case s.nodes >= maxNodes:
		return s.fail(offset, 1, "more than %d values", maxNodes)
	}
	return nil
}
