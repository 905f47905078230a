package dag

import (
	"strings"
	"unicode"
)

// wideRune tells whether a terminal shows a rune two columns wide: East Asian scripts,
// their full-width forms, and emoji.
func wideRune(r rune) bool {
	return r >= 0x1100 && (r <= 0x115f ||
		r == 0x231a || r == 0x231b || r >= 0x23e9 && r <= 0x23ec || r == 0x23f0 || r == 0x23f3 ||
		r == 0x2705 || r == 0x274c || r == 0x2728 || r >= 0x2753 && r <= 0x2755 || r == 0x2757 ||
		r == 0x2b50 || r == 0x2b55 ||
		r >= 0x2e80 && r <= 0x303e || r >= 0x3041 && r <= 0xa4cf || r >= 0xa960 && r <= 0xa97f ||
		r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f ||
		r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 ||
		r >= 0x1f300 && r <= 0x1f64f || r >= 0x1f680 && r <= 0x1f6ff || r >= 0x1f900 && r <= 0x1faff ||
		r >= 0x20000 && r <= 0x3fffd)
}

func runeWidth(r rune) int {
	switch {
	case r == 0x200d || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case wideRune(r):
		return 2
	}
	return 1
}

// textWidth returns how many columns a text takes.
func textWidth(text string) int {
	width := 0
	for _, r := range text {
		width += runeWidth(r)
	}
	return width
}

// cutText returns a text that takes at most width columns, ending in an ellipsis
// if something was cut.
func cutText(text string, width int, ascii bool) (string, bool) {
	if textWidth(text) <= width {
		return text, false
	}
	end := "…"
	if ascii {
		end = "..."
	}
	used := textWidth(end)
	for i, r := range text {
		if used+runeWidth(r) > width {
			return text[:i] + end, true
		}
		used += runeWidth(r)
	}
	return text, false
}

// labelLines splits a label into lines, and makes visible what would move the cursor
// or colour the terminal.
func labelLines(label string) []string {
	label = strings.ReplaceAll(strings.ReplaceAll(label, "\r\n", "\n"), "\t", " ")
	label = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return unicode.ReplacementChar
		}
		return r
	}, label)
	lines := strings.Split(strings.Trim(label, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(strings.ToValidUTF8(line, string(unicode.ReplacementChar)))
	}
	return lines
}
