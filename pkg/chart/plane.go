package chart

import (
	"encoding/json"
	"math"
	"strconv"

	"flow/pkg/picture"
)

// Picture draws the series, each with a colour, a dash and a mark of its own.
func (p *Plane) Picture(width float64) *picture.Picture {
	f := newFrame(width, p.Title, p.names(), p.sign)
	f.Height = max(240, min(width*0.62, 420)) + f.top - margin
	f.bottom = f.Height - margin - lineHigh - 4
	if p.XLabel != "" {
		f.bottom -= lineHigh + 2
	}
	f.top += 6
	x, y := p.axes(f)
	p.grid(f, x, y)
	for i, series := range p.Series {
		f.Add(p.draw(i, series, x, y))
	}
	f.labels(p.XLabel, p.YLabel)
	f.Add(picture.Group{Name: "hover", Data: p.facts(f, x, y)})
	return f.Picture
}

func (p *Plane) names() []string {
	var names []string
	for _, series := range p.Series {
		names = append(names, series.Name)
	}
	return names
}

// axes finds the area that the numbers beside it leave.
func (p *Plane) axes(f *frame) (x, y axis) {
	across, up := emptySpan(), emptySpan()
	for _, series := range p.Series {
		for i := range series.X {
			if finite(series.X[i]) && finite(series.Y[i]) {
				across.take(series.X[i])
				up.take(series.Y[i])
			}
		}
	}
	y = newAxis(up, f.bottom, f.top, 5)
	f.left = margin + widest(y.ticks) + 8
	if p.YLabel != "" {
		f.left += lineHigh
	}
	f.right = f.Width - margin - 6
	if len(p.Names) > 0 {
		x = axis{span: span{-0.5, float64(len(p.Names)) - 0.5}, from: f.left, to: f.right}
		for i, name := range p.Names {
			x.ticks = append(x.ticks, tick{float64(i), name})
		}
		return x, y
	}
	count := int((f.right - f.left) / 70)
	if p.Kind == Points {
		return newAxis(across, f.left, f.right, count), y
	}
	return tight(across, f.left, f.right, count, p.step()), y
}

// step is 1 where all series are by whole numbers, such as epochs: there is nothing between
// them to be named.
func (p *Plane) step() float64 {
	for _, series := range p.Series {
		for _, x := range series.X {
			if finite(x) && x != math.Trunc(x) {
				return 0
			}
		}
	}
	return 1
}

func (p *Plane) grid(f *frame, x, y axis) {
	for _, t := range y.ticks {
		at := y.place(t.at)
		f.Add(picture.Line(picture.Point{X: f.left, Y: at}, picture.Point{X: f.right, Y: at}, rule),
			picture.Text{At: picture.Point{X: f.left - 6, Y: at + 4}, Text: t.text, Anchor: picture.End, Role: picture.Faint})
	}
	f.Add(picture.Line(picture.Point{X: f.left, Y: f.bottom}, picture.Point{X: f.right, Y: f.bottom}, picture.Style{Stroke: picture.Faint}))
	free := 0.0
	for _, t := range x.ticks {
		text := t.text
		if len(p.Names) > 0 {
			text = picture.Fit(text, 0, max(90, (f.right-f.left)/float64(len(p.Names))))
		}
		at, half := x.place(t.at), picture.Measure(text, 0)/2
		f.Add(picture.Line(picture.Point{X: at, Y: f.bottom}, picture.Point{X: at, Y: f.bottom + 4}, picture.Style{Stroke: picture.Faint}))
		if at-half < free {
			continue // its neighbour's name is in the way
		}
		shown := max(half+2, min(at, f.Width-half-2))
		f.Add(picture.Text{At: picture.Point{X: shown, Y: f.bottom + lineHigh}, Text: text, Anchor: picture.Middle, Role: picture.Faint})
		free = shown + half + 8
	}
}

// fewPoints is up to how many points each gets its mark; of more, some do.
const fewPoints = 24

func (p *Plane) draw(i int, series Series, x, y axis) picture.Group {
	hue := picture.Hue(i)
	group := picture.Group{Name: "series", Data: [][2]string{{"s", strconv.Itoa(i)}}}
	if p.Kind == Points {
		series = sparse(series, x, y)
		for j := range series.X {
			if finite(series.X[j]) && finite(series.Y[j]) {
				at := picture.Point{X: x.place(series.X[j]), Y: y.place(series.Y[j])}
				group.Shapes = append(group.Shapes, picture.Mark(i, at, 3, picture.Style{Fill: hue, Opacity: 0.7}))
			}
		}
		return group
	}
	style := picture.Style{Stroke: hue, Width: 2, Dash: picture.Dash(i)}
	shown := thinned(series, int(x.to-x.from))
	if p.Kind == Smooth {
		group.Shapes = append(group.Shapes, paths(shown, x, y, picture.Style{Stroke: hue, Width: 1, Opacity: 0.35})...)
		shown = smoothed(series)
	}
	group.Shapes = append(group.Shapes, paths(shown, x, y, style)...)
	return p.marks(group, i, shown, x, y)
}

// marks puts the series' mark on its points, or on some when there are many: all, if
// it is alone, only where no line would show them.
func (p *Plane) marks(group picture.Group, i int, shown Series, x, y axis) picture.Group {
	if len(p.Series) == 1 && len(shown.X) > fewPoints {
		return group
	}
	apart, last := (x.to-x.from)/12, math.Inf(-1)
	if len(shown.X) <= fewPoints {
		apart = 0
	}
	last += float64(i) * apart / float64(len(p.Series))
	for j := range shown.X {
		if !finite(shown.X[j]) || !finite(shown.Y[j]) {
			continue
		}
		at := picture.Point{X: x.place(shown.X[j]), Y: y.place(shown.Y[j])}
		if at.X-last < apart {
			continue
		}
		last = at.X
		group.Shapes = append(group.Shapes, picture.Mark(i, at, 3, picture.Style{Fill: picture.Hue(i)}))
	}
	return group
}

// paths draws a line through a series, with gaps where it has some.
func paths(series Series, x, y axis, style picture.Style) []picture.Shape {
	var shapes []picture.Shape
	var points []picture.Point
	flush := func() {
		if len(points) == 1 {
			shapes = append(shapes, picture.Mark(0, points[0], 2, picture.Style{Fill: style.Stroke}))
		}
		if len(points) > 1 {
			shapes = append(shapes, picture.Path{Points: points, Style: style})
		}
		points = nil
	}
	for i := range series.X {
		if !finite(series.X[i]) || !finite(series.Y[i]) {
			flush()
			continue
		}
		points = append(points, picture.Point{X: x.place(series.X[i]), Y: y.place(series.Y[i])})
	}
	flush()
	return shapes
}

// sign is what a series looks like in the legend.
func (p *Plane) sign(i int, at picture.Point) []picture.Shape {
	hue := picture.Hue(i)
	mark := picture.Mark(i, picture.Point{X: at.X + 13, Y: at.Y}, 4, picture.Style{Fill: hue})
	if p.Kind == Points {
		return []picture.Shape{mark}
	}
	line := picture.Line(at, picture.Point{X: at.X + 26, Y: at.Y}, picture.Style{Stroke: hue, Width: 2, Dash: picture.Dash(i)})
	return []picture.Shape{line, mark}
}

// facts is what a script needs to say the numbers under a pointer.
func (p *Plane) facts(f *frame, x, y axis) [][2]string {
	type told struct {
		Name string        `json:"name"`
		X    []json.Number `json:"x"`
		Y    []json.Number `json:"y"`
	}
	var all []told
	for _, series := range p.Series {
		t := told{Name: series.Name}
		shown := series
		if p.Kind == Points {
			shown = sparse(series, x, y)
		}
		shown = thinned(shown, int(x.to-x.from))
		for i := range shown.X {
			if finite(shown.X[i]) && finite(shown.Y[i]) {
				t.X, t.Y = append(t.X, exact(shown.X[i])), append(t.Y, exact(shown.Y[i]))
			}
		}
		all = append(all, t)
	}
	facts, _ := json.Marshal(map[string]any{
		"x": []float64{x.low, x.high, x.from, x.to}, "y": []float64{y.low, y.high, y.from, y.to},
		"names": p.Names, "label": p.XLabel, "series": all,
	})
	return [][2]string{{"facts", string(facts)}}
}

func exact(x float64) json.Number { return json.Number(strconv.FormatFloat(x, 'g', 7, 64)) }
