package workspace

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"flow/pkg/glob"
)

// Gitignore adds a path to the .gitignore beside it, as /base, unless a line says so
// already. It reports whether it changed the file. The lines at the end that start with
// a slash stay sorted. The rest of the file stays as it is, with its kind of line ends;
// a last line that has none gets one.
func (w *Workspace) Gitignore(name string) (bool, error) {
	return w.editIgnore(name, ignorePattern(path.Base(name)), addLine)
}

// GitignorePattern is Gitignore for all that a pattern matches, in the .gitignore of
// the folder that the matches are in.
func (w *Workspace) GitignorePattern(pattern string) (bool, error) {
	base := glob.Base(pattern)
	rest := strings.TrimPrefix(pattern, base+"/")
	return w.editIgnore(path.Join(base, "any"), "/"+rest, addLine)
}

func addLine(text []byte, pattern string) []byte {
	if slices.ContainsFunc(lines(text), func(line []byte) bool { return saysSo(line, pattern) }) {
		return text
	}
	end := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		end = "\r\n"
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, end...)
	}
	return insertSorted(text, pattern+end)
}

// insertSorted puts a line among those like it at the end of a file, which stay sorted:
// so the file comes out the same in whatever order lines are added.
func insertSorted(text []byte, line string) []byte {
	all := lines(text)
	at := len(all)
	for at > 0 && bytes.HasPrefix(all[at-1], []byte("/")) && (at == len(all) || bytes.Compare(all[at-1], all[at]) <= 0) {
		at--
	}
	for at < len(all) && string(all[at]) < line {
		at++
	}
	return bytes.Join(slices.Insert(all, at, []byte(line)), nil)
}

// Ungitignore takes back what Gitignore added. A file that holds nothing else goes.
func (w *Workspace) Ungitignore(name string) (bool, error) {
	return w.editIgnore(name, ignorePattern(path.Base(name)), func(text []byte, pattern string) []byte {
		return bytes.Join(slices.DeleteFunc(lines(text), func(line []byte) bool { return saysSo(line, pattern) }), nil)
	})
}

// lines splits after each line end.
func lines(text []byte) [][]byte {
	split := bytes.SplitAfter(text, []byte("\n"))
	return split[:len(split)-1+min(len(split[len(split)-1]), 1)]
}

// saysSo reports whether a line ignores exactly what the pattern does.
func saysSo(line []byte, pattern string) bool {
	text := trimSpaces(strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"))
	return text == pattern || text == pattern+"/"
}

func (w *Workspace) editIgnore(name, pattern string, edit func(text []byte, pattern string) []byte) (bool, error) {
	if err := w.gate(name); err != nil {
		return false, err
	}
	w.ignore.Lock()
	defer w.ignore.Unlock()
	file := path.Join(parentName(name), ".gitignore")
	text, err := w.readIgnore(file)
	if err != nil {
		return false, err
	}
	edited := edit(slices.Clone(text), pattern)
	switch {
	case bytes.Equal(edited, text):
		return false, nil
	case len(edited) == 0:
		return true, w.root.Remove(file)
	}
	if err := w.root.MkdirAll(parentName(file), 0o777); err != nil {
		return false, err
	}
	return true, w.root.Replace(file, edited, 0o666)
}

// readIgnore reads a .gitignore; none is as an empty one. One that is a symlink is
// none for git, and is not ours to follow or to replace.
func (w *Workspace) readIgnore(file string) ([]byte, error) {
	info, err := w.root.Lstat(file)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("add to %s: %w", file, errors.New("it is not a regular file"))
	}
	text, err := w.root.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// ignorePattern returns the line that ignores a name in its own folder and nothing
// else. A line end can't be written in a pattern: there any one character has to do.
func ignorePattern(base string) string {
	var pattern strings.Builder
	pattern.WriteByte('/')
	for i := range len(base) {
		switch c := base[i]; c {
		case '\n', '\r':
			pattern.WriteByte('?')
		case '*', '?', '[', '\\':
			pattern.WriteByte('\\')
			pattern.WriteByte(c)
		case ' ':
			if strings.TrimRight(base[i:], " ") == "" {
				pattern.WriteByte('\\')
			}
			pattern.WriteByte(c)
		default:
			pattern.WriteByte(c)
		}
	}
	return pattern.String()
}
