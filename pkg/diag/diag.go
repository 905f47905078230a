// Package diag is an error with a place and a hint.
//
// It is the one type for what a person can mend in a file of theirs. The value
// holds no colour and no layout: package ui draws it.
package diag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a text. Line and Col count from 1, Col in runes; zero means
// that the whole file (or, with an empty File, nothing in particular) is meant.
type Pos struct {
	File string
	Line int
	Col  int
}

// String returns file:line:col, leaving out what is not known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Note is a second place that helps to understand an error: "first defined here".
type Note struct {
	Pos Pos
	Msg string
}

// Error is a mistake at a place.
type Error struct {
	Pos   Pos
	Width int    // how many runes from Pos the mistake spans; at least 1 when Pos.Col is known
	Line  string // the text of the line, without its end; "" when not known
	Msg   string // lower case, no full stop, no newline
	Hint  string // what to do about it; may be ""
	Notes []Note
	Err   error // what caused it; may be nil
}

// At returns an Error at a place.
func At(pos Pos, format string, args ...any) *Error {
	return &Error{Pos: pos, Msg: fmt.Sprintf(format, args...)}
}

// WithHint sets the hint and returns the same Error.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithNote adds a second place and returns the same Error.
func (e *Error) WithNote(pos Pos, format string, args ...any) *Error {
	e.Notes = append(e.Notes, Note{Pos: pos, Msg: fmt.Sprintf(format, args...)})
	return e
}

// Error returns the message on one line, behind its place.
func (e *Error) Error() string {
	if place := e.Pos.String(); place != "" {
		return place + ": " + e.Msg
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// List is all that is wrong, so that a person sees it at once.
type List []*Error

// Add appends one error; nil is ignored.
func (l *List) Add(e *Error) {
	if e != nil {
		*l = append(*l, e)
	}
}

// AddErr appends what err holds: an Error, a List, or any other error as an
// Error without a place.
func (l *List) AddErr(err error) {
	if err == nil {
		return
	}
	*l = append(*l, All(err)...)
}

// Err returns the List sorted by place, or nil when it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	slices.SortStableFunc(l, func(a, b *Error) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Col-b.Pos.Col)
	})
	return l
}

// Error returns all messages, a line each.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look into every entry.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// All returns err as a list: its own entries, or one entry that wraps it.
func All(err error) List {
	var list List
	if errors.As(err, &list) {
		return list
	}
	var one *Error
	if errors.As(err, &one) {
		return List{one}
	}
	if err == nil {
		return nil
	}
	return List{{Msg: err.Error(), Err: err}}
}

// Nearest returns the candidate that is most likely meant by a misspelt word, or
// "" when none is near enough.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", len(word)/3+2
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// replacements and swaps of neighbours.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}
