package lock

import (
	"bytes"
	"strings"

	"flow/pkg/digest"
)

// Conflict is a lock file that git could not merge.
type Conflict struct {
	Base, Ours, Theirs *File
	Chosen             bool // flow marked it: all that is open is what its markers hold
}

// Conflicted reports whether a text has the markers that a merge leaves.
func Conflicted(text []byte) bool {
	line, _ := markerLine(text)
	return line > 0
}

// markerLine finds the first line that is a marker; 0 when there is none.
func markerLine(text []byte) (number int, line string) {
	first := -1
	for _, marker := range []string{"<<<<<<< ", ">>>>>>> ", "||||||| "} {
		at := 0
		if !bytes.HasPrefix(text, []byte(marker)) {
			at = bytes.Index(text, []byte("\n"+marker)) + 1
			if at == 0 {
				continue
			}
		}
		if first < 0 || at < first {
			first = at
		}
	}
	if first < 0 {
		return 0, ""
	}
	found, _, _ := bytes.Cut(text[first:], []byte("\n"))
	return bytes.Count(text[:first], []byte("\n")) + 1, string(found)
}

// ReadConflict reads a text with conflict markers, with the base between them or without.
// Where it is not there, what only one side has was added by it, as far as can be known.
func ReadConflict(name string, text []byte) (*Conflict, error) {
	base, ours, theirs := split(string(text))
	c := &Conflict{Chosen: bytes.Contains(text, []byte(oursLine))}
	var err error
	if c.Ours, err = Decode(name, []byte(ours)); err != nil {
		return nil, err
	}
	if c.Theirs, err = Decode(name, []byte(theirs)); err != nil {
		return nil, err
	}
	if c.Base, err = Decode(name, []byte(base)); err != nil || !strings.Contains(string(text), "\n|||||||") {
		c.Base = New()
	}
	return c, nil
}

// Merge is Merge of the three.
func (c *Conflict) Merge() (*File, []Contest) { return Merge(c.Base, c.Ours, c.Theirs) }

// split takes a text with markers apart. What is around them belongs to all three.
func split(text string) (base, ours, theirs string) {
	var sides [3]strings.Builder // base, ours, theirs
	at := -1
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "<<<<<<< "):
			at = 1
		case at == 1 && strings.HasPrefix(line, "|||||||"):
			at = 0
		case at >= 0 && strings.TrimRight(line, "\r\n") == "=======":
			at = 2
		case at >= 0 && strings.HasPrefix(line, ">>>>>>> "):
			at = -1
		default:
			for side := range sides {
				if at < 0 || at == side {
					sides[side].WriteString(line)
				}
			}
		}
	}
	return sides[0].String(), sides[1].String(), sides[2].String()
}

// MergeTexts merges three texts of a lock file, as git has them, and returns what is to
// stand in the file and how much of it a person must still choose. An empty text is a
// file that was not there. What can't be read stands there whole, from both sides.
func MergeTexts(name string, base, ours, theirs []byte) ([]byte, int) {
	from := New()
	if file, err := decodeSide(name, base); err == nil {
		from = file
	}
	mine, err := decodeSide(name, ours)
	if err != nil {
		return wholeConflict(ours, theirs), 1
	}
	yours, err := decodeSide(name, theirs)
	if err != nil {
		return wholeConflict(ours, theirs), 1
	}
	merged, contests := Merge(from, mine, yours)
	open := 0
	for _, contest := range contests {
		if contest.Source() {
			open++
		}
	}
	return merged.EncodeContested(contests), open
}

func decodeSide(name string, text []byte) (*File, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return New(), nil
	}
	return Decode(name, text)
}

func wholeConflict(ours, theirs []byte) []byte {
	end := func(text []byte) string {
		if len(text) > 0 && text[len(text)-1] != '\n' {
			return string(text) + "\n"
		}
		return string(text)
	}
	return []byte("<<<<<<< ours\n" + end(ours) + middleLine + end(theirs) + ">>>>>>> theirs\n")
}

// Gone reports whether a side has no entry any more.
func (r Record) Gone() bool { return r.Entry == nil && r.Is == nil }

// Content returns what a side has of a data source; the zero Content when it is gone.
func (r Record) Content() digest.Content {
	if r.Is == nil {
		return digest.Content{}
	}
	return *r.Is
}
