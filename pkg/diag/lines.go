package diag

import (
	"strings"
	"unicode/utf8"
)

// Lines is a text by lines, to show where a mistake is.
type Lines struct {
	whole []byte
	text  []string // made at first use, as most texts have no mistake
}

// Bounds of what is shown: a larger file has been refused for its size, a longer line
// would fill the screen.
const (
	maxText = 16 << 20
	maxLine = 1000
)

// NewLines returns a text by lines. What ends a line, and a BOM, are no part of it.
func NewLines(text []byte) *Lines {
	if len(text) > maxText {
		text = nil
	}
	return &Lines{whole: text}
}

// split takes the text apart.
func (l *Lines) split() []string {
	if l.text == nil {
		plain := strings.TrimPrefix(string(l.whole), "\ufeff")
		plain = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(plain)
		l.text = strings.Split(plain, "\n")
	}
	return l.text
}

// Show adds the text of the line, and the width of the word, to an error that has
// only a place.
func (l *Lines) Show(problem *Error) {
	line := l.Line(problem.Pos.Line)
	if problem.Line != "" || line == "" || len(line) > maxLine {
		return
	}
	problem.Line = line
	runes := []rune(problem.Line)
	if problem.Width <= 1 && problem.Pos.Col >= 1 && problem.Pos.Col <= len(runes) {
		word := string(runes[problem.Pos.Col-1:])
		if end := strings.IndexAny(word, ",]}: \t"); end > 0 {
			word = word[:end]
		}
		problem.Width = max(1, utf8.RuneCountInString(word))
	}
}

// Find returns where a word is that stands in a scalar of some size: the one behind
// so many others. What is written otherwise in the file is not found.
func (l *Lines) Find(pos Pos, word string, others, size int) (Pos, bool) {
	if pos.Line < 1 || pos.Line > l.Len() || strings.ContainsRune(word, '\n') {
		return pos, false
	}
	first := []rune(l.Line(pos.Line))
	skipped := min(max(pos.Col-1, 0), len(first))
	rest := string(first[skipped:])
	if strings.HasPrefix(rest, "*") { // an alias: the text is elsewhere
		return pos, false
	}
	for budget := 4*size + 1000; budget > 0; skipped = 0 {
		line, col := rest, skipped+1
		for {
			before, after, found := strings.Cut(line, word)
			if !found {
				break
			}
			col += utf8.RuneCountInString(before)
			if others == 0 {
				return Pos{File: pos.File, Line: pos.Line, Col: col}, true
			}
			others--
			col += utf8.RuneCountInString(word)
			line = after
		}
		budget -= len(rest) + 1
		if pos.Line++; pos.Line > l.Len() {
			break
		}
		rest = l.Line(pos.Line)
	}
	return pos, false
}

// Line returns the text of a line, which counts from 1; "" when there is none.
func (l *Lines) Line(number int) string {
	if text := l.split(); number >= 1 && number <= len(text) {
		return text[number-1]
	}
	return ""
}

// Len returns the number of lines.
func (l *Lines) Len() int { return len(l.split()) }
