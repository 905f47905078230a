// Package chart turns numbers into pictures: lines, points, bars and tables of counts.
//
// A chart is data with names. Picture draws it for a width, so that a phone gets its
// own drawing and not a small copy of a large one; Sketch draws it for a terminal.
package chart

import (
	"math"

	"flow/pkg/picture"
)

// Chart is what can be drawn.
type Chart interface {
	// Picture draws the chart so wide.
	Picture(width float64) *picture.Picture
	// Sketch draws it in lines of so many columns.
	Sketch(columns int) string
}

// Series is points that belong together. X and Y are equally long; a NaN is a gap.
type Series struct {
	Name string
	X, Y []float64
}

// PlaneKind is what a Plane shows of its series.
type PlaneKind string

// The kinds of Plane.
const (
	Lines  PlaneKind = "lines"
	Points PlaneKind = "points"
	Smooth PlaneKind = "smooth" // a smoothed line, and the real one faintly
)

// Plane is series between two axes.
type Plane struct {
	Kind                  PlaneKind
	Title, XLabel, YLabel string
	Series                []Series
	Names                 []string // of the places 0, 1, 2 … on the x axis, where they are no numbers
}

// Bars is a bar of each series for each name.
type Bars struct {
	Title, XLabel, YLabel string
	Names                 []string
	Series                []Series // Y holds a length for each name
}

// Matrix is counts of pairs: how often a row's name met a column's.
type Matrix struct {
	Title, XLabel, YLabel string
	Name                  string // which revision it shows
	Rows, Columns         []string
	Cells                 [][]float64 // by row, then by column
	Shares                bool        // cells are shares between 0 and 1
}

// Matrices is matrices side by side.
type Matrices []Matrix

var (
	_ Chart = (*Plane)(nil)
	_ Chart = (*Bars)(nil)
	_ Chart = Matrices(nil)
)

// finite tells numbers from gaps.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// span is a range of numbers; it starts out empty.
type span struct{ low, high float64 }

func emptySpan() span { return span{math.Inf(1), math.Inf(-1)} }

func (s *span) take(x float64) {
	if finite(x) {
		s.low, s.high = min(s.low, x), max(s.high, x)
	}
}

// settle returns a span that is not empty.
func (s span) settle() span {
	switch {
	case s.low > s.high:
		return span{0, 1}
	case s.low == s.high:
		room := max(math.Abs(s.low)/2, 0.5)
		return span{s.low - room, s.high + room}
	}
	return s
}
