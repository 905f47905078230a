package document

import (
	"strings"
	"unicode/utf8"

	"flow/pkg/diag"
)

const (
	countFrom  = 2 << 20   // bytes from which the values are estimated before they are read
	maxGuess   = 4_000_000 // of that estimate, which is never too low
	maxControl = 20        // control characters that are told one by one
)

// check refuses what the YAML library can't read, or what it would need too much
// memory for.
func (s *source) check() diag.List {
	switch {
	case len(s.text) > maxSize:
		return diag.List{s.fail(0, 1, "the file is larger than %d MiB", maxSize>>20)}
	case isUTF16(s.text):
		return diag.List{s.fail(0, 1, "the file is UTF-16").WithHint("save it as UTF-8")}
	}
	if !s.ascii && !utf8.ValidString(s.text) {
		return diag.List{s.fail(s.invalid(), 1, "the file is not UTF-8").WithHint("save it as UTF-8")}
	}
	if problems := s.controls(); len(problems) > 0 {
		return problems
	}
	if len(s.text) > countFrom && guessNodes(s.text) > maxGuess {
		return diag.List{s.fail(0, 1, "the file may hold more values than the limit of %d", maxNodes)}
	}
	return nil
}

func isUTF16(text string) bool {
	if len(text) < 2 {
		return false
	}
	return text[:2] == "\xff\xfe" || text[:2] == "\xfe\xff" || (text[0] == 0) != (text[1] == 0)
}

// invalid returns where the first byte is that is not UTF-8.
func (s *source) invalid() int {
	for i := 0; i < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(s.text)
}

// controls finds the characters that YAML forbids.
func (s *source) controls() diag.List {
	var problems diag.List
	for i := 0; i < len(s.text) && len(problems) < maxControl; i++ {
		c := s.text[i]
		if c >= ' ' && c < 0x7f || c == '\t' || c == '\n' || c == '\r' {
			continue
		}
		if !utf8.RuneStart(c) {
			continue
		}
		if r, _ := utf8.DecodeRuneInString(s.text[i:]); !allowed(r) {
			problems.Add(s.fail(i, 1, "the control character U+%04X can't be in a YAML file", r).
				WithHint("remove it, or write it as an escape in double quotes"))
		}
	}
	return problems
}

// allowed tells whether YAML allows a character unescaped.
func allowed(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r', r == 0x85:
		return true
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff:
		return false
	}
	return r < 0xd800 || r >= 0xe000 && r <= 0x10ffff
}

// guessNodes returns a number of values that a text certainly does not exceed.
func guessNodes(text string) int {
	count := 1
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " ")
		if strings.TrimRight(line, "\r\n") == "" || line[0] == '#' {
			continue
		}
		for strings.HasPrefix(line, "- ") {
			line = strings.TrimLeft(line[2:], " ")
			count++
		}
		count++
		for i := range len(line) {
			switch line[i] {
			case ',', '?', '\r', 0x85, 0xa8, 0xa9:
				count += 2
			case ':', '[', '{':
				count++
			}
		}
	}
	return count
}
