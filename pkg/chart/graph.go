package chart

import (
	"strings"

	"flow/pkg/dag"
	"flow/pkg/picture"
)

// Graph is a graph that has been laid out, with how its nodes look.
type Graph struct {
	Title  string
	Layout *dag.Layout
	Node   func(name string) Node
}

// Node is how a node looks. Its label is in the layout: the first line is its name.
type Node struct {
	Role picture.Role // its ground; "" for none
	Dash []float64    // of its border
	Bold bool         // whether its border is thick
	Tip  string
}

// Sizes of a graph: of a column and of a line of text, of what is around the text in a box,
// and between the lines below a row.
const (
	columnWide = 7.4
	boxPad     = 7.0
	trackHigh  = 8.0
	channelPad = 12.0
)

// Picture draws the graph in its own size, from above to below.
func (g *Graph) Picture() *picture.Picture {
	d := &graphDrawing{Graph: g, tops: make([]float64, len(g.Layout.Heights)+1)}
	y := margin
	for row := range g.Layout.Heights {
		d.tops[row] = y
		y += d.high(row)
		if row+1 < len(g.Layout.Heights) {
			y += 2*channelPad + trackHigh*float64(max(g.Layout.Tracks[row], 1)-1)
		}
	}
	d.sheet = &picture.Picture{Width: 2*margin + columnWide*float64(g.Layout.Width), Height: y + margin, Title: g.Title}
	for _, pass := range g.Layout.Passes {
		d.sheet.Add(edge(pass.From, pass.To, []picture.Shape{d.line([]picture.Point{
			{X: d.x(pass.Column), Y: d.tops[pass.Row]}, {X: d.x(pass.Column), Y: d.tops[pass.Row] + d.high(pass.Row)}})}))
	}
	for _, wire := range g.Layout.Wires {
		d.sheet.Add(edge(wire.From, wire.To, d.wire(wire)))
	}
	for _, box := range g.Layout.Boxes {
		d.sheet.Add(d.box(box))
	}
	return d.sheet
}

type graphDrawing struct {
	*Graph
	sheet *picture.Picture
	tops  []float64 // of the rows
}

func (d *graphDrawing) x(column int) float64 { return margin + columnWide*(float64(column)+0.5) }

func (d *graphDrawing) high(row int) float64 {
	return 2*boxPad + lineHigh*float64(d.Layout.Heights[row])
}

func (d *graphDrawing) line(points []picture.Point) picture.Path {
	return picture.Path{Points: points, Corner: turn, Style: picture.Style{Stroke: picture.Faint, Width: 1.3}}
}

// edge groups the parts of a line under the nodes that it joins.
func edge(from, to []string, shapes []picture.Shape) picture.Group {
	return picture.Group{Name: "edge", Data: [][2]string{{"from", strings.Join(from, "\n")}, {"to", strings.Join(to, "\n")}}, Shapes: shapes}
}

// wire draws a line below a row: down to its track, along it, and down to the next row.
func (d *graphDrawing) wire(w dag.Wire) []picture.Shape {
	above := d.tops[w.Row] + d.high(w.Row)
	below := d.tops[w.Row+1]
	track := func(n int) float64 { return above + channelPad + trackHigh*float64(n-1) }
	var shapes []picture.Shape
	if w.Track == 0 && w.Bend < 0 {
		x := d.x(w.Leaves[0].Column)
		shapes = append(shapes, d.line([]picture.Point{{X: x, Y: above}, {X: x, Y: below}}))
		return append(shapes, d.heads(w, below)...)
	}
	y, middle := track(w.Track), d.x(w.Bend)
	leaves, enters := w.Leaves, w.Enters
	switch {
	case w.Bend >= 0:
	case len(leaves) == 1:
		middle, leaves = d.x(leaves[0].Column), nil
		shapes = append(shapes, d.line([]picture.Point{{X: middle, Y: above}, {X: middle, Y: y - turn}}))
	case len(enters) == 1:
		middle, enters = d.x(enters[0].Column), nil
		shapes = append(shapes, d.line([]picture.Point{{X: middle, Y: y + turn}, {X: middle, Y: below}}))
	default:
		middle = d.x(leaves[len(leaves)/2].Column)
	}
	joint := picture.Point{X: middle, Y: y}
	for _, end := range leaves {
		shapes = append(shapes, d.line(d.branch(end, above, joint, into(enters == nil, turn))))
	}
	for _, end := range enters {
		shapes = append(shapes, d.line(d.branch(end, below, joint, into(leaves == nil, -turn))))
	}
	if w.Below > 0 {
		shapes = append(shapes, d.line([]picture.Point{{X: middle, Y: y}, {X: middle, Y: track(w.Below)}}))
	}
	return append(shapes, d.heads(w, below)...)
}

// turn is how round the corners of a line are.
const turn = 6

// branch goes from an end to the track and along it to the joint, and, where all branches
// join in one stem, around the corner so far into it.
func (d *graphDrawing) branch(end dag.End, from float64, joint picture.Point, stem float64) []picture.Point {
	x := d.x(end.Column)
	points := []picture.Point{{X: x, Y: from}, {X: x, Y: joint.Y}, joint}
	if stem != 0 {
		points = append(points, picture.Point{X: joint.X, Y: joint.Y + stem})
	}
	return points
}

func into(stem bool, far float64) float64 {
	if stem {
		return far
	}
	return 0
}

// heads puts an arrow where a line meets a box.
func (d *graphDrawing) heads(w dag.Wire, y float64) []picture.Shape {
	var shapes []picture.Shape
	for _, end := range w.Enters {
		if x := d.x(end.Column); !end.Passes {
			shapes = append(shapes, picture.Path{Closed: true, Points: []picture.Point{{X: x - 3.5, Y: y - 7}, {X: x + 3.5, Y: y - 7}, {X: x, Y: y - 0.5}}, Style: picture.Style{Fill: picture.Faint}})
		}
	}
	return shapes
}

func (d *graphDrawing) box(box dag.Box) picture.Group {
	var node Node
	if d.Node != nil {
		node = d.Node(box.Name)
	}
	style := picture.Style{Fill: node.Role, Stroke: picture.Faint, Width: 1.2, Dash: node.Dash}
	if node.Role == picture.None {
		style.Fill = picture.Paper
	}
	if node.Bold {
		style.Stroke, style.Width = picture.Ink, 2.2
	}
	left, right := d.x(box.Left)-columnWide/2, d.x(box.Right)+columnWide/2
	top, high := d.tops[box.Row], d.high(box.Row)
	shapes := []picture.Shape{picture.Box{X: left, Y: top, W: right - left, H: high, Radius: 6, Style: style}}
	y := top + (high-lineHigh*float64(len(box.Lines)))/2 + 12
	for i, line := range box.Lines {
		text := picture.Text{At: picture.Point{X: (left + right) / 2, Y: y + lineHigh*float64(i)}, Text: picture.Fit(line, 0, right-left-4), Anchor: picture.Middle, Bold: i == 0}
		if i > 0 {
			text.Size = 11
		}
		shapes = append(shapes, text)
	}
	return picture.Group{Name: "node", Data: [][2]string{{"name", box.Name}}, Tip: node.Tip, Shapes: shapes}
}
