package stages

import "strings"

// match is a ${name} in a text.
type match struct {
	start, end int    // in bytes
	inner      string // what is between the braces
}

// matches finds the templates of a text: ${ that no backslash stands before, up to
// the first brace on the same line. What is not closed is no template.
func matches(text string) []match {
	var found []match
	for at := 0; ; {
		open := strings.Index(text[at:], "${")
		if open < 0 {
			return found
		}
		open += at
		if open > 0 && text[open-1] == '\\' {
			at = open + 1
			continue
		}
		size := strings.IndexAny(text[open+2:], "}\n")
		if size < 0 {
			return found
		}
		at = open + 2 + size
		if text[at] == '}' {
			at++
			found = append(found, match{open, at, text[open+2 : at-1]})
		}
	}
}

// name is the name in a template, without its default.
func (m match) name() string {
	name, _, _ := strings.Cut(m.inner, defaultMark)
	return strings.TrimSpace(short(name))
}

// defaultMark stands between a name and what is used where the name is not defined.
const defaultMark = ":-"

// unescape turns \${ into ${.
func unescape(text string) string { return strings.ReplaceAll(text, `\${`, "${") }

// segments splits a name: a.b[0].c is a, b, 0, c. A segment is anything but dots and
// brackets; spaces around it don't count. The problem is "" when there is none.
func segments(name string) (found []string, problem string) {
	const special = ".[]"
	if strings.TrimSpace(name) == "" {
		return nil, "names nothing"
	}
	rest := name
	for first := true; first || rest != ""; first = false {
		closing := ""
		switch {
		case first:
		case rest[0] == '.':
			rest = rest[1:]
		case rest[0] == '[':
			rest, closing = rest[1:], "]"
		default:
			return nil, "has something behind a ] that is neither a dot nor a ["
		}
		size := strings.IndexAny(rest, special)
		if size < 0 {
			size = len(rest)
		}
		if size == 0 {
			return nil, "has an empty part"
		}
		found = append(found, strings.TrimSpace(rest[:size]))
		rest = rest[size:]
		if closing != "" {
			if !strings.HasPrefix(rest, closing) {
				return nil, "has a [ that is not closed"
			}
			rest = strings.TrimLeft(rest[1:], " \t\r\n")
		}
	}
	return found, ""
}
