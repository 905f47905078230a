package plots

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/values"
)

// Table is the points of a file: a row for each point. A cell that a point lacks is
// null.
type Table struct {
	Columns []string
	Rows    [][]values.Value
	Last    string // the column that is drawn where none is declared: the last of the first list
}

// ReadTable reads the points of a file by its name's suffix: a table with a header
// (.csv, .tsv), or the lists of mappings in a tree (.json, .yaml, .toml). Without a
// header the columns are 0, 1, 2 …
func ReadTable(file string, content []byte, header bool) (*Table, error) {
	switch strings.ToLower(path.Ext(file)) {
	case ".csv":
		return readCells(file, content, ',', header)
	case ".tsv":
		return readCells(file, content, '\t', header)
	case ".json", ".yaml", ".yml", ".toml":
	default:
		return nil, diag.At(diag.Pos{File: file}, "the file is no table").
			WithHint("plots are read from .csv, .tsv, .json, .yaml, .toml and from images")
	}
	tree, err := values.Load(file, content)
	if err != nil {
		return nil, err
	}
	table := &Table{}
	table.gather(tree)
	if len(table.Columns) == 0 {
		return nil, diag.At(diag.Pos{File: file}, "the file holds no list of points").
			WithHint("write it as [{step: 0, loss: 0.5}, …]; the list may lie below a key")
	}
	return table, nil
}

func readCells(file string, content []byte, separator rune, header bool) (*Table, error) {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff"))))
	reader.Comma, reader.LazyQuotes, reader.ReuseRecord = separator, separator == '\t', true
	reader.FieldsPerRecord = -1
	table := &Table{}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badCells(file, err)
		}
		if table.Columns == nil {
			if header {
				table.Columns = slices.Clone(record)
				continue
			}
			for i := range record {
				table.Columns = append(table.Columns, strconv.Itoa(i))
			}
		}
		if len(record) > len(table.Columns) {
			line, _ := reader.FieldPos(len(table.Columns))
			return nil, diag.At(diag.Pos{File: file, Line: line, Col: 1}, "the row has %d cells, and there are %d columns", len(record), len(table.Columns))
		}
		row := make([]values.Value, len(table.Columns))
		for i, cell := range record {
			row[i] = values.Value{Kind: document.String, Text: cell}
		}
		table.Rows = append(table.Rows, row)
	}
	if len(table.Columns) == 0 {
		return nil, diag.At(diag.Pos{File: file}, "the file is empty")
	}
	table.Last = table.Columns[len(table.Columns)-1]
	return table, nil
}

func badCells(file string, err error) error {
	var problem *csv.ParseError
	if errors.As(err, &problem) {
		return diag.At(diag.Pos{File: file, Line: problem.Line, Col: problem.Column}, "%s", problem.Err)
	}
	return err
}

// gather takes each list of mappings with the same keys. Rows of several lists are
// joined, the first with the first.
func (t *Table) gather(tree *values.Tree) {
	if tree.Kind() == document.Map {
		for _, below := range tree.Items() {
			if kind := below.Kind(); kind == document.Map || kind == document.List {
				t.gather(below)
			}
		}
		return
	}
	items := tree.Items()
	if len(items) == 0 || slices.ContainsFunc(items, func(item *values.Tree) bool { return item.Kind() != document.Map }) {
		return
	}
	if keys := items[0].Keys(); t.Last == "" && len(keys) > 0 {
		t.Last = keys[len(keys)-1]
	}
	for i, item := range items {
		if i == len(t.Rows) {
			t.Rows = append(t.Rows, nil)
		}
		for j, cell := range item.Items() {
			t.set(i, item.Keys()[j], cell.Value())
		}
	}
}

func (t *Table) set(row int, column string, value values.Value) {
	at := slices.Index(t.Columns, column)
	if at < 0 {
		at = len(t.Columns)
		t.Columns = append(t.Columns, column)
	}
	for len(t.Rows[row]) <= at {
		t.Rows[row] = append(t.Rows[row], values.Value{})
	}
	t.Rows[row][at] = value
}

// Column returns the cells of a column.
func (t *Table) Column(name string) ([]values.Value, bool) {
	at := slices.Index(t.Columns, name)
	if at < 0 {
		return nil, false
	}
	cells := make([]values.Value, len(t.Rows))
	for i, row := range t.Rows {
		if at < len(row) {
			cells[i] = row[at]
		}
	}
	return cells, true
}
