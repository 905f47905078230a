package replay

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"flow/pkg/values"
)

// Difference is how a file that was made again is not what it was.
type Difference struct {
	Path  string `json:"path"`  // of the out, or inside it
	State string `json:"state"` // modified, added, deleted, or mode: only that, or a link's target, is another
	// Keys are the values that differ, of a file of values or a table.
	Keys []KeyDifference `json:"keys,omitempty"`
	// Byte is where a modified file differs first, from 0; Line, from 1, is 0 where it is no
	// text. Was and Is are the two lines, cut. Without Byte it is not known where.
	Byte *int64 `json:"byte,omitempty"`
	Line int    `json:"line,omitempty"`
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
}

// KeyDifference is a value that differs. Of a table, the key is the row and the column.
type KeyDifference struct {
	Key string        `json:"key"`
	Was *values.Value `json:"was"` // nil: there was none
	Is  *values.Value `json:"is"`
}

const (
	maxCompared = 8 << 20 // what is larger is not read as values
	maxKeys     = 1000
	maxLine     = 80 // of a line that is shown, in bytes
)

// compareFiles finds the first difference of two contents, and which values differ where
// the name says that there are such.
func compareFiles(name string, was, is io.Reader) (Difference, error) {
	d := Difference{Path: name, State: "modified"}
	old, now := &beginning{limit: maxCompared}, &beginning{limit: maxCompared}
	if err := d.firstByte(io.TeeReader(was, old), io.TeeReader(is, now)); err != nil {
		return d, err
	}
	if !old.whole || !now.whole {
		return d, nil
	}
	switch path.Ext(name) {
	case ".csv", ".tsv":
		d.Keys = compareCells(name, old.text, now.text)
	case ".json", ".yaml", ".yml", ".toml":
		d.Keys = compareValues(name, old.text, now.text)
	}
	return d, nil
}

// beginning keeps what is read, if it is no more than a limit.
type beginning struct {
	text  []byte
	limit int
	whole bool
}

func (b *beginning) Write(p []byte) (int, error) {
	b.whole = len(b.text)+len(p) <= b.limit
	if b.whole {
		b.text = append(b.text, p...)
	} else {
		b.limit = -1
	}
	return len(p), nil
}

// firstByte finds where two contents differ first, and reads both to their ends, unless
// that is far.
func (d *Difference) firstByte(was, is io.Reader) error {
	old, now := make([]byte, 64<<10), make([]byte, 64<<10)
	var start []byte // of the line that both are in
	d.Byte, d.Line = new(int64), 1
	isText := true
	found := false
	for read := 0; ; {
		n, m, ended, err := readBoth(was, is, old, now)
		if err != nil {
			return err
		}
		if !found {
			same := common(old[:n], now[:m])
			*d.Byte += int64(same)
			d.Line += bytes.Count(old[:same], []byte("\n"))
			start = append(start, old[:same]...)
			start = start[bytes.LastIndexByte(start, '\n')+1:]
			start = start[:min(len(start), maxLine)]
			isText = isText && bytes.IndexByte(old[:n], 0) < 0 && bytes.IndexByte(now[:m], 0) < 0
			if found = same < n || same < m; found {
				d.Was, d.Is = cutLine(start, old[same:n]), cutLine(start, now[same:m])
			}
		}
		if read += max(n, m); ended || found && read > maxCompared {
			break
		}
	}
	if !isText || !utf8.ValidString(d.Was) || !utf8.ValidString(d.Is) {
		d.Line = 0
	}
	if d.Line == 0 || d.Was == d.Is { // only the line's end is another
		d.Was, d.Is = "", ""
	}
	return nil
}

// readBoth fills two buffers as far as the contents go.
func readBoth(was, is io.Reader, old, now []byte) (n, m int, ended bool, err error) {
	n, errOld := io.ReadFull(was, old)
	m, errNow := io.ReadFull(is, now)
	for _, err := range []error{errOld, errNow} {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return n, m, true, err
		}
	}
	return n, m, errOld != nil && errNow != nil, nil
}

func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// cutLine is a line of which both sides have the start, as far as it is shown: where it is
// long, the part that differs.
func cutLine(start, rest []byte) string {
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	line := append(bytes.Clone(start), rest...)
	if len(line) > maxLine {
		line = append([]byte("…"), rest[:min(len(rest), maxLine)]...)
	}
	for len(line) > 0 { // not within a letter
		if r, size := utf8.DecodeLastRune(line); r != utf8.RuneError || size > 1 {
			break
		}
		line = line[:len(line)-1]
	}
	return strings.TrimSuffix(string(line), "\r")
}

// compareValues returns the values that differ; none where one of the files can't be read.
func compareValues(name string, was, is []byte) []KeyDifference {
	old, err := values.Load(name, was)
	if err != nil {
		return nil
	}
	now, err := values.Load(name, is)
	if err != nil {
		return nil
	}
	var keys []KeyDifference
	for _, change := range values.Diff(old.Flatten(), now.Flatten(), false) {
		if len(keys) < maxKeys {
			keys = append(keys, KeyDifference{Key: change.Key, Was: change.Old, Is: change.New})
		}
	}
	return keys
}

// compareCells returns the cells of two tables that differ; none where a table can't be
// read, or where they have other columns.
func compareCells(name string, was, is []byte) []KeyDifference {
	old, now := readCells(name, was), readCells(name, is)
	if len(old) == 0 || len(now) == 0 || strings.Join(old[0], "\x00") != strings.Join(now[0], "\x00") {
		return nil
	}
	var keys []KeyDifference
	cell := func(rows [][]string, row, column int) *values.Value {
		if row >= len(rows) || column >= len(rows[row]) {
			return nil
		}
		value, err := values.ParseJSONText(rows[row][column])
		if err != nil {
			value, _ = values.ParseJSONText(`""`)
			value.Text = rows[row][column]
		}
		return &value
	}
	for row := 1; row < max(len(old), len(now)); row++ {
		for column, title := range old[0] {
			a, b := cell(old, row, column), cell(now, row, column)
			if a != nil && b != nil && a.Equal(*b) || a == nil && b == nil {
				continue
			}
			if len(keys) < maxKeys {
				keys = append(keys, KeyDifference{Key: fmt.Sprintf("row %d, %s", row, title), Was: a, Is: b})
			}
		}
	}
	return keys
}

func readCells(name string, text []byte) [][]string {
	reader := csv.NewReader(bytes.NewReader(text))
	if path.Ext(name) == ".tsv" {
		reader.Comma = '\t'
	}
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		return nil
	}
	return rows
}
