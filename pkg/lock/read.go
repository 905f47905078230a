package lock

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

// Read reads the lock file of a project; one that is not there is empty.
func Read(root *disk.Root, name string) (*File, error) {
	text, err := root.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return New(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return Decode(name, text)
}

// Decode reads the text of a lock file. What flow wrote is read fast, line by
// line; what a person or a merge has been at is read as YAML.
func Decode(name string, text []byte) (*File, error) {
	if bytes.HasSuffix(text, []byte(trailer)) {
		if file, ok := readCanonical(text); ok {
			return file, nil
		}
	}
	if err := checkWhole(name, text); err != nil {
		return nil, err
	}
	root, err := parse(name, text)
	if err != nil {
		return nil, err
	}
	if len(root.kids) == 0 {
		return nil, diag.At(diag.Pos{File: name}, "the lock file holds nothing: was it cut?").WithHint(rebuildHint)
	}
	d := &decoder{file: name}
	file := d.decodeFile(root)
	if err := d.problems.Err(); err != nil {
		return nil, err
	}
	return file, nil
}

const rebuildHint = "take the whole file from git (git checkout -- pipeline.lock), or remove it: `flow repro` writes it anew, from the run cache where it can"

// checkWhole names what a crash or a merge does to a file.
func checkWhole(name string, text []byte) error {
	if len(bytes.Trim(text, "\x00 \t\r\n")) == 0 {
		return diag.At(diag.Pos{File: name}, "the lock file is empty or all NUL bytes: was it cut by a crash?").WithHint(rebuildHint)
	}
	if number, line := markerLine(text); number > 0 {
		return conflict(name, number, line)
	}
	if bytes.HasPrefix(text, []byte(header)) && !bytes.Contains(text[max(0, len(text)-len(trailer)-200):], []byte(strings.TrimSpace(trailer))) {
		return diag.At(diag.Pos{File: name}, "the lock file has lost its last line: it was cut").WithHint(rebuildHint)
	}
	return nil
}

func conflict(name string, line int, text string) error {
	problem := diag.At(diag.Pos{File: name, Line: line, Col: 1}, "the lock file has git's conflict markers").
		WithHint("merge it by stage: flow lock resolve; then `flow repro` runs what does not fit")
	problem.Line, problem.Width = strings.TrimRight(text, "\r"), 7
	return problem
}

// decoder turns a tree of lines into a File.
type decoder struct {
	file     string
	problems diag.List
}

func (d *decoder) fail(n *node, format string, args ...any) {
	d.problems.Add(diag.At(diag.Pos{File: d.file, Line: n.line, Col: n.col}, format, args...).WithHint(rebuildHint))
}

func (d *decoder) decodeFile(root *node) *File {
	file := New()
	for _, n := range root.kids {
		switch n.key {
		case "flow":
			d.version(n)
		case "data":
			for _, source := range n.kids {
				if d.name(source) {
					d.source(file, source)
				}
			}
		case "stages":
			for _, stage := range n.kids {
				file.Stages[stage.key] = d.entry(stage)
			}
		default:
			d.fail(n, "the lock file has an unknown key %q", n.key)
		}
	}
	return file
}

func (d *decoder) version(n *node) {
	version, err := strconv.Atoi(n.text)
	switch {
	case err != nil:
		d.fail(n, "%q is no version of a lock file", n.text)
	case version > Version:
		d.problems.Add(diag.At(diag.Pos{File: d.file, Line: n.line, Col: n.col},
			"the lock file was written by a newer flow: its format is %d, this flow reads up to %d", version, Version).
			WithHint("install the newer flow, or take an older pipeline.lock from git"))
	}
}

func (d *decoder) entry(stage *node) *Entry {
	e := &Entry{}
	for _, n := range stage.kids {
		switch n.key {
		case "cmd":
			e.Cmd = n.words()
		case "shell":
			e.Shell = n.words()
		case "wdir":
			e.Wdir = n.text
		case "env":
			e.Env = n.texts()
		case "deps":
			e.Deps = d.items(n, true)
		case "params":
			e.Params = Params{}
			for _, file := range n.kids {
				e.Params[file.key] = file.raws()
			}
		case "outs":
			e.Outs = d.items(n, false)
		default:
			d.fail(n, "stage %q has an unknown key %q", stage.key, n.key)
		}
	}
	return e
}

// items reads deps or outs. Only deps may be of another kind than paths.
func (d *decoder) items(n *node, deps bool) []Item {
	items := make([]Item, 0, len(n.kids))
	for _, kid := range n.kids {
		if deps && isOutside(kid.key) || d.name(kid) {
			items = append(items, Item{Path: kid.key, Content: d.content(kid)})
		}
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Path, b.Path) })
	return items
}

// isOutside knows the names of deps that are no paths in the project.
func isOutside(name string) bool {
	for _, prefix := range [...]string{"cmd:", "env:", "exe:", "http://", "https://"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// name holds every path to the one gate: a lock comes with a cloned repository.
func (d *decoder) name(n *node) bool {
	if err := disk.CheckName(n.key); err != nil {
		d.fail(n, "the path %q can't be used: %v", n.key, err)
		return false
	}
	return true
}

// isCommit knows how git writes the name of a commit.
func isCommit(name string) bool {
	return (len(name) == 40 || len(name) == 64) && strings.Trim(name, "0123456789abcdef") == ""
}

// source reads what a data source was, and the commit that it was taken from.
func (d *decoder) source(file *File, n *node) {
	rest := *n
	rest.kids = nil
	for _, kid := range n.kids {
		switch {
		case kid.key != "commit":
			rest.kids = append(rest.kids, kid)
		case isCommit(kid.text):
			file.Commits[n.key] = kid.text
		default:
			d.fail(kid, "%s: %.80q is no commit", n.key, kid.text)
		}
	}
	file.Data[n.key] = d.content(&rest)
}

func (d *decoder) content(n *node) digest.Content {
	content := digest.Content{Mode: digest.File}
	for _, kid := range n.kids {
		var err error
		switch kid.key {
		case "hash":
			content.ID, err = digest.Parse(kid.text)
		case "mode":
			content.Mode, err = digest.ParseMode(kid.text)
		case "size":
			content.Size, err = strconv.ParseInt(kid.text, 10, 64)
		case "nfiles":
			content.Files, err = strconv.Atoi(kid.text)
		default:
			err = fmt.Errorf("unknown key %q", kid.key)
		}
		if err == nil && (content.Size < 0 || content.Files < 0) {
			err = fmt.Errorf("%s can't be below 0", kid.key)
		}
		if err != nil {
			d.fail(kid, "%s: %v", n.key, err)
		}
	}
	if content.ID.IsZero() || content.Mode == digest.None {
		d.fail(n, "%s has no hash", n.key)
	}
	return content
}
