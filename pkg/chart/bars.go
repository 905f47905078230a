package chart

import (
	"strconv"

	"flow/pkg/picture"
)

// Picture draws the bars to the right, those of a name below each other.
func (b *Bars) Picture(width float64) *picture.Picture {
	var names []string
	for _, series := range b.Series {
		names = append(names, series.Name)
	}
	f := newFrame(width, b.Title, names, func(i int, at picture.Point) []picture.Shape {
		return bar(i, at.X+4, at.Y-6, 20, 12)
	})
	thick := max(9, 22/float64(max(len(b.Series), 1)))
	group := thick*float64(len(b.Series)) + 10
	f.top += 6
	f.bottom = f.top + group*float64(len(b.Names))
	f.Height = f.bottom + lineHigh + margin
	if b.XLabel != "" {
		f.Height += lineHigh + 2
	}
	x := b.axis(f)
	b.grid(f, x)
	for i, series := range b.Series {
		shapes := picture.Group{Name: "series", Data: [][2]string{{"s", strconv.Itoa(i)}}}
		for j, name := range b.Names {
			if j >= len(series.Y) || !finite(series.Y[j]) {
				continue
			}
			from, to := x.place(max(x.low, min(0, x.high))), x.place(series.Y[j])
			y := f.top + group*float64(j) + 5 + thick*float64(i)
			tip := name + ": " + short(series.Y[j])
			if series.Name != "" {
				tip = series.Name + ", " + tip
			}
			shapes.Shapes = append(shapes.Shapes, picture.Group{Tip: tip, Shapes: bar(i, min(from, to), y, max(from, to)-min(from, to), thick-1)})
		}
		f.Add(shapes)
	}
	f.labels(b.XLabel, b.YLabel)
	return f.Picture
}

// axis finds the room for the names.
func (b *Bars) axis(f *frame) axis {
	lengths, names := emptySpan(), 0.0
	lengths.take(0)
	for _, series := range b.Series {
		for _, y := range series.Y {
			lengths.take(y)
		}
	}
	for _, name := range b.Names {
		names = max(names, picture.Measure(name, 0))
	}
	f.left = margin + min(names, f.Width*0.4) + 8
	if b.YLabel != "" {
		f.left += lineHigh
	}
	f.right = f.Width - margin - 10
	return newAxis(lengths, f.left, f.right, int((f.right-f.left)/70))
}

func (b *Bars) grid(f *frame, x axis) {
	for _, t := range x.ticks {
		at := x.place(t.at)
		f.Add(picture.Line(picture.Point{X: at, Y: f.top}, picture.Point{X: at, Y: f.bottom}, rule),
			picture.Text{At: picture.Point{X: at, Y: f.bottom + lineHigh}, Text: t.text, Anchor: picture.Middle, Role: picture.Faint})
	}
	high := (f.bottom - f.top) / float64(max(len(b.Names), 1))
	for i, name := range b.Names {
		f.Add(picture.Text{At: picture.Point{X: f.left - 6, Y: f.top + high*(float64(i)+0.5) + 4}, Text: picture.Fit(name, 0, f.Width*0.4), Anchor: picture.End})
	}
}

// bar is a box; those of the second series on have stripes, so that no colour is
// needed to tell them apart.
func bar(i int, x, y, w, h float64) []picture.Shape {
	hue := picture.Hue(i)
	shapes := []picture.Shape{picture.Box{X: x, Y: y, W: w, H: h, Style: picture.Style{Fill: hue, Opacity: 0.85}}}
	if i == 0 {
		return shapes
	}
	for at := x + 4*float64(i); at < x+w; at += 4 + 4*float64(i) {
		shapes = append(shapes, picture.Line(picture.Point{X: at, Y: y}, picture.Point{X: at, Y: y + h}, picture.Style{Stroke: picture.Paper, Width: 1.5}))
	}
	return shapes
}
