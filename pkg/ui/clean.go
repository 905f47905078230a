package ui

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean returns what is to be seen of a line that a command printed, as one line
// that moves no cursor and commands no terminal: what the line was overwritten with
// by its last carriage return, tabs as spaces, no escape sequences. Only colours may
// stay; then the text ends without any.
func Clean(line string, colours bool) string {
	line = strings.TrimRight(line, "\r\n")
	line = line[strings.LastIndexByte(line, '\r')+1:]
	if isPlain(line) {
		return line
	}
	c := cleaner{colours: colours}
	for len(line) > 0 {
		line = line[c.next(line):]
	}
	if c.painted {
		c.text = append(c.text, "\x1b[0m"...)
	}
	return string(c.text)
}

func isPlain(line string) bool {
	for i := range len(line) {
		if line[i] < ' ' || line[i] >= 0x7f {
			return false
		}
	}
	return true
}

type cleaner struct {
	text    []byte
	last    []int // where each rune of the text starts
	column  int
	colours bool
	painted bool
}

// next takes what the line starts with and returns its size.
func (c *cleaner) next(line string) int {
	r, size := utf8.DecodeRuneInString(line)
	switch {
	case r == '\x1b':
		return c.escape(line)
	case r == '\t':
		c.write(strings.Repeat(" ", 8-c.column%8))
	case r == '\b':
		c.back()
	case r == '\u2028' || r == '\u2029':
		c.write(" ")
	case r == '\a' || r == 0 || turnsText(r):
	case r == utf8.RuneError, unicode.IsControl(r):
		c.write(string(utf8.RuneError))
	default:
		c.write(line[:size])
	}
	return size
}

// turnsText tells the marks that change the direction of what follows them.
func turnsText(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

func (c *cleaner) write(text string) {
	for i, r := range text {
		c.last = append(c.last, len(c.text)+i)
		c.column += runeWidth(r)
	}
	c.text = append(c.text, text...)
}

// back takes the last rune away again, as a command does that counts with backspaces.
func (c *cleaner) back() {
	if len(c.last) == 0 {
		return
	}
	at := c.last[len(c.last)-1]
	r, size := utf8.DecodeRune(c.text[at:])
	c.column -= runeWidth(r)
	c.text, c.last = slices.Delete(c.text, at, at+size), c.last[:len(c.last)-1]
}

// escape takes an escape sequence and returns its size; one that does not end takes
// the rest of the line.
func (c *cleaner) escape(line string) int {
	if len(line) == 1 {
		return 1
	}
	switch line[1] {
	case '[':
		end := 2
		for end < len(line) && line[end] >= 0x20 && line[end] <= 0x3f {
			end++
		}
		if end == len(line) {
			return end
		}
		if line[end] == 'm' && c.colours && strings.Trim(line[2:end], "0123456789;:") == "" {
			c.text = append(c.text, line[:end+1]...)
			c.painted = line[2:end] != "" && line[2:end] != "0"
		}
		if line[end] < 0x20 || line[end] > 0x7e {
			return end // what is no part of a sequence ends it
		}
		return end + 1
	case ']', 'P', 'X', '^', '_':
		return stringEnd(line)
	}
	end := 1
	for end < len(line)-1 && line[end] >= 0x20 && line[end] <= 0x2f {
		end++
	}
	_, size := utf8.DecodeRuneInString(line[end:])
	return end + size
}

// stringEnd returns the size of a sequence that carries a text, such as a window's
// title or a link.
func stringEnd(line string) int {
	for i := 2; i < len(line); i++ {
		if line[i] == '\a' {
			return i + 1
		}
		if line[i] == '\x1b' {
			if i+1 < len(line) && line[i+1] == '\\' {
				return i + 2
			}
			return i
		}
	}
	return len(line)
}
