// Package picture is a drawing as data: paths, boxes and texts, written as SVG.
//
// A shape names the Role that it plays, not a colour; the theme gives each role one
// colour for light and one for dark surroundings. What draws a picture says the same
// thing by a dash, a marker or a word, too: colour is never the only sign.
package picture

import (
	"math"
	"strconv"
)

// Point is a place in a picture, from its upper left corner.
type Point struct{ X, Y float64 }

// Picture is shapes on a sheet of paper.
type Picture struct {
	Width, Height float64
	Title         string // what a reader hears who can't see it
	Shapes        []Shape
}

// Shape is a Path, a Box, a Text, an Image or a Group.
type Shape interface{ shape() }

// Style is how a shape looks.
type Style struct {
	Fill, Stroke Role
	Width        float64   // of the stroke; 0 is 1
	Dash         []float64 // strokes and gaps; none for a whole line
	Opacity      float64   // 0 is 1
}

// Path is a line through points.
type Path struct {
	Points []Point
	Closed bool
	Corner float64 // how round its corners are
	Style
}

// Box is a rectangle, round where Radius says so.
type Box struct {
	X, Y, W, H float64
	Radius     float64
	Style
}

// Anchor is which part of a text is at its place.
type Anchor string

// The anchors.
const (
	Start  Anchor = "start"
	Middle Anchor = "middle"
	End    Anchor = "end"
)

// Text is one line; its place is on the base line.
type Text struct {
	At     Point
	Text   string
	Size   float64 // 0 is TextSize
	Anchor Anchor  // "" is Start
	Bold   bool
	Upward bool // turned so that it is read from below
	Role   Role // "" is Ink
}

// TextSize is the size of a text that says no other.
const TextSize = 12

// Image is a picture from a file.
type Image struct {
	X, Y, W, H float64
	Type       string // such as image/png
	Data       []byte
}

// Group is shapes that belong together.
type Group struct {
	Name   string      // its class, for scripts
	Data   [][2]string // further data for scripts, by name
	Tip    string      // what is shown when a pointer rests on it
	Shapes []Shape
}

func (Path) shape()  {}
func (Box) shape()   {}
func (Text) shape()  {}
func (Image) shape() {}
func (Group) shape() {}

// Add appends shapes.
func (p *Picture) Add(shapes ...Shape) { p.Shapes = append(p.Shapes, shapes...) }

// Line returns a straight line.
func Line(from, to Point, style Style) Path {
	return Path{Points: []Point{from, to}, Style: style}
}

// Marks is how many kinds of Mark there are.
const Marks = 6

// Mark returns the small sign that tells a series' points from those of others.
func Mark(kind int, at Point, radius float64, style Style) Shape {
	corners := func(turns ...float64) Shape {
		path := Path{Closed: true, Style: style}
		for i := 0; i < len(turns); i += 2 {
			path.Points = append(path.Points, Point{at.X + turns[i]*radius, at.Y + turns[i+1]*radius})
		}
		return path
	}
	switch kind % Marks {
	case 1:
		return corners(-0.85, -0.85, 0.85, -0.85, 0.85, 0.85, -0.85, 0.85)
	case 2:
		return corners(0, -1.2, 1.1, 0.8, -1.1, 0.8)
	case 3:
		return corners(0, -1.3, 1.3, 0, 0, 1.3, -1.3, 0)
	case 4:
		return corners(0, 1.2, 1.1, -0.8, -1.1, -0.8)
	case 5:
		return corners(-0.4, -1.2, 0.4, -1.2, 0.4, -0.4, 1.2, -0.4, 1.2, 0.4, 0.4, 0.4, 0.4, 1.2, -0.4, 1.2, -0.4, 0.4, -1.2, 0.4, -1.2, -0.4, -0.4, -0.4)
	}
	return Box{X: at.X - radius, Y: at.Y - radius, W: 2 * radius, H: 2 * radius, Radius: radius, Style: style}
}

// Dash returns the pattern that tells a series' line from those of others.
func Dash(kind int) []float64 {
	return [][]float64{nil, {7, 3}, {2, 2}, {9, 3, 2, 3}, {4, 4}, {12, 4}}[kind%6]
}

// number writes a coordinate, to a hundredth.
func number(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
}

// corner returns where a round corner begins and ends: so far from the point at is, but
// not beyond the middle of the way to its neighbours.
func corner(before, at, after Point, radius float64) (from, to Point) {
	on := func(end Point) Point {
		long := math.Hypot(end.X-at.X, end.Y-at.Y)
		if long == 0 {
			return at
		}
		part := min(radius, long/2) / long
		return Point{at.X + (end.X-at.X)*part, at.Y + (end.Y-at.Y)*part}
	}
	return on(before), on(after)
}
