package picture

import "math"

// sign is a letter that says how a stage is, and that the built-in font lacks: lines, in
// parts of the letter's size, from its left end on the line that letters stand on.
type sign struct {
	lines  []outline
	closed bool // one line, which is an area
}

var signs = map[rune]sign{
	'✓': {lines: []outline{{{0.08, -0.3}, {0.28, -0.07}, {0.68, -0.64}}}},
	'✗': {lines: []outline{{{0.12, -0.62}, {0.62, -0.06}}, {{0.62, -0.62}, {0.12, -0.06}}}},
	'▶': {lines: []outline{{{0.1, -0.66}, {0.68, -0.34}, {0.1, -0.02}}}, closed: true},
	'↺': {lines: []outline{arc(0.38, -0.34, 0.27, -0.6, 4.2), {{0.2, -0.78}, {0.24, -0.56}, {0.46, -0.6}}}},
	'⤓': {lines: []outline{{{0.38, -0.7}, {0.38, -0.2}}, {{0.18, -0.4}, {0.38, -0.18}, {0.58, -0.4}}, {{0.14, -0.03}, {0.62, -0.03}}}},
}

// signWide is how wide a sign is, in parts of the letter's size.
const signWide = 0.76

// arc is a part of a circle, clockwise, between angles from the right.
func arc(x, y, radius, from, to float64) outline {
	var points outline
	for step := range 25 {
		angle := from + (to-from)*float64(step)/24
		points = append(points, Point{x + radius*math.Cos(angle), y + radius*math.Sin(angle)})
	}
	return points
}

// areas returns what of a sign is filled when it is so large.
func (s sign) areas(size float64) []outline {
	var areas []outline
	for _, line := range s.lines {
		scaled := make(outline, len(line))
		for i, at := range line {
			scaled[i] = Point{at.X * size, at.Y * size}
		}
		if s.closed {
			areas = append(areas, scaled)
			continue
		}
		areas = append(areas, stroke([]outline{scaled}, size*0.09)...)
	}
	return areas
}
