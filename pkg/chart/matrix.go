package chart

import (
	"fmt"
	"math"

	"flow/pkg/picture"
)

// Picture draws the matrices side by side, or below each other where there is no room.
func (m Matrices) Picture(width float64) *picture.Picture {
	title := ""
	if len(m) > 0 {
		title = m[0].Title
	}
	f := newFrame(width, title, nil, nil)
	abreast := max(1, min(len(m), int(width/320)))
	wide := (width - 2*margin) / float64(abreast)
	high := 0.0
	for i, one := range m {
		if i > 0 && i%abreast == 0 {
			f.top += high + margin
			high = 0
		}
		left := margin + wide*float64(i%abreast)
		high = max(high, one.draw(f, left, min(wide-margin, 520), len(m) > 1))
	}
	f.Height = f.top + high + margin
	return f.Picture
}

// draw returns how high the matrix has become.
func (m Matrix) draw(f *frame, left, width float64, named bool) float64 {
	names := 0.0
	for _, name := range m.Rows {
		names = max(names, picture.Measure(name, 0))
	}
	names = min(names, width*0.35)
	x0 := left + names + 8
	if m.YLabel != "" {
		x0 += lineHigh
	}
	cell := (left + width - x0) / float64(max(len(m.Columns), 1))
	high := min(cell, 48)
	y0 := f.top + 4
	if named {
		f.Add(picture.Text{At: picture.Point{X: (x0 + left + width) / 2, Y: f.top + 12}, Text: picture.Fit(m.Name, 0, width), Anchor: picture.Middle, Bold: true})
		y0 += lineHigh + 4
	}
	bottom := y0 + high*float64(len(m.Rows))
	m.cells(f, picture.Point{X: x0, Y: y0}, cell, high)
	for i, name := range m.Rows {
		f.Add(picture.Text{At: picture.Point{X: x0 - 6, Y: y0 + high*(float64(i)+0.5) + 4}, Text: picture.Fit(name, 0, names), Anchor: picture.End})
	}
	end := m.columnNames(f, picture.Point{X: x0, Y: bottom}, cell)
	if m.XLabel != "" {
		end += lineHigh + 2
		f.Add(picture.Text{At: picture.Point{X: (x0 + left + width) / 2, Y: end - 2}, Text: picture.Fit(m.XLabel, 0, width-names), Anchor: picture.Middle, Role: picture.Faint})
	}
	if m.YLabel != "" {
		f.Add(picture.Text{At: picture.Point{X: left + 10, Y: (y0 + bottom) / 2}, Text: picture.Fit(m.YLabel, 0, bottom-y0), Anchor: picture.Middle, Upward: true, Role: picture.Faint})
	}
	return end - f.top
}

// columnNames writes them upright where they do not fit side by side.
func (m Matrix) columnNames(f *frame, at picture.Point, cell float64) float64 {
	longest := 0.0
	for _, name := range m.Columns {
		longest = max(longest, picture.Measure(name, 0))
	}
	upward := longest > cell-4
	longest = min(longest, 120)
	for i, name := range m.Columns {
		middle := at.X + cell*(float64(i)+0.5)
		if upward {
			f.Add(picture.Text{At: picture.Point{X: middle + 4, Y: at.Y + 6}, Text: picture.Fit(name, 0, longest), Anchor: picture.End, Upward: true})
			continue
		}
		f.Add(picture.Text{At: picture.Point{X: middle, Y: at.Y + lineHigh}, Text: name, Anchor: picture.Middle})
	}
	if upward {
		return at.Y + longest + 8
	}
	return at.Y + lineHigh + 2
}

// cells draws each count with its number; the more, the stronger the colour.
func (m Matrix) cells(f *frame, at picture.Point, cell, high float64) {
	most := 0.0
	for _, row := range m.Cells {
		for _, count := range row {
			if finite(count) {
				most = max(most, count)
			}
		}
	}
	if m.Shares {
		most = 1
	}
	for i, row := range m.Cells {
		for j, count := range row {
			x, y := at.X+cell*float64(j), at.Y+high*float64(i)
			shapes := []picture.Shape{picture.Box{X: x + 0.5, Y: y + 0.5, W: cell - 1, H: high - 1, Style: picture.Style{Stroke: picture.Rule}}}
			strength := 0.0
			if most > 0 && finite(count) {
				strength = math.Sqrt(count / most)
			}
			if strength > 0 {
				shapes = append(shapes, picture.Box{X: x + 0.5, Y: y + 0.5, W: cell - 1, H: high - 1, Style: picture.Style{Fill: picture.Hue(0), Opacity: 0.06 + 0.94*strength}})
			}
			text := m.text(count)
			if picture.Measure(text, 0) < cell {
				role := picture.Ink
				if strength > 0.6 {
					role = picture.Paper
				}
				shapes = append(shapes, picture.Text{At: picture.Point{X: x + cell/2, Y: y + high/2 + 4}, Text: text, Anchor: picture.Middle, Role: role})
			}
			tip := fmt.Sprintf("%s: %s, %s: %s: %s", m.YLabel, m.Rows[i], m.XLabel, m.Columns[j], text)
			f.Add(picture.Group{Tip: tip, Shapes: shapes})
		}
	}
}

func (m Matrix) text(count float64) string {
	if m.Shares && finite(count) {
		return fmt.Sprintf("%.2f", count)
	}
	return short(count)
}
