package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"flow/pkg/digest"
	"flow/pkg/document"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// EditPipeline changes pipeline.yaml: the edit gets the file as a document and
// returns it changed. The result is checked as a pipeline before it is written; the
// comments and the order of the person's file stay. A file that is not there is
// made.
func (p *Project) EditPipeline(edit func(*document.Document) (*document.Document, error)) error {
	text, err := p.Root.Read(stages.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the pipeline: %w", err)
	}
	doc, err := document.Parse(stages.File, text)
	if err != nil {
		return err
	}
	edited, err := edit(doc)
	if err != nil {
		return err
	}
	if err := p.check(stages.File+", as it would be", edited.Text); err != nil {
		if already := p.check(stages.File, text); already != nil {
			return already
		}
		return err
	}
	if err := p.Root.Replace(stages.File, edited.Text, 0o644); err != nil {
		return fmt.Errorf("write the pipeline: %w", err)
	}
	return nil
}

// check tells what is wrong with a pipeline.
func (p *Project) check(file string, text []byte) error {
	pipeline, err := p.parsePipeline(file, text, p.Root.Read)
	if err == nil {
		_, err = pipeline.Graph()
	}
	return err
}

// SaveSource puts a data source into the cache, or only hashes it, and returns what
// it holds.
func (p *Project) SaveSource(ctx context.Context, name string, hashOnly bool) (digest.Content, error) {
	return p.Workspace.Save(ctx, name, workspace.SaveOptions{NoCache: hashOnly})
}
