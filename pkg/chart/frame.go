package chart

import (
	"strconv"

	"flow/pkg/picture"
)

// frame is the sheet of a chart while it is drawn: a title, a legend, and the area
// between axes.
type frame struct {
	*picture.Picture
	left, top, right, bottom float64 // the area
}

const (
	margin   = 12.0
	lineHigh = 16.0 // of a line of text
)

// newFrame writes the title and the legend; what comes next starts below them.
func newFrame(width float64, title string, names []string, sign func(int, picture.Point) []picture.Shape) *frame {
	f := &frame{Picture: &picture.Picture{Width: width, Title: title}, left: margin, top: margin, right: width - margin}
	if title != "" {
		f.top += 14
		f.Add(picture.Text{At: picture.Point{X: width / 2, Y: f.top}, Text: picture.Fit(title, 15, width-2*margin), Size: 15, Bold: true, Anchor: picture.Middle})
		f.top += 8
	}
	if len(names) > 1 {
		f.legend(names, sign)
	}
	return f
}

// legend names the series, in as many lines as it takes.
func (f *frame) legend(names []string, sign func(int, picture.Point) []picture.Shape) {
	const signWide = 34.0
	x := margin
	f.top += 14
	for i, name := range names {
		name = picture.Fit(name, 0, f.Width-2*margin-signWide)
		wide := signWide + picture.Measure(name, 0) + 14
		if x > margin && x+wide > f.Width-margin+14 {
			x, f.top = margin, f.top+lineHigh+2
		}
		shapes := append(sign(i, picture.Point{X: x, Y: f.top - 4}),
			picture.Text{At: picture.Point{X: x + signWide - 4, Y: f.top}, Text: name})
		f.Add(picture.Group{Name: "key", Data: [][2]string{{"s", strconv.Itoa(i)}}, Shapes: shapes})
		x += wide
	}
	f.top += 8
}

// labels writes what the axes are called.
func (f *frame) labels(x, y string) {
	if x != "" {
		f.Add(picture.Text{At: picture.Point{X: (f.left + f.right) / 2, Y: f.Height - margin + 2}, Text: picture.Fit(x, 0, f.right-f.left), Anchor: picture.Middle, Role: picture.Faint})
	}
	if y != "" {
		f.Add(picture.Text{At: picture.Point{X: margin + 4, Y: (f.top + f.bottom) / 2}, Text: picture.Fit(y, 0, f.bottom-f.top), Anchor: picture.Middle, Upward: true, Role: picture.Faint})
	}
}

var rule = picture.Style{Stroke: picture.Rule}

func widest(texts []tick) float64 {
	width := 0.0
	for _, t := range texts {
		width = max(width, picture.Measure(t.text, 0))
	}
	return width
}
