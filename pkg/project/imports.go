package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/store"
	"flow/pkg/transfer"
)

// openRepo opens a repository that data is imported from, at a revision.
func (p *Project) openRepo(ctx context.Context, repo stages.Repo, rev string) (*Foreign, error) {
	repo.Rev = rev
	return OpenForeign(ctx, repo, ForeignOptions{Base: cmp.Or(p.near, p.Root.Dir()), Into: p.Cache, Commit: true})
}

// notOpened says of which data source the repository could not be opened, and what to do. A
// commit is the one that the data was taken from; "" when its revision was asked for.
func notOpened(name string, repo stages.Repo, commit string, err error) error {
	var mistake *diag.Error
	if name == "" || !errors.As(err, &mistake) {
		return err
	}
	problem := diag.At(diag.Pos{}, "data source %s: %s", name, mistake.Msg).WithHint("%s", mistake.Hint)
	problem.Err = err
	switch gone, rewritten := errors.Is(err, errNoRepository), errors.Is(err, errNoRevision); {
	case gone && commit != "":
		return engine.Missing(problem).WithHint("put it back, or change its url in %s and take what there is now: flow update %s", stages.File, name)
	case gone:
		return problem.WithHint("put it back, or change its url in %s", stages.File)
	case rewritten && commit != "":
		problem.Msg = fmt.Sprintf("data source %s: the repository %s no longer has commit %.8s", name, repo.Redacted(), commit)
		return engine.Missing(problem).WithHint("its history was rewritten; take what there is now: flow update %s", name)
	case rewritten:
		return problem.WithHint("follow another one: flow update %s --rev REVISION", name)
	}
	return problem
}

// Import brings what a repository holds at its revision into the cache, and returns it with
// the commit. Without download, it only finds out what that is. The name is that of the data
// source that errors are about, if there is one.
func (p *Project) Import(ctx context.Context, name string, repo stages.Repo, options MoveOptions, download bool) (digest.Content, string, error) {
	f, err := p.openRepo(ctx, repo, repo.Rev)
	if err != nil {
		return digest.Content{}, "", notOpened(name, repo, "", err)
	}
	defer f.Close()
	lock, err := p.Cache.LockShared(ctx, "flow import", nil)
	if err != nil {
		return digest.Content{}, "", err
	}
	defer lock.Unlock()
	content, err := f.Take(ctx, options, download)
	return content, f.Revision.Commit, err
}

// RecordImport writes down what an imported data source holds, and of which commit.
func (p *Project) RecordImport(ctx context.Context, name string, content digest.Content, commit string) error {
	return p.Ledger.Add(ctx, lock.Record{Source: name, Is: &content, Commit: commit})
}

// imported takes data apart: the project's own, and what other repositories have.
func imported(data []Data) (own, theirs []Data) {
	for _, d := range data {
		if d.Imported() {
			theirs = append(theirs, d)
		} else {
			own = append(own, d)
		}
	}
	return own, theirs
}

// fetchImported brings imported data into the cache: from the project's remote, if it was
// pushed there, else from where it came from.
func (p *Project) fetchImported(ctx context.Context, data []Data, options MoveOptions) ([]transfer.Result, error) {
	lacking, err := p.lacking(ctx, data)
	if err != nil || len(lacking) == 0 {
		return nil, err
	}
	var results []transfer.Result
	if spec, err := p.RemoteSpec(options.Remote); err == nil {
		var items []transfer.Item
		for _, d := range lacking {
			items = append(items, d.Item)
		}
		result, err := p.withRemote(spec.Name, options, func(t *transfer.Transfer) (transfer.Result, error) { return t.Fetch(ctx, items) })
		if err != nil && !errors.Is(err, store.ErrAbsent) {
			return nil, err
		}
		if result.Objects > 0 {
			results = append(results, result)
		}
		if lacking, err = p.lacking(ctx, lacking); err != nil {
			return results, err
		}
	}
	var failures []error
	for _, d := range lacking {
		result, err := p.fetchAgain(ctx, d, options)
		if result.Objects > 0 {
			results = append(results, result)
		}
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		failures = append(failures, err)
	}
	return results, errors.Join(failures...)
}

// lacking returns the data that the cache has not got all of.
func (p *Project) lacking(ctx context.Context, data []Data) ([]Data, error) {
	var lacking []Data
	for _, d := range data {
		whole, err := hasPart(ctx, p.Cache, d)
		if err != nil {
			return nil, err
		}
		if !whole {
			lacking = append(lacking, d)
		}
	}
	return lacking, nil
}

// fetchAgain takes imported data from its repository once more, as the commit has it.
func (p *Project) fetchAgain(ctx context.Context, d Data, options MoveOptions) (transfer.Result, error) {
	f, err := p.openRepo(ctx, *d.From, d.Commit)
	if err != nil {
		return transfer.Result{}, notOpened(d.Path, *d.From, d.Commit, err)
	}
	defer f.Close()
	content, err := f.Take(ctx, options, !d.lists)
	switch {
	case err != nil:
		return f.Moved, fmt.Errorf("%s: %w", d.Path, err)
	case content.ID != d.Content.ID:
		return f.Moved, engine.Missing(diag.At(diag.Pos{}, "%s: commit %s of %s holds something else than pipeline.lock tells", d.Path, d.Commit[:8], d.From.Redacted())).
			WithHint("get it anew: flow update %s", d.Path)
	}
	return f.Moved, nil
}

// importedData returns an imported data source as the lock tells of it.
func (p *Project) importedData(pipeline *stages.Pipeline, path string, content digest.Content) (Data, bool) {
	source, found := pipeline.Stage(stages.SourcePrefix + path)
	if !found || source.Repo == nil {
		return Data{}, false
	}
	locked, err := p.Ledger.Read()
	if err != nil || locked.Commits[path] == "" {
		return Data{}, false
	}
	return Data{Item: transfer.Item{Path: path, Content: content}, Stage: source.Name, From: source.Repo, Commit: locked.Commits[path]}, true
}

// ImportedData returns the imported data sources of a pipeline that the lock tells of.
func (p *Project) ImportedData(pipeline *stages.Pipeline) ([]Data, error) {
	locked, err := p.Ledger.Read()
	if err != nil {
		return nil, err
	}
	var all []Data
	for _, source := range pipeline.Sources() {
		if data, found := p.importedData(pipeline, source.Title(), locked.Data[source.Title()]); found {
			all = append(all, data)
		}
	}
	return all, nil
}

// HasImports reports whether a pipeline has imported data sources.
func HasImports(pipeline *stages.Pipeline) bool {
	return slices.ContainsFunc(pipeline.Sources(), func(source *stages.Stage) bool { return source.Repo != nil })
}
