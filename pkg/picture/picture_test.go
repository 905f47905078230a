package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	stdimage "image"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzEscape: whatever a text holds, a reader of XML gets it back, in a text and in an
// attribute, and nothing of it is markup.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "a<b>&\"c'", "</text><script>", "\x00\x1b[31m", "東京 \u2028 \ufffe", "\xff\xfe", "]]>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		decoder := xml.NewDecoder(strings.NewReader(`<t a="` + Escape(text) + `">` + Escape(text) + `</t>`))
		depth, got := 0, ""
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			switch token := token.(type) {
			case xml.StartElement:
				depth++
				require.Len(t, token.Attr, 1)
			case xml.CharData:
				got += string(token)
			}
		}
		require.Equal(t, 1, depth)
		if clean := !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f }); clean {
			require.Equal(t, text, got)
		}
	})
}

// TestTheme_contrast: texts and lines can be seen, in light and in dark.
func TestTheme_contrast(t *testing.T) {
	byRole := map[Role][2]string{}
	for _, colour := range colours {
		byRole[colour.role] = [2]string{colour.light, colour.dark}
	}
	for role, shades := range byRole {
		for i, shade := range shades {
			paper, ink := byRole[Paper][i], byRole[Ink][i]
			switch role {
			case Ink, Faint:
				require.GreaterOrEqual(t, contrast(t, shade, paper), 4.5, "%s %d", role, i)
			case Paper, Rule:
			case Fresh, Stale, May, Get, Active, Failed:
				require.GreaterOrEqual(t, contrast(t, ink, shade), 4.5, "text on %s %d", role, i)
			default:
				require.GreaterOrEqual(t, contrast(t, shade, paper), 3.0, "%s %d", role, i)
			}
		}
	}
}

// contrast is as WCAG defines it.
func contrast(t *testing.T, a, b string) float64 {
	luminance := func(colour string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			part, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			require.NoError(t, err)
			x := float64(part) / 255
			if x <= 0.03928 {
				x /= 12.92
			} else {
				x = math.Pow((x+0.055)/1.055, 2.4)
			}
			sum += weight * x
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestFit(t *testing.T) {
	require.Equal(t, "short", Fit("short", 12, 100))
	require.Equal(t, "a long na…", Fit("a long name of a thing", 12, 65))
	require.Equal(t, "…loss.csv", Fit("a/long/way/to/loss.csv", 12, 62))
	require.Equal(t, "…", Fit("long", 12, 1))
}

// TestPNG_pixels looks at pixels of each kind of shape.
func TestPNG_pixels(t *testing.T) {
	sheet := &Picture{Width: 100, Height: 60}
	var image bytes.Buffer
	require.NoError(t, png.Encode(&image, stdimage.NewRGBA(stdimage.Rect(0, 0, 4, 4)))) // see-through
	sheet.Add(
		Group{Shapes: []Shape{Box{X: 10, Y: 10, W: 20, H: 20, Style: Style{Fill: Hue(0)}}}},
		Box{X: 40, Y: 10, W: 20, H: 20, Radius: 10, Style: Style{Fill: Hue(1), Opacity: 0.5}},
		Path{Points: []Point{{5, 50}, {95, 50}}, Style: Style{Stroke: Ink, Width: 4, Dash: []float64{10, 10}}},
		Text{At: Point{70, 30}, Text: "█", Size: 20}, Text{At: Point{95, 45}, Text: "turned 東", Upward: true},
		Image{X: 10, Y: 10, W: 20, H: 20, Type: "image/png", Data: image.Bytes()}, Image{Data: []byte("no image")},
	)
	text, err := sheet.PNG(2)
	require.NoError(t, err)
	drawn, err := png.Decode(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, stdimage.Rect(0, 0, 200, 120), drawn.Bounds())
	at := func(x, y int) string {
		r, g, b, _ := drawn.At(2*x, 2*y).RGBA()
		return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
	}
	require.Equal(t, "#ffffff", at(5, 5))
	require.Equal(t, light(Hue(0)), at(20, 20))
	require.Equal(t, "#ffffff", at(41, 11), "a round corner")
	require.Equal(t, "#e4a77f", at(50, 20), "half of #c94f00 on white")
	require.Equal(t, light(Ink), at(10, 50), "a dash")
	require.Equal(t, "#ffffff", at(20, 50), "a gap")
	require.Equal(t, light(Ink), at(75, 25), "a letter")
}

// TestStroke_oneWay: areas that overlap add up and do not cancel each other.
func TestStroke_oneWay(t *testing.T) {
	for _, area := range stroke([]outline{{{0, 0}, {10, 0}, {10, 10}, {0, 10}, {0, 0}, {7, 3}}}, 3) {
		sum := 0.0
		for i, from := range area {
			to := area[(i+1)%len(area)]
			sum += from.X*to.Y - to.X*from.Y
		}
		require.Positive(t, sum)
	}
}

// The signs of stages' states are letters of PNG files, too, and no empty boxes.
func TestGlyph_signs(t *testing.T) {
	f, err := openFonts()
	require.NoError(t, err)
	box, _ := f.glyph('\u4e2d', false, 20)
	for _, letter := range "✓✗▶↺⤓●○▲▼–·…→" {
		areas, wide := f.glyph(letter, false, 20)
		require.NotEqual(t, box, areas, "%c", letter)
		require.NotEmpty(t, areas, "%c", letter)
		require.Greater(t, wide, 3.0, "%c", letter)
	}
}
