package dag

import (
	"math"
	"slices"
)

// Layout is where nodes and lines are when a graph is drawn as a picture. Across, it is
// measured in columns of text; downwards, in rows of boxes and the tracks between them.
type Layout struct {
	Width   int   // columns
	Heights []int // of each row, in lines of text
	Tracks  []int // how many lines run side by side below each row
	Boxes   []Box
	Wires   []Wire
	Passes  []Pass
}

// Box is a node.
type Box struct {
	Name        string
	Row         int
	Left, Right int      // columns
	Lines       []string // its label
}

// Wire is a line, or a part of one, below a row: it comes down from the columns of Leaves,
// runs along its track, and goes down to the columns of Enters. Lines that join belong
// together: what comes into them from above goes to all that they lead to.
type Wire struct {
	From, To []string // the nodes that the whole line joins
	Row      int
	Track    int // from 1; 0 for a line that goes straight down
	Leaves   []End
	Enters   []End
	Bend     int // the column where it goes on to the track Below; -1 for none
	Below    int
}

// End is where a wire meets a box, or goes on as a line that passes a row.
type End struct {
	Column int
	Passes bool
}

// Pass is where a line goes straight down between the boxes of a row.
type Pass struct {
	From, To    []string
	Row, Column int
}

// Layout lays the graph out as Draw does, about as wide as is good to look at: wide
// enough for rows to stay rows, and not much wider than high.
func (g *Graph) Layout(label func(name string) string) *Layout {
	d := Drawing{Label: label}
	var parts []*Layout
	for _, names := range g.Components() {
		f := newFigure(g.component(names, d))
		if !f.lay(f.pleasant()) {
			f.lay(unlimited)
		}
		parts = append(parts, f.layout(names))
	}
	return shelf(parts)
}

// pleasant returns a width that a screen shows, or, for many boxes, at which the figure is
// about as high as wide.
func (f *figure) pleasant() int {
	area, widest := 0, 0
	for id, box := range f.items {
		area += (box.width() + 2) * (len(f.labels[id]) + 4)
		widest = max(widest, box.width())
	}
	const aspect = 4.5 // a line of text is about twice as high as a column is wide
	return max(320, 2*widest, int(math.Sqrt(float64(area)*aspect)))
}

// layout tells what lay has found.
func (f *figure) layout(names []string) *Layout {
	l := &Layout{Heights: make([]int, len(f.rows)), Tracks: make([]int, len(f.rows))}
	copy(l.Tracks, f.tracks)
	for id, label := range f.labels {
		it := f.items[id]
		l.Boxes = append(l.Boxes, Box{Name: names[id], Row: it.row, Left: it.x - it.left, Right: it.x + it.right, Lines: label})
		l.Heights[it.row] = max(l.Heights[it.row], len(label))
		l.Width = max(l.Width, it.x+it.right+1)
	}
	ends := map[int][2][]string{}
	for number, n := range f.nets {
		ends[number] = [2][]string{named(names, n.from), named(names, n.to)}
	}
	for _, it := range f.items {
		if it.net >= 0 {
			l.Passes = append(l.Passes, Pass{From: ends[it.net][0], To: ends[it.net][1], Row: it.row, Column: it.x})
			l.Width = max(l.Width, it.x+1)
		}
	}
	for channel, wires := range f.wires {
		for _, w := range wires {
			below := 0
			if w.below >= 0 {
				below = wires[w.below].track
			}
			l.Wires = append(l.Wires, Wire{
				From: ends[w.net][0], To: ends[w.net][1], Row: channel, Track: w.track, Bend: w.bend, Below: below,
				Leaves: f.ends(channel, w, true), Enters: f.ends(channel, w, false),
			})
			l.Width = max(l.Width, w.high+1)
		}
	}
	return l
}

func named(names []string, ids []int) []string {
	var of []string
	for _, id := range ids {
		of = append(of, names[id])
	}
	return of
}

// ends tells which boxes a wire meets: the link that it is made from knows.
func (f *figure) ends(channel int, w wire, leaving bool) []End {
	columns := w.enters
	if leaving {
		columns = w.leaves
	}
	var all []End
	for _, column := range columns {
		end := End{Column: column, Passes: true}
		for _, l := range f.links[channel] {
			met, at := l.below, l.enters
			if leaving {
				met, at = l.above, l.leaves
			}
			for i, id := range met {
				if l.net == w.net && at[i] == column && f.items[id].net < 0 {
					end.Passes = false
				}
			}
		}
		all = append(all, end)
	}
	return all
}

// shelf puts the parts of a graph side by side, and below each other where that would
// be too wide.
func shelf(parts []*Layout) *Layout {
	whole := &Layout{}
	widest, total := 0, 0
	for _, part := range parts {
		widest = max(widest, part.Width)
		total += (part.Width + gutter) * len(part.Heights)
	}
	room := max(widest, 150, int(math.Sqrt(float64(total)*12)))
	top, left := 0, 0
	for _, part := range parts {
		if left > 0 && left+gutter+part.Width > room {
			top, left = len(whole.Heights), 0
		}
		if left > 0 {
			left += gutter + 1
		}
		whole.put(part, top, left/2*2)
		left += part.Width
	}
	return whole
}

func (l *Layout) put(part *Layout, top, left int) {
	for row := range part.Heights {
		if top+row == len(l.Heights) {
			l.Heights, l.Tracks = append(l.Heights, 0), append(l.Tracks, 0)
		}
		l.Heights[top+row] = max(l.Heights[top+row], part.Heights[row])
		l.Tracks[top+row] = max(l.Tracks[top+row], part.Tracks[row])
	}
	for _, box := range part.Boxes {
		box.Row, box.Left, box.Right = box.Row+top, box.Left+left, box.Right+left
		l.Boxes = append(l.Boxes, box)
	}
	for _, wire := range part.Wires {
		wire.Row += top
		if wire.Bend >= 0 {
			wire.Bend += left
		}
		wire.Leaves, wire.Enters = slices.Clone(wire.Leaves), slices.Clone(wire.Enters)
		for _, ends := range [][]End{wire.Leaves, wire.Enters} {
			for i := range ends {
				ends[i].Column += left
			}
		}
		l.Wires = append(l.Wires, wire)
	}
	for _, pass := range part.Passes {
		pass.Row, pass.Column = pass.Row+top, pass.Column+left
		l.Passes = append(l.Passes, pass)
	}
	l.Width = max(l.Width, left+part.Width)
}
