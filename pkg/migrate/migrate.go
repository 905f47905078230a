// Package migrate is the way in from DVC: it plans what a DVC project becomes, and does
// it. Nothing of DVC's is changed or removed.
//
// The line is dvc.Read → Make → Plan.Apply. A Plan has no effects. Apply writes the lock
// last: what was cut short before is done again by the next one, and no lock tells of
// what is not there.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/dvc"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// Options is what a plan has to know of flow's config.
type Options struct {
	Value      func(key, value string) error // refuses what a setting can't be
	RemoteName func(name string) error       // refuses what a remote can't be called
	Hidden     func(dir string) bool         // whether git ignores a folder
}

// Plan is what a DVC project would become.
type Plan struct {
	Files    []File
	Settings []Setting
	Objects  Objects
	Stages   int
	Sources  int
	Findings diag.List // what has no counterpart, by place

	project  *dvc.Project
	pipeline *stages.Pipeline
	entries  map[string]*dvc.Entry // by the stage's name in flow
}

// File is one file that Apply writes.
type File struct {
	Name  string
	From  []string // the files that it is made of
	Text  []byte
	There bool // it is there already, with this text
}

// Objects counts what DVC's cache has of what the project holds now.
type Objects struct {
	Dir     string // the cache's folder
	Present int
	Bytes   int64
	Missing int
	Lacking []string // outs and data that are neither there nor in the workspace
}

// Make plans what a project becomes. It changes nothing. The error is a diag.List of
// what keeps the project from being migrated at all.
func Make(ctx context.Context, root *disk.Root, options Options) (*Plan, error) {
	project, err := dvc.Read(root, options.Hidden)
	if err != nil {
		return nil, err
	}
	p := &Plan{project: project, Findings: slices.Clone(project.Findings)}
	p.settings(options)
	if err := p.convert(); err != nil {
		return nil, err
	}
	if err := p.ignores(); err != nil {
		return nil, err
	}
	p.match()
	if err := p.count(ctx); err != nil {
		return nil, err
	}
	_ = p.Findings.Err() // which sorts them
	return p, nil
}

// ignores plans the ignore files, which say the same under another name.
func (p *Plan) ignores() error {
	for _, from := range p.project.Ignores {
		text, err := p.project.Root.Read(from)
		if err != nil {
			return fmt.Errorf("read %s: %w", from, err)
		}
		file := File{Name: path.Join(path.Dir(from), workspace.IgnoreFile), From: []string{from}, Text: text}
		if file.There, err = p.there(file); err != nil {
			p.Findings.Add(diag.At(diag.Pos{File: file.Name}, "it is there and is not what %s says; it is left as it is", from).
				WithHint("add the lines of %s that are to hold for flow, too", from))
			continue
		}
		p.Files = append(p.Files, file)
	}
	return nil
}

// there reports whether a file is there with the text that it would get. It is an error
// when it is there with another.
func (p *Plan) there(file File) (bool, error) {
	text, err := p.project.Root.Read(file.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", file.Name, err)
	}
	if string(text) != string(file.Text) {
		return false, diag.At(diag.Pos{File: file.Name}, "%s is there, and is not what migrate would write", file.Name).
			WithHint("move it out of the way and migrate again; then take over from it what you need")
	}
	return true, nil
}

// match finds what DVC recorded of each stage of the pipeline to be.
func (p *Plan) match() {
	p.entries = map[string]*dvc.Entry{}
	for _, from := range p.project.Pipelines {
		file := path.Join(from.Dir, stages.File)
		for _, stage := range p.pipeline.Commands() {
			if stage.File != file {
				continue
			}
			if entry := from.Lock.Stages[declaredName(stage)]; entry != nil {
				p.entries[stage.Name] = entry
			}
		}
	}
	p.Stages, p.Sources = len(p.pipeline.Commands()), len(p.pipeline.Sources())
}
