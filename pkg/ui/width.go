package ui

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

const (
	joiner       = '\u200d' // makes one picture of two
	emojiVariant = '\ufe0f' // asks for the picture of a character that is also a text
)

// TextWidth returns how many columns a text takes on a terminal.
func TextWidth(text string) int {
	columns := 0
	for len(text) > 0 {
		size, wide := firstGrapheme(text)
		columns += wide
		text = text[size:]
	}
	return columns
}

// Cut returns a text that takes at most so many columns; it ends in an ellipsis when
// something was cut off.
func Cut(text string, columns int) string {
	if len(text) <= columns || TextWidth(text) <= columns {
		return text
	}
	if columns <= 0 {
		return ""
	}
	end, used := 0, 1 // for the ellipsis
	for {
		size, wide := firstGrapheme(text[end:])
		if used+wide > columns {
			return text[:end] + "…"
		}
		end, used = end+size, used+wide
	}
}

// firstGrapheme returns the size in bytes and the columns of what a person takes for
// the first character of a text: a rune with its marks, a flag, a joined emoji.
func firstGrapheme(text string) (size, columns int) {
	first, size := utf8.DecodeRuneInString(text)
	columns = runeWidth(first)
	if isRegional(first) {
		if second, more := utf8.DecodeRuneInString(text[size:]); isRegional(second) {
			return size + more, 2
		}
	}
	for size < len(text) {
		r, more := utf8.DecodeRuneInString(text[size:])
		switch {
		case r == emojiVariant && columns == 1:
			columns = 2
		case r == joiner && columns == 2:
			if next, its := utf8.DecodeRuneInString(text[size+more:]); runeWidth(next) == 2 || next > 0x2000 && its > 1 {
				more += its
			}
		case isSkinTone(r) && columns == 2, runeWidth(r) == 0 && !unicode.IsControl(r):
		default:
			return size, columns
		}
		size += more
	}
	return size, columns
}

func isRegional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

func isSkinTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }

// runeWidth returns the columns of a rune by itself: marks and the inner letters of a
// Korean syllable take none, East Asian letters and pictures take two.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf), r >= 0x1160 && r <= 0x11FF, r >= 0xD7B0 && r <= 0xD7FF:
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
