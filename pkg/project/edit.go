package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/document"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// EditPipeline changes a pipeline file: the edit gets the file as a document and
// returns it changed. The result is checked, with the project's other files, before it
// is written; the comments and the order of the person's file stay. A file that is not
// there is made. One process edits at a time, so that no edit is lost.
func (p *Project) EditPipeline(file string, edit func(*document.Document) (*document.Document, error)) error {
	if err := p.Root.MkdirAll(State+"/tmp", 0o755); err != nil {
		return err
	}
	lock, err := p.Root.Lock(context.Background(), State+"/tmp/edit", disk.Exclusive, fmt.Sprintf("process %d, editing %s", os.Getpid(), file), nil)
	if err != nil {
		return fmt.Errorf("edit the pipeline: %w", err)
	}
	defer lock.Unlock()
	text, err := p.Root.Read(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the pipeline: %w", err)
	}
	doc, err := document.Parse(file, text)
	if err != nil {
		return err
	}
	edited, err := edit(doc)
	if err != nil {
		return err
	}
	if err := p.check(file, edited.Text); err != nil {
		if already := p.check(file, text); already != nil {
			return already
		}
		return wouldBe(file, err)
	}
	if err := p.Root.Replace(file, edited.Text, 0o644); err != nil {
		return fmt.Errorf("write the pipeline: %w", err)
	}
	return nil
}

// check tells what is wrong with the pipeline when one of its files has another text.
func (p *Project) check(file string, text []byte) error {
	files, err := p.sources()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(files, func(s stages.Source) bool { return s.File == file })
	if i < 0 {
		i, files = 0, slices.Insert(files, 0, stages.Source{File: file})
	}
	files[i].Text = text
	pipeline, _, err := parse(p.Config.Parsing(), files, p.Root.Read)
	if err == nil {
		_, err = pipeline.Graph()
	}
	return err
}

// wouldBe says of problems in a file that they are in what it was to become.
func wouldBe(file string, err error) error {
	problems := diag.List{}
	problems.AddErr(err)
	for _, problem := range problems {
		if problem.Pos.File == file {
			problem.Pos.File = file + ", as it would be"
		}
	}
	return problems.Err()
}

// SaveSource puts a data source into the cache, or only hashes it, and returns what
// it holds.
func (p *Project) SaveSource(ctx context.Context, name string, hashOnly bool) (digest.Content, error) {
	return p.Workspace.Save(ctx, name, workspace.SaveOptions{NoCache: hashOnly})
}
