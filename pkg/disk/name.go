package disk

import (
	"fmt"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxComponent is how long one part of a name may be on the file systems there are.
const maxComponent = 255

// NameError says why CheckName refuses a name.
type NameError struct{ Name, Why string }

// Error shows the name quoted, as it may hold anything.
func (e *NameError) Error() string { return fmt.Sprintf("name %.300q %s", e.Name, e.Why) }

// CheckName is the gate for every name that comes from a file that somebody else
// may have written: a tree, a lock, a pipeline. It accepts slash-separated names
// local to a folder. It refuses names that lead elsewhere, names that this system
// would take for something else, and any part that is .git or .flow, also in the
// disguises that NTFS, HFS+ or a file system that folds case see through.
func CheckName(name string) error { return checkName(name, runtime.GOOS == "windows") }

func checkName(name string, windows bool) error {
	switch {
	case name == "":
		return &NameError{name, "is empty"}
	case strings.ContainsRune(name, 0):
		return &NameError{name, "holds a NUL byte"}
	case name[0] == '/':
		return &NameError{name, "is absolute"}
	}
	for rest, more := name, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if why := checkPart(part, windows); why != "" {
			return &NameError{name, why}
		}
	}
	return nil
}

// checkPart returns why a part between slashes is refused, or "".
func checkPart(part string, windows bool) string {
	switch {
	case part == "":
		return "has an empty part"
	case part == "." || part == "..":
		return fmt.Sprintf("has a part %q", part)
	case len(part) > maxComponent:
		return fmt.Sprintf("has a part longer than %d bytes", maxComponent)
	}
	if windows {
		if why := checkWindowsPart(part); why != "" {
			return why
		}
	}
	// A backslash separates on NTFS, where the tree may be checked out one day.
	for rest, more := part, true; more; {
		var piece string
		piece, rest, more = strings.Cut(rest, `\`)
		if owner := reservedBy(piece); owner != "" {
			return fmt.Sprintf("has the part %q, and .%s is not for data", part, owner)
		}
	}
	return ""
}

// reservedBy returns git or flow when some file system takes part for .git or .flow.
func reservedBy(part string) string {
	if !mayBeReserved(part) {
		return ""
	}
	folded := foldIgnorable(part)
	if stream, _, found := strings.Cut(folded, ":"); found {
		folded = stream // NTFS: the name of a stream of the file follows
	}
	folded = strings.TrimRight(folded, ". ") // NTFS drops them
	for _, owner := range [...]string{"git", "flow"} {
		if folded == "."+owner {
			return owner
		}
		short, found := strings.CutPrefix(folded, owner+"~") // the 8.3 name of .git
		if found && len(short) == 1 && short[0] >= '0' && short[0] <= '9' {
			return owner
		}
	}
	return ""
}

// mayBeReserved is a quick no for nearly every part.
func mayBeReserved(part string) bool {
	switch c := part; {
	case c == "":
		return false
	case c[0] >= utf8.RuneSelf:
		return true
	default:
		return strings.IndexByte(".gGfF", c[0]) >= 0
	}
}

// foldIgnorable lowers ASCII, drops the characters that HFS+ and case-folding file
// systems ignore in names, and resolves the one ligature that folds to "fl".
func foldIgnorable(part string) string {
	var folded strings.Builder
	for _, c := range part {
		switch {
		case c >= 'A' && c <= 'Z':
			folded.WriteByte(byte(c) + 'a' - 'A')
		case c < utf8.RuneSelf:
			folded.WriteByte(byte(c))
		case c == 'ﬂ':
			folded.WriteString("fl")
		case unicode.In(c, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		default:
			folded.WriteRune(c)
		}
	}
	return folded.String()
}

// checkWindowsPart returns why Windows would not keep a file under that name, or "".
func checkWindowsPart(part string) string {
	for i := range len(part) {
		if part[i] < ' ' || strings.IndexByte(`<>:"|?*\`, part[i]) >= 0 {
			return fmt.Sprintf("has the character %q, which Windows doesn't allow", part[i])
		}
	}
	if last := part[len(part)-1]; last == ' ' || last == '.' {
		return "has a part ending in a space or dot, which Windows drops"
	}
	base, _, _ := strings.Cut(part, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return fmt.Sprintf("has the part %q, which is a device on Windows", part)
	}
	for _, device := range [...]string{"COM", "LPT"} {
		digit, found := strings.CutPrefix(base, device)
		if found && (len(digit) == 1 && digit[0] >= '0' && digit[0] <= '9' || digit == "¹" || digit == "²" || digit == "³") {
			return fmt.Sprintf("has the part %q, which is a device on Windows", part)
		}
	}
	return ""
}
