// Package lock is the pipeline as last run: what was.
//
// pipeline.lock is YAML that flow writes and people read and merge: sorted, one
// fact a line, the same content giving the same bytes.
//
//	# Written by flow; keep it in git. `flow repro` brings it up to date.
//	flow: 1
//	data:
//	  data/raw.csv:
//	    hash: blake3:…
//	    size: 48219
//	  data/weather.csv:
//	    commit: 0c5f2a71…
//	    hash: blake3:…
//	    size: 1200
//	stages:
//	  train:
//	    cmd: python train.py
//	    deps:
//	      data/clean:
//	        hash: blake3:…
//	        mode: dir
//	        nfiles: 3
//	        size: 120
//	    params:
//	      params.yaml:
//	        train.lr: 0.1
//	    outs:
//	      model.bin:
//	        …
//	# end of pipeline.lock
//
// The last line tells a whole file from one that was cut.
package lock

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"flow/pkg/digest"
)

// Name is the name of the lock file.
const Name = "pipeline.lock"

// Version is the version of the format that this package writes.
const Version = 1

// File is what was recorded of all stages and data sources.
type File struct {
	Stages map[string]*Entry
	Data   map[string]digest.Content // by path

	// Commits are those that imported data sources were taken from, by path. One that
	// was changed since has none: its repository doesn't hold it.
	Commits map[string]string
}

// Entry is what one stage was when it last ran.
type Entry struct {
	Cmd    []string
	Shell  []string          `json:",omitempty"` // nil for the default
	Wdir   string            `json:",omitempty"` // "" for the root
	Env    map[string]string `json:",omitempty"`
	Deps   Items             `json:",omitempty"`
	Params Params            `json:",omitempty"`
	Outs   Items             `json:",omitempty"`
}

// Params is values by file and dotted key, each as JSON text.
type Params map[string]map[string]string

// Item is a path with what it held.
type Item struct {
	Path string
	digest.Content
}

// Items is what some paths held: sorted by path, each path once.
type Items []Item

// Sorted makes Items of what is in any order. Of a path that is there twice the first counts.
func Sorted(items []Item) Items {
	for i := 1; i < len(items); i++ {
		if items[i-1].Path >= items[i].Path {
			slices.SortStableFunc(items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
			return slices.CompactFunc(items, func(a, b Item) bool { return a.Path == b.Path })
		}
	}
	return items
}

// At returns what a path held, and whether it is among the items.
func (items Items) At(path string) (digest.Content, bool) {
	i, found := sort.Find(len(items), func(i int) int { return strings.Compare(path, items[i].Path) })
	if !found {
		return digest.Content{}, false
	}
	return items[i].Content, true
}

// New returns an empty File.
func New() *File {
	return &File{Stages: map[string]*Entry{}, Data: map[string]digest.Content{}, Commits: map[string]string{}}
}

// Clone returns a File that can be changed apart; the entries are shared, as
// nobody changes an Entry.
func (f *File) Clone() *File {
	return &File{Stages: maps.Clone(f.Stages), Data: maps.Clone(f.Data), Commits: maps.Clone(f.Commits)}
}

// Out returns what was recorded of an out.
func (e *Entry) Out(path string) (digest.Content, bool) { return e.Outs.At(path) }

// Dep returns what was recorded of a dep.
func (e *Entry) Dep(path string) (digest.Content, bool) { return e.Deps.At(path) }
