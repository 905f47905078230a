// Package dvc reads what DVC wrote: dvc.yaml, dvc.lock, .dvc files, its config and its
// cache.
//
// It reads and nothing else, and it takes what it reads for a stranger's: a digest is
// 32 hex digits before it becomes a file's name, a path is checked before it is believed.
package dvc

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/document"
	"flow/pkg/workspace"
)

// The names that DVC gives its files.
const (
	State        = ".dvc"
	PipelineFile = "dvc.yaml"
	LockFile     = "dvc.lock"
	IgnoreFile   = ".dvcignore"
	suffix       = ".dvc"
)

// Project is a DVC project as its files tell.
type Project struct {
	Root      *disk.Root
	Pipelines []*Pipeline // by folder, the root's first
	Sources   []*Source   // what .dvc files track, by file
	Ignores   []string    // the .dvcignore files
	Config    *Config
	Findings  diag.List // what was met on the way and is not taken in
}

// Pipeline is one dvc.yaml with its lock.
type Pipeline struct {
	Dir  string // "." for the root
	File string
	Doc  *document.Document
	Lock *Lock // what was recorded; empty when there is no dvc.lock
}

// Find returns the root of the DVC project that a folder is in: the nearest folder,
// upwards, that holds .dvc as a folder.
func Find(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	for at := absolute; ; at = filepath.Dir(at) {
		if isDir(filepath.Join(at, State)) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", diag.At(diag.Pos{}, "%s is in no DVC project: there is no folder .dvc here or above", absolute).
				WithHint("go to the project that is to be migrated, or name it: flow -C FOLDER migrate")
		}
	}
}

// Read reads a project, but not its cache. It does not look into folders that hidden
// names, which may be nil: those that git ignores. The error is a diag.List of the files
// that can't be read.
func Read(root *disk.Root, hidden func(dir string) bool) (*Project, error) {
	p := &Project{Root: root}
	var problems diag.List
	var err error
	if p.Config, err = readConfig(root); err != nil {
		problems.AddErr(err)
	}
	w := &walk{project: p, problems: &problems, outs: map[string]bool{}, hidden: hidden}
	if err := w.folder(".", workspace.Rules{}); err != nil {
		return nil, err
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// walk finds DVC's files. It does not go into what is tracked as data.
type walk struct {
	project  *Project
	problems *diag.List
	outs     map[string]bool
	hidden   func(dir string) bool
}

func (w *walk) folder(dir string, rules workspace.Rules) error {
	entries, err := w.project.Root.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for DVC's files: %w", err)
	}
	if text, err := w.project.Root.Read(path.Join(dir, IgnoreFile)); err == nil {
		rules = rules.With(local(dir), text)
	}
	for _, entry := range entries {
		if name := path.Join(dir, entry.Name()); entry.Type().IsRegular() && !rules.Hide(name, false) {
			w.file(name)
		}
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if !entry.IsDir() || w.outs[name] || notOurs[entry.Name()] || rules.Hide(name, true) || w.hidden != nil && w.hidden(name) {
			continue
		}
		if w.nested(name) {
			w.project.Findings.Add(diag.At(diag.Pos{File: name}, "it is a DVC project of its own").
				WithHint("migrate it by itself: flow -C %s migrate", name))
			continue
		}
		if err := w.folder(name, rules); err != nil {
			return err
		}
	}
	return nil
}

// local returns a folder as the rules know it: the root is "".
func local(dir string) string {
	if dir == "." {
		return ""
	}
	return dir
}

var notOurs = map[string]bool{State: true, ".git": true, ".hg": true, ".flow": true}

func (w *walk) nested(name string) bool {
	info, err := w.project.Root.Lstat(path.Join(name, State))
	return err == nil && info.IsDir()
}

// file takes in one file, if it is one of DVC's.
func (w *walk) file(name string) {
	var err error
	switch base := path.Base(name); {
	case base == PipelineFile:
		err = w.pipeline(name)
	case base == IgnoreFile:
		w.project.Ignores = append(w.project.Ignores, name)
	case strings.HasSuffix(base, suffix) && base != suffix:
		err = w.source(name)
	}
	w.problems.AddErr(err)
}

func (w *walk) pipeline(name string) error {
	doc, err := readDocument(w.project.Root, name)
	if err != nil {
		return err
	}
	if doc.Root != nil && doc.Root.Kind != document.Map {
		return doc.Root.Errorf("%s must be a mapping", name)
	}
	pipeline := &Pipeline{Dir: path.Dir(name), File: name, Doc: doc}
	if pipeline.Lock, err = readLock(w.project.Root, path.Join(pipeline.Dir, LockFile)); err != nil {
		return err
	}
	for _, entry := range pipeline.Lock.Stages {
		for _, out := range entry.Outs {
			w.outs[path.Join(pipeline.Dir, out.Path)] = true
		}
	}
	w.project.Pipelines = append(w.project.Pipelines, pipeline)
	return nil
}

func (w *walk) source(name string) error {
	doc, err := readDocument(w.project.Root, name)
	if err != nil {
		return err
	}
	sources, findings, err := decodeSources(name, doc)
	for _, source := range sources {
		w.outs[source.Path] = true
	}
	w.project.Sources = append(w.project.Sources, sources...)
	w.project.Findings = append(w.project.Findings, findings...)
	return err
}

func readDocument(root *disk.Root, name string) (*document.Document, error) {
	text, err := root.Read(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return document.Parse(name, text)
}

// isDir is for folders outside of any root.
func isDir(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.IsDir()
}
