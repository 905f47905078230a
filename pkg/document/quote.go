package document

import "strings"

// Quote returns a string as a scalar: plain when every reader of YAML takes it for that
// string wherever it stands, else in double quotes as JSON has them. Bytes that are not
// UTF-8 become U+FFFD.
func Quote(s string) string {
	if plainIsSafe(s) {
		return s
	}
	return quoted(s)
}

// quoted escapes whatever YAML does not allow, or folds.
func quoted(s string) string {
	const hex = "0123456789abcdef"
	out := make([]byte, 0, len(s)+2)
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case !printable(r):
			out = append(out, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			out = append(out, string(r)...)
		}
	}
	return string(append(out, '"'))
}

// printable tells whether a character may stand as it is within quotes.
func printable(r rune) bool {
	switch r {
	case '\t', '\n', '\r', 0x85, 0x2028, 0x2029, 0xfeff:
		return false
	}
	return allowed(r)
}

func plainIsSafe(s string) bool {
	if resolve(s) != String || isOldScalar(s) {
		return false
	}
	switch first, rest := s[0], s[1:]; {
	case strings.IndexByte("?:,[]{}#&*!|>'\"%@`<= ", first) >= 0, strings.HasPrefix(s, "..."):
		return false
	case first == '-' && (rest == "" || !isLetter(rest[0])):
		return false
	}
	if strings.ContainsAny(s, ",?[]{}") || strings.Contains(s, ": ") || strings.Contains(s, " #") {
		return false
	}
	if last := s[len(s)-1]; last == ' ' || last == ':' {
		return false
	}
	for _, r := range s {
		if !printable(r) || r == '\ufffd' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isOldScalar tells whether readers of YAML 1.1 take a text for something else: a
// boolean, a date, a number in base 60 or with underscores.
func isOldScalar(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off", "true", "false", "null":
		return true
	}
	if c := s[0]; c != '.' && c != '-' && c != '+' && (c < '0' || c > '9') {
		return false
	}
	return strings.Trim(s, "0123456789abcdefABCDEFxo_.:+-TtZz ") == ""
}
