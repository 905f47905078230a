package diag

import (
	"strings"
	"unicode/utf8"
)

// Lines is a text by lines, to show where a mistake is.
type Lines struct{ text []string }

// NewLines takes a text apart. What ends a line, and a BOM, are no part of it.
func NewLines(text []byte) *Lines {
	plain := strings.TrimPrefix(string(text), "\ufeff")
	plain = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(plain)
	return &Lines{text: strings.Split(plain, "\n")}
}

// Show adds the text of the line, and the width of the word, to an error that has
// only a place.
func (l *Lines) Show(problem *Error) {
	if problem.Line != "" || problem.Pos.Line < 1 || problem.Pos.Line > len(l.text) {
		return
	}
	problem.Line = l.text[problem.Pos.Line-1]
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
	if pos.Line < 1 || pos.Line > len(l.text) || strings.ContainsRune(word, '\n') {
		return pos, false
	}
	first := []rune(l.text[pos.Line-1])
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
		if pos.Line++; pos.Line > len(l.text) {
			break
		}
		rest = l.text[pos.Line-1]
	}
	return pos, false
}

// Line returns the text of a line, which counts from 1; "" when there is none.
func (l *Lines) Line(number int) string {
	if number < 1 || number > len(l.text) {
		return ""
	}
	return l.text[number-1]
}

// Len returns the number of lines.
func (l *Lines) Len() int { return len(l.text) }
