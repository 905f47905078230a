package glob

import "strings"

// HasMeta reports whether a path is a pattern: whether it has one of * ? [.
func HasMeta(path string) bool { return strings.ContainsAny(path, "*?[") }

// Problem says why a pattern can't be one of paths; "" when it can. It is stricter than
// git, which takes two asterisks beside other text for one or for folders, by where
// they stand.
func Problem(pattern string) string {
	for part := range strings.SplitSeq(pattern, "/") {
		if g := Compile(part, false); g.kind == never {
			return "has a [ without a ]"
		}
		if strings.Contains(part, "**") && !deep(part) {
			return "has ** beside other text: write it as a folder of its own, as in a/**/b"
		}
	}
	return ""
}

// Base returns the folder that all matches of a pattern are in: the components
// before the first with a wildcard, or "." when there are none.
func Base(pattern string) string {
	var plain []string
	for part := range strings.SplitSeq(pattern, "/") {
		if HasMeta(part) {
			break
		}
		plain = append(plain, part)
	}
	if len(plain) == 0 {
		return "."
	}
	return strings.Join(plain, "/")
}

// Meet reports whether two patterns, or a pattern and a path, may have to do with one
// file: both may match it, or one is a path and a folder that the other looks into.
// Where a pattern looks into folders of any name, a path counts as one only without
// an extension.
func Meet(a, b string) bool {
	m := meeting{a: strings.Split(a, "/"), b: strings.Split(b, "/")}
	m.aPlain, m.bPlain = !HasMeta(a), !HasMeta(b)
	return m.from(0, 0)
}

type meeting struct {
	a, b           []string
	aPlain, bPlain bool
}

func (m *meeting) from(i, j int) bool {
	switch {
	case i == len(m.a) && j == len(m.b):
		return true
	case i == len(m.a):
		return m.aPlain && folder(m.a[i-1], m.b[j:])
	case j == len(m.b):
		return m.bPlain && folder(m.b[j-1], m.a[i:])
	case deep(m.a[i]):
		return m.from(i+1, j) || m.from(i, j+1)
	case deep(m.b[j]):
		return m.from(i, j+1) || m.from(i+1, j)
	}
	return intersect(m.a[i], m.b[j]) && m.from(i+1, j+1)
}

// deep reports whether a component stands for any number of folders.
func deep(part string) bool { return len(part) > 1 && strings.Trim(part, "*") == "" }

// folder reports whether a name may be that of a folder that the rest of a pattern
// looks into.
func folder(name string, rest []string) bool {
	if !deep(rest[0]) {
		return true
	}
	return len(rest) == 1 || !strings.Contains(strings.TrimPrefix(name, "."), ".")
}

// intersect reports whether some name matches both of two components. Sets in
// brackets are taken for any character.
func intersect(a, b string) bool {
	switch {
	case a == "" && b == "":
		return true
	case a != "" && a[0] == '*':
		return intersect(a[1:], b) || b != "" && intersect(a, skip(b))
	case b != "" && b[0] == '*':
		return intersect(a, b[1:]) || a != "" && intersect(skip(a), b)
	case a == "" || b == "":
		return false
	case a[0] == '?' || a[0] == '[' || b[0] == '?' || b[0] == '[':
		return intersect(skip(a), skip(b))
	}
	return a[0] == b[0] && intersect(a[1:], b[1:])
}

// skip takes one character off a pattern: a byte, an escaped one, or a set.
func skip(pattern string) string {
	switch pattern[0] {
	case '\\':
		return pattern[min(2, len(pattern)):]
	case '[':
		if token, width := parseSet(pattern); token != nil {
			return pattern[width:]
		}
	}
	return pattern[1:]
}
