package ui

import (
	"slices"
	"strings"
	"unicode"
)

// Table is rows of cells below a header.
type Table struct {
	Header []string
	Rows   [][]string
	Whole  []string // headers of columns that Fit leaves as they are
}

// Text lays the table out in columns, two spaces apart.
func (t Table) Text(style Style) string {
	widths := t.widths()
	var b strings.Builder
	write := func(row []string, paint func(string) string) {
		var line strings.Builder
		for i, cell := range row {
			cell = printable(cell)
			line.WriteString(paint(cell))
			if i+1 < len(row) {
				line.WriteString(strings.Repeat(" ", widths[i]-TextWidth(cell)+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	write(t.Header, style.Bold)
	for _, row := range t.Rows {
		write(row, func(cell string) string { return cell })
	}
	return b.String()
}

// Markdown writes the table as GitHub reads it.
func (t Table) Markdown() string {
	escaped := Table{Header: escapeCells(t.Header)}
	for _, row := range t.Rows {
		escaped.Rows = append(escaped.Rows, escapeCells(row))
	}
	widths := escaped.widths()
	var b strings.Builder
	write := func(row []string) {
		for i, cell := range row {
			b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-TextWidth(cell)+1))
		}
		b.WriteString("|\n")
	}
	write(escaped.Header)
	for _, width := range widths {
		b.WriteString("|" + strings.Repeat("-", width+2))
	}
	b.WriteString("|\n")
	for _, row := range escaped.Rows {
		write(row)
	}
	return b.String()
}

// narrowest is how far Fit narrows a column.
const narrowest = 8

// Fit returns the table with its widest columns cut, so that it takes at most so many
// columns of a terminal, as far as that goes; 0 is a terminal of any width.
func (t Table) Fit(columns int) Table {
	widths, total := t.widths(), t.Width()
	if columns <= 0 || total <= columns {
		return t
	}
	whole := func(i int) bool { return slices.Contains(t.Whole, t.Header[i]) }
	for total > columns {
		widest, second := -1, 0
		for i, width := range widths {
			if !whole(i) && (widest < 0 || width > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		for i, width := range widths {
			if i != widest && !whole(i) {
				second = max(second, width)
			}
		}
		narrower := max(min(second, widths[widest]-1), widths[widest]-(total-columns), narrowest)
		if narrower >= widths[widest] {
			break
		}
		total -= widths[widest] - narrower
		widths[widest] = narrower
	}
	cut := func(row []string) []string {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = Cut(printable(cell), widths[i])
		}
		return cells
	}
	fitted := Table{Header: cut(t.Header)}
	for _, row := range t.Rows {
		fitted.Rows = append(fitted.Rows, cut(row))
	}
	return fitted
}

// Width returns how many columns of a terminal the table takes.
func (t Table) Width() int {
	total := 2 * (len(t.Header) - 1)
	for _, width := range t.widths() {
		total += width
	}
	return total
}

// Without returns the table without one of its columns.
func (t Table) Without(column int) Table {
	cut := func(row []string) []string { return slices.Delete(slices.Clone(row), column, column+1) }
	less := Table{Header: cut(t.Header), Whole: t.Whole}
	for _, row := range t.Rows {
		less.Rows = append(less.Rows, cut(row))
	}
	return less
}

func escapeCells(row []string) []string {
	cells := make([]string, len(row))
	for i, cell := range row {
		cells[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell)
	}
	return cells
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Header))
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], TextWidth(printable(cell)))
		}
	}
	return widths
}

// printable takes out of a text what would move the cursor or command the terminal;
// it has as many runes as before.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case unicode.IsControl(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
