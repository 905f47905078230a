package picture

import (
	"encoding/xml"
	"errors"
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
