package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"flow/pkg/disk"
	"flow/pkg/glob"
)

// Gitignore adds a path to the .gitignore beside it, as /base, unless a line says so
// already. It reports whether it changed the file. The lines at the end that start with
// a slash stay sorted. The rest of the file stays as it is, with its kind of line ends;
// a last line that has none gets one.
func (w *Workspace) Gitignore(name string) (bool, error) {
	return w.editIgnore(name, func(text []byte) []byte { return addLines(text, ignorePattern(path.Base(name))) })
}

// Gitignores is paths that git shall ignore, gathered so that each .gitignore is written
// once for all.
type Gitignores struct {
	w      *Workspace
	wanted map[string][]string // lines, by the folder that the file is in
}

// Gitignores returns an empty Gitignores.
func (w *Workspace) Gitignores() *Gitignores { return &Gitignores{w: w, wanted: map[string][]string{}} }

// Add is Gitignore of a path.
func (g *Gitignores) Add(name string) {
	folder := parentName(name)
	g.wanted[folder] = append(g.wanted[folder], ignorePattern(path.Base(name)))
}

// AddPattern is Add for all that a pattern matches, in the .gitignore of the folder that
// the matches are in.
func (g *Gitignores) AddPattern(pattern string) {
	base := glob.Base(pattern)
	g.wanted[base] = append(g.wanted[base], "/"+strings.TrimPrefix(pattern, base+"/"))
}

// Write writes the files that lack something.
func (g *Gitignores) Write() error {
	for _, folder := range slices.Sorted(maps.Keys(g.wanted)) {
		add := func(text []byte) []byte { return addLines(text, g.wanted[folder]...) }
		if _, err := g.w.editIgnore(path.Join(folder, "any"), add); err != nil {
			return err
		}
	}
	return nil
}

func addLines(text []byte, patterns ...string) []byte {
	said := lines(text)
	end := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		end = "\r\n"
	}
	for _, pattern := range patterns {
		if slices.ContainsFunc(said, func(line []byte) bool { return saysSo(line, pattern) }) {
			continue
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, end...)
		}
		text = insertSorted(text, pattern+end)
		said = append(said, []byte(pattern))
	}
	return text
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
	pattern := ignorePattern(path.Base(name))
	return w.editIgnore(name, func(text []byte) []byte {
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

// editIgnore changes the .gitignore beside a path.
func (w *Workspace) editIgnore(name string, edit func(text []byte) []byte) (bool, error) {
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
	if bytes.Equal(edit(slices.Clone(text)), text) {
		return false, nil
	}
	if err := w.root.MkdirAll(w.dir, 0o755); err != nil {
		return false, err
	}
	lock, err := w.root.Lock(context.Background(), path.Join(w.dir, "gitignore.lock"), disk.Exclusive, "", nil)
	if err != nil {
		return false, err
	}
	defer lock.Unlock()
	if text, err = w.readIgnore(file); err != nil { // as another process may have left it
		return false, err
	}
	edited := edit(slices.Clone(text))
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
