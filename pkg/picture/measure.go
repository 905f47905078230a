package picture

import (
	"strings"
	"unicode"
)

// Measure returns about how wide a text is: no font is known here, so it errs to the
// wide side.
func Measure(text string, size float64) float64 {
	if size == 0 {
		size = TextSize
	}
	width := 0.0
	for _, r := range text {
		width += letter(r)
	}
	return width * size
}

// letter returns the width of a letter in sizes of its font.
func letter(r rune) float64 {
	switch {
	case r < 0x80 && strings.ContainsRune("iljI|!.,:;'`", r):
		return 0.3
	case r < 0x80 && strings.ContainsRune("frt()[]{}/\\ -\"*", r):
		return 0.4
	case r < 0x80 && strings.ContainsRune("mwMW@%", r):
		return 0.95
	case r >= 'A' && r <= 'Z':
		return 0.7
	case r < 0x300:
		return 0.59
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 1.05
	}
	return 0.65
}

// Fit shortens a text to a width, with an ellipsis at the end or, of a path, at the
// start, where there is less to tell by.
func Fit(text string, size, width float64) string {
	if Measure(text, size) <= width {
		return text
	}
	runes := []rune(text)
	fromEnd := strings.Contains(text, "/")
	for len(runes) > 1 {
		shorter := "…" + string(runes[1:])
		if fromEnd {
			runes = runes[1:]
		} else {
			runes = runes[:len(runes)-1]
			shorter = string(runes) + "…"
		}
		if Measure(shorter, size) <= width {
			return shorter
		}
	}
	return "…"
}
