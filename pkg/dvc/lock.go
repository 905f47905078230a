package dvc

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/document"
)

// Lock is a dvc.lock.
type Lock struct{ Stages map[string]*Entry }

// Entry is what DVC recorded of one run of a stage.
type Entry struct {
	Pos    diag.Pos
	Cmd    []string // the scripts, each of which ran in a shell of its own
	Deps   []Item
	Params *document.Node // by file and key; nil for none
	Outs   []Item
}

// Item is a path with what it held.
type Item struct {
	Path  string // as it is written: relative to the stage's wdir
	Pos   diag.Pos
	Hash  Hash   // zero for what has no md5, as what is on a remote
	ETag  string // of what is behind an address
	Size  int64  // -1 when it is not told
	Files int    // of a directory; -1 when it is not told
	Exec  bool
	Below []FileHash // of a directory that a remote keeps by version; else its manifest tells
}

func readLock(root *disk.Root, name string) (*Lock, error) {
	lock := &Lock{Stages: map[string]*Entry{}}
	text, err := root.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return lock, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	doc, err := document.Parse(name, text)
	if err != nil {
		return nil, err
	}
	if doc.Root == nil || doc.Root.Kind != document.Map {
		return nil, diag.At(diag.Pos{File: name}, "the lock file holds nothing: was it cut?").WithHint(lockHint)
	}
	stages := doc.Root.Get("stages")
	if doc.Root.Get("schema") == nil {
		stages = doc.Root // the first format: stages at the top
	}
	var problems diag.List
	if stages == nil {
		return lock, nil
	}
	for _, stage := range stages.Entries {
		entry, err := decodeEntry(stage.Value)
		if err != nil {
			problems.AddErr(err)
			continue
		}
		entry.Pos = stage.Key.Pos
		lock.Stages[stage.Key.Text] = entry
	}
	return lock, problems.Err()
}

const lockHint = "take the whole file from git (git checkout -- dvc.lock), or let `dvc repro` write it anew"

func decodeEntry(node *document.Node) (*Entry, error) {
	if node.Kind != document.Map {
		return nil, node.Errorf("a stage of the lock file must be a mapping").WithHint(lockHint)
	}
	var problems diag.List
	items := func(key string) []Item {
		var items []Item
		list := node.Get(key)
		if list == nil {
			return nil
		}
		for _, item := range list.Items {
			decoded, err := decodeItem(item)
			problems.AddErr(err)
			items = append(items, decoded)
		}
		return items
	}
	entry := &Entry{Pos: node.Pos, Cmd: Scripts(node.Get("cmd")), Deps: items("deps"), Outs: items("outs")}
	if params := node.Get("params"); params != nil && params.Kind == document.Map {
		entry.Params = params
	}
	return entry, problems.Err()
}

// Scripts returns what DVC runs for a cmd: a list is a script each, and so are the lines
// of a text.
func Scripts(cmd *document.Node) []string {
	if cmd == nil || cmd.Kind == document.Null || cmd.Kind == document.Map {
		return nil
	}
	if cmd.Kind != document.List {
		return Lines(cmd.Text)
	}
	var scripts []string
	for _, item := range cmd.Items {
		scripts = append(scripts, strings.TrimRight(item.Text, "\n"))
	}
	return scripts
}

// Lines splits a cmd as DVC does, without the lines that hold nothing.
func Lines(text string) []string {
	var lines []string
	for _, line := range strings.FieldsFunc(text, isBreak) {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// isBreak knows what ends a line for Python's splitlines.
func isBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

func wholeFile(node *document.Node) string {
	return "take the whole file from git: git checkout -- " + node.Pos.File
}

func decodeItem(node *document.Node) (Item, error) {
	item := Item{Pos: node.Pos, Size: -1, Files: -1}
	name := node.Get("path")
	if name == nil || name.Text == "" {
		return item, node.Errorf("it has no path").WithHint("%s", wholeFile(node))
	}
	item.Path = name.Text
	if sum := node.Get("md5"); sum != nil && sum.Kind != document.Null {
		kind, _ := node.Get("hash").Str()
		hash, err := parseHash(sum.Text, kind != "md5")
		if err != nil {
			return item, sum.Errorf("%v", err).WithHint("%s", wholeFile(node))
		}
		item.Hash = hash
	}
	if size, ok := node.Get("size").Int(); ok {
		item.Size = size
	}
	if files, ok := node.Get("nfiles").Int(); ok {
		item.Files = int(files)
	}
	item.ETag, _ = node.Get("etag").Str()
	item.Exec, _ = node.Get("isexec").Bool()
	return item, item.below(node.Get("files"))
}

// below takes in the files of a directory that a remote keeps by version.
func (i *Item) below(files *document.Node) error {
	if files == nil {
		return nil
	}
	for _, file := range files.Items {
		name, _ := file.Get("relpath").Str()
		sum, _ := file.Get("md5").Str()
		hash, err := parseHash(sum, false)
		if err != nil || disk.CheckName(name) != nil {
			return file.Errorf("%.200q with the digest %.80q can't be a file of the directory", name, sum)
		}
		i.Below = append(i.Below, FileHash{Path: name, MD5: hash.MD5})
	}
	return nil
}
