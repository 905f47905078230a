package workspace

import (
	"fmt"
	"path"
	"strings"

	"flow/pkg/glob"
)

// IgnoreFile is the name of the files that say which paths flow does not see.
const IgnoreFile = ".flowignore"

// rules are those of one folder's ignore file, above those of its parents.
type rules struct {
	parent   *rules
	dir      string // of the ignore file; "" is the root
	patterns []pattern
}

// A pattern is one line of an ignore file.
type pattern struct {
	glob    glob.Glob
	text    string
	line    int
	negated bool // ! takes back what an earlier line ignored
	folder  bool // a slash at the end: only folders
	whole   bool // a slash elsewhere: matched against the path, from the ignore file's folder
}

// parseRules reads an ignore file. It can't fail: git too takes any text.
func parseRules(parent *rules, dir string, text []byte) *rules {
	r := &rules{parent: parent, dir: dir}
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		if p, found := parsePattern(strings.TrimSuffix(line, "\r")); found {
			p.line = i + 1
			r.patterns = append(r.patterns, p)
		}
	}
	if len(r.patterns) == 0 {
		return parent
	}
	return r
}

func parsePattern(line string) (pattern, bool) {
	if strings.HasPrefix(line, "#") {
		return pattern{}, false
	}
	p := pattern{text: line}
	line = trimSpaces(line)
	line, p.negated = strings.CutPrefix(line, "!")
	line, p.folder = strings.CutSuffix(line, "/")
	if line == "" {
		return pattern{}, false
	}
	p.whole = strings.Contains(line, "/")
	p.glob = glob.Compile(strings.TrimPrefix(line, "/"), p.whole)
	return p, true
}

// trimSpaces takes the spaces at the end off that no backslash keeps.
func trimSpaces(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(line))
	}
	return line[:end]
}

// decide finds the pattern that decides about a path below the rules' folder; nil
// when none does. The last line that fits wins, and the nearest file before its
// parents'.
func (r *rules) decide(name string, dir bool) (*rules, *pattern) {
	base := path.Base(name)
	for ; r != nil; r = r.parent {
		below := name
		if r.dir != "" {
			below = name[len(r.dir)+1:]
		}
		for i := len(r.patterns) - 1; i >= 0; i-- {
			p := &r.patterns[i]
			text := base
			if p.whole {
				text = below
			}
			if (dir || !p.folder) && p.glob.Match(text) {
				return r, p
			}
		}
	}
	return nil, nil
}

// ignores reports whether the rules take a path out of sight.
func (r *rules) ignores(name string, dir bool) bool {
	_, p := r.decide(name, dir)
	return p != nil && !p.negated
}

// describe names a pattern by its place, as .flowignore:4:*.tmp.
func (r *rules) describe(p *pattern) string {
	return fmt.Sprintf("%s:%d:%s", path.Join(r.dir, IgnoreFile), p.line, p.text)
}

// Rules is what ignore files say, for who reads such files under another name. The zero
// Rules hide nothing.
type Rules struct{ rules *rules }

// With returns the rules with those of a folder's ignore file, which is in a folder below
// that of the ones before. "" is the root.
func (r Rules) With(dir string, text []byte) Rules { return Rules{parseRules(r.rules, dir, text)} }

// Hide reports whether the rules hide a path, the folders above which they don't.
func (r Rules) Hide(name string, dir bool) bool { return r.rules.ignores(name, dir) }
