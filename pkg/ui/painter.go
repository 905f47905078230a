package ui

import (
	"fmt"
	"strings"
)

// painter knows which lines stand at the bottom of a terminal, right above the cursor,
// and what has to be written for others to stand there.
type painter struct {
	lines  []string
	widths []int // of the lines
	width  int   // of the terminal when they were written
}

// paint returns what puts a text above the lines, to stay, and has them show what is
// new. Where nothing changed it is "". The text is empty or ends with a newline.
func (p *painter) paint(text string, lines []string, width int) string {
	rows := p.rows(width)
	resized := width != p.width && len(p.lines) > 0
	var b strings.Builder
	switch {
	case text == "" && !resized:
		p.update(&b, lines, rows)
	default:
		up(&b, rows)
		if rows > 0 {
			b.WriteString("\x1b[J")
		}
		b.WriteString(text)
		for _, line := range lines {
			b.WriteString(line + "\n")
		}
	}
	p.lines, p.width, p.widths = lines, width, nil
	for _, line := range lines {
		p.widths = append(p.widths, TextWidth(Clean(line, false)))
	}
	return b.String()
}

// update writes the lines that differ, in place.
func (p *painter) update(b *strings.Builder, lines []string, rows int) {
	first := 0
	for first < min(len(lines), len(p.lines)) && lines[first] == p.lines[first] {
		first++
	}
	if first == len(lines) && first == len(p.lines) {
		return
	}
	up(b, rows-first)
	for i := first; i < len(lines); i++ {
		if i >= len(p.lines) || lines[i] != p.lines[i] {
			b.WriteString(lines[i] + "\x1b[K")
		}
		b.WriteString("\n")
	}
	if len(lines) < len(p.lines) {
		b.WriteString("\x1b[J")
	}
}

// rows is how many rows the lines take now: a terminal that became narrower has
// wrapped them.
func (p *painter) rows(width int) int {
	rows := 0
	for _, columns := range p.widths {
		rows += max(1, (columns+width-1)/max(1, width))
	}
	return rows
}

func up(b *strings.Builder, rows int) {
	b.WriteString("\r")
	if rows > 0 {
		fmt.Fprintf(b, "\x1b[%dA", rows)
	}
}
