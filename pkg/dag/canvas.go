package dag

import "strings"

// The arms of a cell: where lines leave it.
const (
	up = 1 << iota
	down
	left
	right
)

// glyphs are what lines look like, by arms. A line that passes over another without
// touching it is drawn whole, the one below it is interrupted: ─│─.
type glyphs [16]string

func lineGlyphs(ascii bool) *glyphs {
	if ascii {
		// A dot goes down, a quote goes up, a plus both ways.
		return &glyphs{
			up: "|", down: "|", up | down: "|", left: "-", right: "-", left | right: "-",
			down | right: ".", down | left: ".", down | left | right: ".",
			up | right: "'", up | left: "'", up | left | right: "'",
			up | down | right: "+", up | down | left: "+", up | down | left | right: "+",
		}
	}
	return &glyphs{
		up: "│", down: "│", up | down: "│", left: "─", right: "─", left | right: "─",
		down | right: "╭", down | left: "╮", down | left | right: "┬",
		up | right: "╰", up | left: "╯", up | left | right: "┴",
		up | down | right: "├", up | down | left: "┤", up | down | left | right: "┼",
	}
}

// frame is the owner of the cells that make a box's border.
const frame = -1

type cell struct {
	arms  uint8
	owner int // the net that drew the line, from 1; frame; or 0
	over  bool
	text  string // a rune with its combining marks
	gone  bool   // hidden behind the wide rune to its left
}

// canvas is a grid of cells that lines are drawn on.
type canvas struct {
	rows      [][]cell
	crossings int
}

func newCanvas(width, height int) *canvas {
	c := &canvas{rows: make([][]cell, height)}
	for y := range c.rows {
		c.rows[y] = make([]cell, width)
	}
	return c
}

// mark adds arms to a cell. Where two owners' lines meet inside of both, they cross.
func (c *canvas) mark(x, y int, arms uint8, owner int) {
	at := &c.rows[y][x]
	switch {
	case at.owner == 0:
		at.owner = owner
	case at.owner != owner && at.owner != frame:
		at.over = true
		c.crossings++
	}
	at.arms |= arms
}

// vertical draws a line between the middles of two cells of a column.
func (c *canvas) vertical(x, from, to, owner int) {
	for y := from; y <= to && from < to; y++ {
		arms := uint8(up | down)
		if y == from {
			arms = down
		} else if y == to {
			arms = up
		}
		c.mark(x, y, arms, owner)
	}
}

// horizontal draws a line between the middles of two cells of a row.
func (c *canvas) horizontal(y, from, to, owner int) {
	for x := from; x <= to && from < to; x++ {
		arms := uint8(left | right)
		if x == from {
			arms = right
		} else if x == to {
			arms = left
		}
		c.mark(x, y, arms, owner)
	}
}

// box draws a border around a number of lines of text. x and y are its top left corner.
func (c *canvas) box(x, y, width, lines int) {
	x2, y2 := x+width-1, y+lines+1
	c.horizontal(y, x, x2, frame)
	c.horizontal(y2, x, x2, frame)
	c.vertical(x, y, y2, frame)
	c.vertical(x2, y, y2, frame)
}

// text writes over what is there. There must be a column to the left of x.
func (c *canvas) text(x, y int, text string) {
	row, last := c.rows[y], x-1
	for _, r := range text {
		width := runeWidth(r)
		if width == 0 {
			if row[last].text == "" {
				row[last].text = " "
			}
			row[last].text += string(r)
			continue
		}
		row[x].text, last = string(r), x
		if width == 2 {
			row[x+1].gone = true
		}
		x += width
	}
}

// lines returns the drawing, without blanks at the ends of its lines.
func (c *canvas) lines(ascii bool) []string {
	look := lineGlyphs(ascii)
	out := make([]string, len(c.rows))
	for y, row := range c.rows {
		var line strings.Builder
		for _, at := range row {
			switch {
			case at.gone:
			case at.text != "":
				line.WriteString(at.text)
			case at.over:
				line.WriteString(look[up|down])
			case at.owner == frame && ascii && at.arms&(left|right) == left|right && at.arms&(up|down) != 0:
				line.WriteString("+")
			case at.arms != 0:
				line.WriteString(look[at.arms])
			default:
				line.WriteByte(' ')
			}
		}
		out[y] = strings.TrimRight(line.String(), " ")
	}
	return out
}
