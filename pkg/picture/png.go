package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // images in a picture
	_ "image/jpeg" // may be of these kinds
	"image/png"
	"math"
	"strconv"

	"golang.org/x/image/draw"
	"golang.org/x/image/vector"
)

// PNG returns the picture as pixels, in the colours for light surroundings: scale is how
// many pixels a unit of the picture has. Letters that the built-in font lacks, such as
// Chinese ones, are empty boxes, and images that are SVG themselves are left out.
func (p *Picture) PNG(scale float64) ([]byte, error) {
	const most = 20000 // pixels of a side
	if side := max(p.Width, p.Height) * scale; side > most {
		scale *= most / side
	}
	fonts, err := openFonts()
	if err != nil {
		return nil, err
	}
	sheet := image.NewRGBA(image.Rect(0, 0, int(math.Ceil(p.Width*scale)), int(math.Ceil(p.Height*scale))))
	r := &raster{sheet: sheet, scale: scale, fonts: fonts}
	r.draw(Box{W: p.Width, H: p.Height, Style: Style{Fill: Paper}})
	for _, shape := range p.Shapes {
		r.draw(shape)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, sheet); err != nil {
		return nil, fmt.Errorf("encode PNG: %w", err)
	}
	return b.Bytes(), nil
}

// raster is a sheet of pixels that shapes are drawn on.
type raster struct {
	sheet *image.RGBA
	scale float64
	fonts *fonts
}

// outline is the corners of an area.
type outline []Point

func (r *raster) draw(shape Shape) {
	switch s := shape.(type) {
	case Group:
		for _, below := range s.Shapes {
			r.draw(below)
		}
	case Path:
		r.styled(s.flat(), s.Closed, s.Style)
	case Box:
		r.styled(s.flat(), true, s.Style)
	case Text:
		r.text(s)
	case Image:
		r.image(s)
	}
}

func (r *raster) styled(points outline, closed bool, style Style) {
	if style.Fill != None && len(points) > 2 {
		r.fill([]outline{points}, style.Fill, style.Opacity)
	}
	if style.Stroke != None && len(points) > 1 {
		if closed {
			points = append(points, points[0])
		}
		width := style.Width
		if width == 0 {
			width = 1
		}
		r.fill(stroke(dashed(points, style.Dash), width), style.Stroke, style.Opacity)
	}
}

// fill fills areas as one: where they overlap, no more than once.
func (r *raster) fill(areas []outline, role Role, opacity float64) {
	low, high := Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, area := range areas {
		for _, at := range area {
			low = Point{min(low.X, at.X), min(low.Y, at.Y)}
			high = Point{max(high.X, at.X), max(high.Y, at.Y)}
		}
	}
	bounds := image.Rect(int(math.Floor(low.X*r.scale)), int(math.Floor(low.Y*r.scale)), int(math.Ceil(high.X*r.scale)), int(math.Ceil(high.Y*r.scale)))
	if bounds = bounds.Intersect(r.sheet.Bounds()); bounds.Empty() {
		return
	}
	pen := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	for _, area := range areas {
		for i, at := range area {
			x, y := near(at.X*r.scale)-float32(bounds.Min.X), near(at.Y*r.scale)-float32(bounds.Min.Y)
			if i == 0 {
				pen.MoveTo(x, y)
				continue
			}
			pen.LineTo(x, y)
		}
		pen.ClosePath()
	}
	pen.Draw(r.sheet, bounds, image.NewUniform(pixel(role, opacity)), image.Point{})
}

// near keeps what is far off the sheet at a distance that a rasterizer can count.
func near(x float64) float32 { return float32(max(-1e5, min(x, 1e5))) }

func pixel(role Role, opacity float64) color.Color {
	number, _ := strconv.ParseUint(light(role)[1:], 16, 32)
	if opacity == 0 {
		opacity = 1
	}
	return color.NRGBA{R: uint8(number >> 16), G: uint8(number >> 8), B: uint8(number), A: uint8(math.Round(255 * opacity))}
}

func (r *raster) image(i Image) {
	decoded, _, err := image.Decode(bytes.NewReader(i.Data))
	if err != nil {
		return
	}
	place := image.Rect(int(i.X*r.scale), int(i.Y*r.scale), int((i.X+i.W)*r.scale), int((i.Y+i.H)*r.scale))
	draw.ApproxBiLinear.Scale(r.sheet, place, decoded, decoded.Bounds(), draw.Over, nil)
}
