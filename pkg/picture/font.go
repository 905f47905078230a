package picture

import (
	"fmt"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fonts is what texts are set in where a picture becomes pixels.
type fonts struct {
	regular, bold *sfnt.Font
	buffer        sfnt.Buffer
}

func openFonts() (*fonts, error) {
	regular, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the font: %w", err)
	}
	bold, err := sfnt.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the font: %w", err)
	}
	return &fonts{regular: regular, bold: bold}, nil
}

// glyph returns the outlines of a letter and how far the next one is.
func (f *fonts) glyph(letter rune, bold bool, size float64) (areas []outline, advance float64) {
	face := f.regular
	if bold {
		face = f.bold
	}
	em := fixed.Int26_6(size * 64)
	index, err := face.GlyphIndex(&f.buffer, letter)
	if err != nil {
		return nil, 0
	}
	if drawn, found := signs[letter]; found && index == 0 {
		return drawn.areas(size), size * signWide
	}
	segments, err := face.LoadGlyph(&f.buffer, index, em, nil)
	if err != nil {
		return nil, 0
	}
	areas = trace(segments)
	wide, err := face.GlyphAdvance(&f.buffer, index, em, font.HintingNone)
	if err != nil {
		return nil, 0
	}
	return areas, float64(wide) / 64
}

// trace makes corners of a letter's curves.
func trace(segments sfnt.Segments) []outline {
	at := func(p fixed.Point26_6) Point { return Point{float64(p.X) / 64, float64(p.Y) / 64} }
	var areas []outline
	for _, segment := range segments {
		if segment.Op == sfnt.SegmentOpMoveTo {
			areas = append(areas, outline{at(segment.Args[0])})
			continue
		}
		area := &areas[len(areas)-1]
		switch segment.Op {
		case sfnt.SegmentOpLineTo:
			*area = append(*area, at(segment.Args[0]))
		case sfnt.SegmentOpQuadTo:
			*area = append(*area, bend((*area)[len(*area)-1], at(segment.Args[0]), at(segment.Args[1]))...)
		}
	}
	return areas
}

// text draws a line of text, letter by letter.
func (r *raster) text(t Text) {
	size := t.Size
	if size == 0 {
		size = TextSize
	}
	var areas []outline
	wide := 0.0
	for _, letter := range t.Text {
		parts, advance := r.fonts.glyph(letter, t.Bold, size)
		for _, part := range parts {
			for i := range part {
				part[i].X += wide
			}
			areas = append(areas, part)
		}
		wide += advance
	}
	shift := map[Anchor]float64{Middle: -wide / 2, End: -wide}[t.Anchor]
	for _, area := range areas {
		for i, at := range area {
			at.X += shift
			if t.Upward {
				at = Point{at.Y, -at.X}
			}
			area[i] = Point{t.At.X + at.X, t.At.Y + at.Y}
		}
	}
	role := t.Role
	if role == None {
		role = Ink
	}
	if len(areas) > 0 {
		r.fill(areas, role, 0)
	}
}
