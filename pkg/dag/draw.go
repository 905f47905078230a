package dag

import (
	"fmt"
	"slices"
	"strings"
)

// Drawing says how a graph is drawn for a terminal. The zero value is a drawing of
// any width, in box glyphs, with names.
type Drawing struct {
	Width int                      // the columns there are; 0 is no limit
	ASCII bool                     // draw with ASCII only; labels stay what they are
	Label func(name string) string // the text in a box, maybe of several lines; nil is the name
	Boxes int                      // above so many nodes each has one line instead; 0 is 60
}

// gutter is how many columns are between figures that stand side by side.
const gutter = 3

// tangled is how many crossings there may be for each box. Pipelines have less than one;
// with more than this, nobody follows a line to its end.
const tangled = 4

// Draw returns the graph as lines of text, from what runs first to what runs last.
// Lines leave a box below and enter one above; lines that join belong together: what
// comes into them from above goes to all that they lead to. A line that only passes
// over another one interrupts it: ─│─.
//
// Where boxes do not fit, or there are too many of them or of crossings to follow, each
// node has one line with lanes beside it, and the last line says so.
func (g *Graph) Draw(d Drawing) string {
	if len(g.names) == 0 {
		return ""
	}
	if d.Width <= 0 {
		d.Width = unlimited
	}
	if d.Boxes <= 0 {
		d.Boxes = 60
	}
	if len(g.names) > d.Boxes {
		return g.list(d, fmt.Sprintf("%d stages are too many for boxes", len(g.names)))
	}
	var figures [][]string
	for _, names := range g.Components() {
		f := newFigure(g.component(names, d))
		if !f.lay(d.Width) {
			return g.list(d, fmt.Sprintf("boxes do not fit in %d columns", d.Width))
		}
		lines, crossings := f.paint(d.ASCII)
		if crossings > tangled*len(names)+20 {
			return g.list(d, fmt.Sprintf("as boxes, lines would cross %d times", crossings))
		}
		figures = append(figures, lines)
	}
	return strings.Join(shelve(figures, d.Width), "\n") + "\n"
}

// lines returns what a node shows.
func (d Drawing) lines(name string) []string {
	if d.Label != nil {
		return labelLines(d.Label(name))
	}
	return labelLines(name)
}

// component returns labels and edges of nodes that are numbered by their place in names.
func (g *Graph) component(names []string, d Drawing) (labels [][]string, parents, children [][]int) {
	place := map[int32]int{}
	for i, name := range names {
		place[g.index[name]] = i
	}
	parents, children = make([][]int, len(names)), make([][]int, len(names))
	for i, name := range names {
		labels = append(labels, d.lines(name))
		for _, child := range g.children[g.index[name]] {
			children[i] = append(children[i], place[child])
		}
		slices.Sort(children[i])
	}
	for i := range children {
		for _, child := range children[i] {
			parents[child] = append(parents[child], i)
		}
	}
	return labels, parents, children
}

// shelve puts figures side by side as long as there is room, and then below.
func shelve(figures [][]string, width int) []string {
	var lines, shelf []string
	used := 0
	for _, figure := range figures {
		wide := 0
		for _, line := range figure {
			wide = max(wide, textWidth(line))
		}
		if used > 0 && used+gutter+wide > min(width, 200) {
			lines = append(append(lines, shelf...), "")
			shelf, used = nil, 0
		}
		if used > 0 {
			used += gutter
		}
		for len(shelf) < len(figure) {
			shelf = append(shelf, "")
		}
		for i, line := range figure {
			shelf[i] += strings.Repeat(" ", used-textWidth(shelf[i])) + line
		}
		used += wide
	}
	return append(lines, shelf...)
}
