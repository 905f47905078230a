package cache

import (
	"encoding/hex"
	"strings"
	"time"

	"flow/pkg/digest"
)

// Action is all that decides what a stage makes, in readable lines: "flow action v1",
// "cmd …", "dep <path> <mode> <digest>", "out <path>" … (see Line). Equal lines in the
// same order are the same action.
type Action struct{ Lines []string }

// Key names an action: the digest of its lines. It is a type of its own, so that no
// key is taken for the digest of an object.
type Key [32]byte

// String returns the hex digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Key returns the digest of the lines.
func (a Action) Key() Key { return Key(digest.Sum(a.text(func(string) bool { return true }))) }

// outsKey names the set of outs: actions that share it are runs of what is, as far as
// anyone can tell, the same stage.
func (a Action) outsKey() Key {
	return Key(digest.Sum(a.text(func(line string) bool { return strings.HasPrefix(line, "out ") })))
}

// text returns the lines that are wanted, each with a newline. A line that holds a
// newline is quoted, so that it can't pass for two.
func (a Action) text(want func(line string) bool) []byte {
	var text []byte
	for _, line := range a.Lines {
		if want(line) {
			text = append(appendLast(text, line), '\n')
		}
	}
	return text
}

// Result is what an action made, once.
type Result struct {
	Outs  []ResultOut
	Time  time.Time // when it ended
	Stage string    // the stage's name then, for people
}

// ResultOut is what one out held.
type ResultOut struct {
	Path    string
	Content digest.Content
}

// sameOuts reports whether two results are the same but for when and by which stage.
func (r Result) sameOuts(other Result) bool {
	if len(r.Outs) != len(other.Outs) {
		return false
	}
	for i := range r.Outs {
		if r.Outs[i] != other.Outs[i] {
			return false
		}
	}
	return true
}

// LineDiff is one line that differs between two actions: what it was and what it is;
// "" for a line that only one of them has.
type LineDiff struct{ Was, Is string }

// DiffLines returns the lines that differ, in the order of the new action, then those
// that only the old one has. Two lines about the same thing, such as one dep, make one
// difference.
func DiffLines(was, is Action) []LineDiff {
	left := map[string]int{} // lines of was, with how many are not matched yet
	for _, line := range was.Lines {
		left[line]++
	}
	var added []string
	for _, line := range is.Lines {
		if left[line] > 0 {
			left[line]--
		} else {
			added = append(added, line)
		}
	}
	var gone []string
	for i := len(was.Lines) - 1; i >= 0; i-- {
		if line := was.Lines[i]; left[line] > 0 {
			left[line]--
			gone = append(gone, line)
		}
	}
	bySubject := map[string][]int{} // places in gone, the first of was.Lines last
	for i, line := range gone {
		bySubject[subject(line)] = append(bySubject[subject(line)], i)
	}
	var diffs []LineDiff
	for _, line := range added {
		diff := LineDiff{Is: line}
		if places := bySubject[subject(line)]; len(places) > 0 {
			i := places[len(places)-1]
			diff.Was = gone[i]
			gone[i] = ""
			bySubject[subject(line)] = places[:len(places)-1]
		}
		diffs = append(diffs, diff)
	}
	for i := len(gone) - 1; i >= 0; i-- {
		if gone[i] != "" {
			diffs = append(diffs, LineDiff{Was: gone[i]})
		}
	}
	return diffs
}

// subject returns the part of a line that says what it is about: the dep, the file and
// key of a param, the name of a variable, or else the line's kind.
func subject(line string) string {
	kind, rest, _ := strings.Cut(line, " ")
	fields := 0
	switch kind {
	case "dep":
		fields = 1
	case "param":
		fields = 2
	case "env":
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, `"`), "=")
		return kind + " " + name
	case "out":
		return line
	}
	about := kind
	for range fields {
		var field string
		field, rest, _ = cutField(rest)
		about += "\x00" + field
	}
	return about
}
