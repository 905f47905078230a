package cache

import (
	"strings"
	"unicode/utf8"
)

// Line writes one line of an Action: a kind and its fields, quoted where they must
// be. Two lines of one kind with the same number of fields are equal only if their
// fields are.
func Line(kind string, fields ...string) string {
	line := []byte(kind)
	for i, field := range fields {
		line = append(line, ' ')
		if i == len(fields)-1 {
			line = appendLast(line, field)
		} else {
			line = appendField(line, field)
		}
	}
	return string(line)
}

// A text in a line is bare, or in double quotes with these escapes: \" \\ \n \r \t,
// and \xNN for any other byte below a space, 0x7f, and bytes that are no UTF-8. There
// is one way to write a text, which no table of Unicode's decides, as digests are
// taken of it.

// appendField writes a text that more fields follow: bare only without spaces,
// quotes and backslashes.
func appendField(dst []byte, text string) []byte {
	if text != "" && plain(text) && !strings.ContainsAny(text, " \"\\") {
		return append(dst, text...)
	}
	return appendQuoted(dst, text)
}

// appendLast writes a text that ends its line: bare unless it has control
// characters, starts with a quote, or has a space at an end.
func appendLast(dst []byte, text string) []byte {
	if text != "" && plain(text) && text[0] != '"' && text[0] != ' ' && text[len(text)-1] != ' ' {
		return append(dst, text...)
	}
	return appendQuoted(dst, text)
}

// plain reports whether a text is UTF-8 without control characters.
func plain(text string) bool {
	ascii := true
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return false
		}
		ascii = ascii && text[i] < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(text)
}

func appendQuoted(dst []byte, text string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		letter := text[0]
		switch {
		case letter == '"' || letter == '\\':
			dst = append(dst, '\\', letter)
		case letter == '\n':
			dst = append(dst, '\\', 'n')
		case letter == '\r':
			dst = append(dst, '\\', 'r')
		case letter == '\t':
			dst = append(dst, '\\', 't')
		case letter < ' ' || letter == 0x7f || r == utf8.RuneError && size == 1:
			dst = append(dst, '\\', 'x', digits[letter>>4], digits[letter&15])
		default:
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return append(dst, '"')
}

// cutField reads what appendField wrote, up to the next space, which is dropped.
func cutField(line string) (text, rest string, ok bool) {
	if !strings.HasPrefix(line, `"`) {
		text, rest, ok = strings.Cut(line, " ")
		return text, rest, ok && text != "" && plain(text) && !strings.ContainsAny(text, `"\`)
	}
	end := closingQuote(line)
	if end < 0 || end+1 >= len(line) || line[end+1] != ' ' {
		return "", "", false
	}
	text, ok = unquote(line[:end+1])
	ok = ok && string(appendField(nil, text)) == line[:end+1]
	return text, line[end+2:], ok
}

// readLast reads what appendLast wrote.
func readLast(line string) (text string, ok bool) {
	if line == "" {
		return "", false
	}
	if line[0] != '"' {
		return line, line[0] != ' ' && line[len(line)-1] != ' ' && plain(line)
	}
	text, ok = unquote(line)
	return text, ok && string(appendLast(nil, text)) == line
}

// closingQuote returns where the quoted text that starts the line ends, or -1.
func closingQuote(line string) int {
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// unquote reads what appendQuoted wrote, and some that it would write otherwise:
// callers write the result again and compare.
func unquote(quoted string) (string, bool) {
	if len(quoted) < 2 || closingQuote(quoted) != len(quoted)-1 {
		return "", false
	}
	inner := quoted[1 : len(quoted)-1]
	text := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			text = append(text, inner[i])
			continue
		}
		i++
		switch inner[i] {
		case '"', '\\':
			text = append(text, inner[i])
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'x':
			if len(inner) < i+3 {
				return "", false
			}
			high, low := hexValue(inner[i+1]), hexValue(inner[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			text = append(text, byte(high<<4|low))
			i += 2
		default:
			return "", false
		}
	}
	return string(text), true
}

func hexValue(digit byte) int {
	return strings.IndexByte("0123456789abcdef", digit)
}
