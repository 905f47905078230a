package cache

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// TreeEntry is one thing in a directory.
type TreeEntry struct {
	Path   string      // relative to the directory, with slashes
	Mode   digest.Mode // File, Exec, Link, or Dir for a directory that is empty
	ID     digest.ID   // of a link, the digest of Target; of an empty directory, zero
	Size   int64       // bytes; of a link, those of Target
	Target string      // what a link holds
}

// Tree is what a directory holds at any depth: files, links and empty directories,
// sorted bytewise by path. A directory that is not empty has no entry of its own.
//
// Its encoding is text, and the digest of that text is the directory's digest, so
// there is one way only to write a tree. The first line names the format; then each
// entry is a line:
//
//	flow tree v1
//	file 2c8d…(64 hex digits) 1024 data/a.csv
//	exec 90ab…(64 hex digits) 120 bin/train
//	link latest data/a.csv
//	dir logs
//
// A file and an exec have the digest's hex digits, the size and the path; a link its
// path and its target; an empty directory its path. What ends a line may hold spaces;
// a text that would be misread is in double quotes (see quote.go). A tree has no sum
// at its end: its name is one.
type Tree []TreeEntry

const treeHeader = "flow tree v1\n"

// shortestLine is that of an empty directory with a name of one letter.
const shortestLine = len("dir x\n")

// maxTarget is the longest target of a link that any system allows.
const maxTarget = 32 << 10

// TreeError says why a tree is refused. Its bytes are as they were stored: who stored
// them did not mean well, or was not flow.
type TreeError struct {
	ID   digest.ID // zero when not known
	Line int       // from 1; 0 when the tree did not come from a text
	Msg  string
	Err  error // may be nil
}

// Error names the tree and the line.
func (e *TreeError) Error() string {
	text := "tree"
	if !e.ID.IsZero() {
		text += " " + e.ID.String()
	}
	text += " is not valid: "
	if e.Line > 0 {
		text += fmt.Sprintf("line %d: ", e.Line)
	}
	text += e.Msg
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *TreeError) Unwrap() error { return e.Err }

// FileEntry returns the entry of a file or an executable file.
func FileEntry(path string, mode digest.Mode, id digest.ID, size int64) TreeEntry {
	return TreeEntry{Path: path, Mode: mode, ID: id, Size: size}
}

// LinkEntry returns the entry of a link.
func LinkEntry(path, target string) TreeEntry {
	return TreeEntry{Path: path, Mode: digest.Link, ID: digest.Sum([]byte(target)), Size: int64(len(target)), Target: target}
}

// DirEntry returns the entry of an empty directory.
func DirEntry(path string) TreeEntry { return TreeEntry{Path: path, Mode: digest.Dir} }

// Encode writes a valid tree as text.
func (t Tree) Encode() []byte {
	size := len(treeHeader)
	for _, entry := range t {
		size += len(entry.Path) + len(entry.Target) + 96
	}
	text := append(make([]byte, 0, size), treeHeader...)
	for _, entry := range t {
		text = append(entry.append(text), '\n')
	}
	return text
}

func (e TreeEntry) append(dst []byte) []byte {
	dst = append(dst, e.Mode.String()...)
	dst = append(dst, ' ')
	switch e.Mode {
	case digest.Link:
		dst = append(appendField(dst, e.Path), ' ')
		return appendLast(dst, e.Target)
	case digest.Dir:
		return appendLast(dst, e.Path)
	}
	const digits = "0123456789abcdef"
	for _, b := range e.ID {
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, e.Size, 10)
	return appendLast(append(dst, ' '), e.Path)
}

// Content returns what a path with this tree holds.
func (t Tree) Content() digest.Content {
	content := digest.Content{ID: digest.Sum(t.Encode()), Mode: digest.Dir}
	for _, entry := range t {
		content.Size += entry.Size
		if entry.Mode != digest.Dir {
			content.Files++
		}
	}
	return content
}

// IDs returns the digests of the objects that the tree needs, one for each file, in
// the tree's order. A link's target is in the tree itself.
func (t Tree) IDs() []digest.ID {
	ids := make([]digest.ID, 0, len(t))
	for _, entry := range t {
		if entry.isFile() {
			ids = append(ids, entry.ID)
		}
	}
	return ids
}

func (e *TreeEntry) isFile() bool { return e.Mode == digest.File || e.Mode == digest.Exec }

// Validate returns a *TreeError for the first entry that no directory could have, or
// that must not be written anywhere: a bad name, a wrong order, two things in one
// place, a file that is also a folder.
func (t Tree) Validate() error {
	check := treeCheck{}
	for i := range t {
		if err := check.entry(&t[i]); err != nil {
			return err
		}
	}
	return nil
}

// treeCheck looks at entries one after the other.
type treeCheck struct {
	last    string
	any     bool
	size    int64
	parents []string // the paths so far that the last one starts with, shortest first
}

func (c *treeCheck) entry(e *TreeEntry) *TreeError {
	if err := e.validate(); err != nil {
		return err
	}
	if err := disk.CheckName(e.Path); err != nil {
		return &TreeError{Msg: fmt.Sprintf("path %.200q", e.Path), Err: err}
	}
	if c.any && e.Path <= c.last {
		return &TreeError{Msg: fmt.Sprintf("path %.200q stands after %.200q", e.Path, c.last)}
	}
	c.last, c.any = e.Path, true
	// Paths that start with the same text are neighbours, so a file that is also a
	// folder is among those that the path starts with.
	for len(c.parents) > 0 && !strings.HasPrefix(e.Path, c.parents[len(c.parents)-1]) {
		c.parents = c.parents[:len(c.parents)-1]
	}
	for _, parent := range c.parents {
		if e.Path[len(parent)] == '/' {
			return &TreeError{Msg: fmt.Sprintf("path %.200q is below %.200q, which has an entry", e.Path, parent)}
		}
	}
	c.parents = append(c.parents, e.Path)
	if c.size += e.Size; c.size < 0 {
		return &TreeError{Msg: "the sizes add up to more than " + strconv.Itoa(math.MaxInt64)}
	}
	return nil
}

// validate checks what an entry says of itself, but for its path.
func (e *TreeEntry) validate() *TreeError {
	switch e.Mode {
	case digest.File, digest.Exec:
		if e.ID.IsZero() || e.Size < 0 || e.Target != "" {
			return &TreeError{Msg: fmt.Sprintf("%s %.200q has no digest, a negative size or a target", e.Mode, e.Path)}
		}
	case digest.Link:
		if e.Target == "" || len(e.Target) > maxTarget || strings.IndexByte(e.Target, 0) >= 0 {
			return &TreeError{Msg: fmt.Sprintf("link %.200q has the target %.200q", e.Path, e.Target)}
		}
		if *e != LinkEntry(e.Path, e.Target) {
			return &TreeError{Msg: fmt.Sprintf("link %.200q has not its target's digest and size", e.Path)}
		}
	case digest.Dir:
		if *e != DirEntry(e.Path) {
			return &TreeError{Msg: fmt.Sprintf("dir %.200q has a digest, a size or a target", e.Path)}
		}
	default:
		return &TreeError{Msg: fmt.Sprintf("%.200q has the mode %s", e.Path, e.Mode)}
	}
	return nil
}

// DecodeTree reads what Encode wrote, and nothing else: a text that it accepts is
// the encoding of a valid tree. The error is a *TreeError.
func DecodeTree(text []byte) (Tree, error) {
	tree := make(Tree, 0, min(bytes.Count(text, []byte{'\n'}), len(text)/shortestLine))
	decoder := &treeText{do: func(e TreeEntry) error {
		tree = append(tree, e)
		return nil
	}}
	_, err := decoder.Write(text)
	if err == nil {
		err = decoder.end()
	}
	if err != nil {
		return nil, err
	}
	return tree, nil
}

func decodeEntry(line string) (TreeEntry, bool) {
	word, rest, found := strings.Cut(line, " ")
	if !found {
		return TreeEntry{}, false
	}
	switch word {
	case "file":
		return decodeFile(digest.File, rest)
	case "exec":
		return decodeFile(digest.Exec, rest)
	case "link":
		path, target, ok := cutField(rest)
		if !ok {
			return TreeEntry{}, false
		}
		target, ok = readLast(target)
		return LinkEntry(path, target), ok
	case "dir":
		path, ok := readLast(rest)
		return DirEntry(path), ok
	}
	return TreeEntry{}, false
}

func decodeFile(mode digest.Mode, line string) (TreeEntry, bool) {
	hex, line, _ := strings.Cut(line, " ")
	number, line, _ := strings.Cut(line, " ")
	id, err := digest.ParseHex(hex)
	if err != nil {
		return TreeEntry{}, false
	}
	size, ok := parseSize(number)
	if !ok {
		return TreeEntry{}, false
	}
	path, ok := readLast(line)
	return FileEntry(path, mode, id, size), ok
}

// parseSize reads a number as strconv writes it, and in no other form.
func parseSize(text string) (int64, bool) {
	size, err := strconv.ParseInt(text, 10, 64)
	return size, err == nil && size >= 0 && strconv.FormatInt(size, 10) == text
}
