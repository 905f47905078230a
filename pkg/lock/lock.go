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
	Deps   []Item            `json:",omitempty"` // sorted by path
	Params Params            `json:",omitempty"`
	Outs   []Item            `json:",omitempty"` // sorted by path
}

// Params is values by file and dotted key, each as JSON text.
type Params map[string]map[string]string

// Item is a path with what it held.
type Item struct {
	Path string
	digest.Content
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
func (e *Entry) Out(path string) (digest.Content, bool) { return find(e.Outs, path) }

// Dep returns what was recorded of a dep.
func (e *Entry) Dep(path string) (digest.Content, bool) { return find(e.Deps, path) }

func find(items []Item, path string) (digest.Content, bool) {
	i, found := slices.BinarySearchFunc(items, path, func(item Item, path string) int {
		switch {
		case item.Path < path:
			return -1
		case item.Path > path:
			return 1
		}
		return 0
	})
	if !found {
		return digest.Content{}, false
	}
	return items[i].Content, true
}
