package plots

import (
	"bytes"
	"fmt"
	"image"
	_ "image/gif"  // an image's size is
	_ "image/jpeg" // read from its
	_ "image/png"  // first bytes
	"strings"

	"flow/pkg/diag"
	"flow/pkg/picture"
)

// wide is how wide a figure is drawn for a file.
const wide = 680

// Picture draws the figure's series, or its images side by side.
func (f *Figure) Picture() (*picture.Picture, error) {
	if drawn := f.Chart(); drawn != nil {
		return drawn.Picture(wide), nil
	}
	if len(f.Images) == 0 {
		return nil, diag.At(diag.Pos{}, "plot %s has nothing to draw", f.ID)
	}
	const margin, title = 12.0, 20.0
	each := (wide-margin)/float64(len(f.Images)) - margin
	sheet := &picture.Picture{Width: wide, Title: f.Title}
	sheet.Add(picture.Text{At: picture.Point{X: wide / 2, Y: margin + 14}, Text: picture.Fit(f.Title, 15, wide-2*margin), Size: 15, Bold: true, Anchor: picture.Middle})
	top := margin + 2*title
	for i, one := range f.Images {
		x, high := margin+float64(i)*(each+margin), each*one.aspect()
		sheet.Add(picture.Text{At: picture.Point{X: x + each/2, Y: top - 6}, Text: picture.Fit(one.caption(), 0, each), Anchor: picture.Middle, Role: picture.Faint},
			picture.Image{X: x, Y: top, W: each, H: high, Type: one.Type, Data: one.Data})
		sheet.Height = max(sheet.Height, top+high+margin)
	}
	return sheet, nil
}

// aspect returns how high an image is for its width; 0.75 where that can't be told.
func (i Image) aspect() float64 {
	config, _, err := image.DecodeConfig(bytes.NewReader(i.Data))
	if err != nil || config.Width == 0 {
		return 0.75
	}
	return float64(config.Height) / float64(config.Width)
}

// Sketch draws the figure for a terminal; of images it says what there is.
func (f *Figure) Sketch(columns int) string {
	var b strings.Builder
	if drawn := f.Chart(); drawn != nil {
		b.WriteString(drawn.Sketch(columns))
	} else {
		b.WriteString(f.Title + "\n")
	}
	for _, one := range f.Images {
		size := ""
		if config, _, err := image.DecodeConfig(bytes.NewReader(one.Data)); err == nil {
			size = fmt.Sprintf(", %d × %d", config.Width, config.Height)
		}
		fmt.Fprintf(&b, "%s: %s%s, %d bytes\n", one.caption(), one.Type, size, len(one.Data))
	}
	return b.String()
}
