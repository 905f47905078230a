package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/document"
	"flow/pkg/stages"
)

// Pipeline reads the declared pipeline: that of every pipeline.yaml of the project.
func (p *Project) Pipeline() (*stages.Pipeline, error) {
	stored := p.stored()
	files, err := p.declared()
	if err != nil {
		return nil, err
	}
	kept := p.compiled(files)
	if kept == nil {
		pipeline, _, err := parse(p.options(), files, p.readDeclared)
		return pipeline, err
	}
	if was := stored(); kept.counts(was) {
		return was.pipeline, nil
	}
	pipeline, _, err := parse(p.options(), files, kept.reading())
	if err == nil {
		kept.keep(pipeline)
	}
	return pipeline, err
}

// Compiled reads what a pipeline file declares as values: without vars, foreach, matrix,
// include and templates. It is nil when the file holds nothing.
func (p *Project) Compiled(file string) (*document.Node, error) {
	files, err := p.declared()
	if err != nil {
		return nil, err
	}
	_, files, err = parse(p.options(), files, p.readDeclared)
	if err != nil {
		return nil, err
	}
	for _, source := range files {
		if source.File == file {
			return stages.ExpandWith(p.options(), file, source.Text, p.Root.Read)
		}
	}
	return nil, diag.At(diag.Pos{}, "%s is no pipeline file of the project", file)
}

// declared reads the pipeline files, of which there is at least one.
func (p *Project) declared() ([]stages.Source, error) {
	files, err := p.sources()
	if err == nil && len(files) == 0 {
		err = diag.At(diag.Pos{}, "there is no %s in %s", stages.File, p.Root.Dir()).WithHint("declare a first stage: flow stage add --help")
	}
	return files, err
}

// readDeclared reads a file that the pipeline is declared in, and remembers its name,
// also when it is not there.
func (p *Project) readDeclared(name string) ([]byte, error) {
	if !slices.Contains(p.Declared, name) {
		p.Declared = append(p.Declared, name)
	}
	return p.Root.Read(name)
}

// options returns how the workspace's pipeline is read.
func (p *Project) options() stages.Options {
	options := p.Config.Parsing()
	options.Set, options.Partial = p.Settings, p.Partial
	return options
}

// sources reads the pipeline files, the one at the root first.
func (p *Project) sources() ([]stages.Source, error) {
	names, err := p.Workspace.Find(context.Background(), stages.File, State, p.recorded())
	if err != nil {
		return nil, fmt.Errorf("find the pipeline's files: %w", err)
	}
	return readSources(names, p.readDeclared)
}

// Places returns the paths at which a pipeline file would belong to the project, whether
// there is one or not.
func (p *Project) Places(ctx context.Context) ([]string, error) {
	places, skip := []string{stages.File}, p.recorded()
	_, err := p.Workspace.Find(ctx, stages.File, State, func(folder string) bool {
		if skip != nil && skip(folder) {
			return true
		}
		places = append(places, folder+"/"+stages.File)
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("find the folders for pipeline files: %w", err)
	}
	return places, nil
}

// recorded returns whether a folder is an out or a data source by the lock: where there
// is no git, no ignore file says so, and such a folder may hold very many files.
func (p *Project) recorded() func(folder string) bool {
	if p.Git {
		return nil
	}
	locked, err := p.Ledger.Read()
	if err != nil {
		return nil // whoever needs the lock tells
	}
	folders := map[string]bool{}
	for name, content := range locked.Data {
		folders[name] = content.Mode == digest.Dir
	}
	for _, entry := range locked.Stages {
		for _, out := range entry.Outs {
			if out.Mode == digest.Dir {
				folders[out.Path] = true
			}
		}
	}
	return func(folder string) bool { return folders[folder] }
}

func readSources(names []string, read stages.Files) ([]stages.Source, error) {
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var files []stages.Source
	for _, name := range names {
		text, err := read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read the pipeline: %w", err)
		}
		files = append(files, stages.Source{File: name, Text: text})
	}
	return files, nil
}

func rank(name string) int {
	if name == stages.File {
		return 0
	}
	return 1
}

// parse reads a pipeline. A file that lies in an out of another file's stage is data,
// and left out.
func parse(options stages.Options, files []stages.Source, read stages.Files) (*stages.Pipeline, []stages.Source, error) {
	pipeline, err := stages.ParseAll(options, files, read)
	if err != nil {
		return nil, nil, err
	}
	kept := slices.DeleteFunc(slices.Clone(files), func(file stages.Source) bool { return isData(pipeline, file.File) })
	if len(kept) == len(files) || len(kept) == 0 {
		return pipeline, files, nil
	}
	return parse(options, kept, read)
}

func isData(pipeline *stages.Pipeline, file string) bool {
	for _, owner := range pipeline.OwnerOf(file) {
		if owner.Stage.File != file && !owner.Out.Glob && path.Dir(file) != "." {
			return true
		}
	}
	return false
}
