package chart

import (
	"flow/pkg/picture"
)

// Timeline is when things began and ended: a bar of a row for each.
type Timeline struct {
	Title string
	Spans []Span
}

// Span is one bar of a Timeline.
type Span struct {
	Name     string
	From, To float64 // seconds
	Role     picture.Role
	Dash     []float64
	Text     string // beside the bar: how it ended, how long it took
	Tip      string
}

// Picture draws the timeline so wide: names to the left, time from left to right.
func (t *Timeline) Picture(width float64) *picture.Picture {
	const high, thick = 24.0, 15.0
	f := newFrame(width, t.Title, nil, nil)
	times, names := emptySpan(), 0.0
	times.take(0)
	for _, span := range t.Spans {
		times.take(span.From)
		times.take(span.To)
		names = max(names, picture.Measure(span.Name, 0))
	}
	names = min(names, width*0.3)
	f.left, f.right = margin+names+8, width-margin-8
	f.top += 4
	f.bottom = f.top + high*float64(len(t.Spans))
	f.Height = f.bottom + lineHigh + margin + 4
	x := tight(times, f.left, f.right, int((f.right-f.left)/90), 0)
	for _, tick := range x.ticks {
		at := x.place(tick.at)
		f.Add(picture.Line(picture.Point{X: at, Y: f.top}, picture.Point{X: at, Y: f.bottom}, rule),
			picture.Text{At: picture.Point{X: at, Y: f.bottom + lineHigh}, Text: tick.text + " s", Anchor: picture.Middle, Role: picture.Faint})
	}
	for i, span := range t.Spans {
		y := f.top + high*float64(i)
		f.Add(picture.Text{At: picture.Point{X: f.left - 6, Y: y + high/2 + 4}, Text: picture.Fit(span.Name, 0, names), Anchor: picture.End})
		from, to := x.place(span.From), x.place(span.To)
		shapes := []picture.Shape{picture.Box{X: from, Y: y + (high-thick)/2, W: max(to-from, 2), H: thick, Radius: 3,
			Style: picture.Style{Fill: span.Role, Stroke: picture.Faint, Dash: span.Dash}}}
		f.Add(picture.Group{Tip: span.Tip, Shapes: append(shapes, t.beside(f, span.Text, picture.Point{X: from, Y: y + high/2 + 4}, to))})
	}
	return f.Picture
}

// beside writes a bar's text where there is room: in the bar, to its right or to its left.
func (t *Timeline) beside(f *frame, text string, at picture.Point, to float64) picture.Text {
	const size = 11
	wide := picture.Measure(text, size)
	switch {
	case wide+8 <= to-at.X:
		return picture.Text{At: picture.Point{X: at.X + 5, Y: at.Y}, Text: text, Size: size}
	case to+5+wide <= f.right+6:
		return picture.Text{At: picture.Point{X: to + 5, Y: at.Y}, Text: text, Size: size}
	case at.X-5-wide >= f.left:
		return picture.Text{At: picture.Point{X: at.X - 5, Y: at.Y}, Text: text, Size: size, Anchor: picture.End}
	}
	return picture.Text{At: picture.Point{X: f.right, Y: at.Y}, Text: picture.Fit(text, size, f.right-f.left), Size: size, Anchor: picture.End}
}

// Sketch draws the timeline with blocks.
func (t *Timeline) Sketch(columns int) string {
	bars := &Bars{Title: t.Title, Series: []Series{{}}}
	for _, span := range t.Spans {
		bars.Names = append(bars.Names, span.Name)
		bars.Series[0].Y = append(bars.Series[0].Y, span.To-span.From)
	}
	return bars.Sketch(columns)
}
