package project

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/remote"
	"flow/pkg/stages"
	"flow/pkg/transfer"
)

// Elsewhere is the remotes of a project, for an engine that pulls.
type Elsewhere struct {
	project  *Project
	pipeline *stages.Pipeline
	options  MoveOptions

	mu     sync.Mutex
	opened map[string]*remote.Remote
}

var _ engine.Elsewhere = (*Elsewhere)(nil)

// Elsewhere opens the remotes to pull from, and learns of the runs that they remember
// unless that is not wanted. Close ends the connections.
func (p *Project) Elsewhere(ctx context.Context, pipeline *stages.Pipeline, options MoveOptions, noRuns bool) (*Elsewhere, error) {
	e := &Elsewhere{project: p, pipeline: pipeline, options: options, opened: map[string]*remote.Remote{}}
	first, err := e.open("")
	if err != nil && HasImports(pipeline) && len(p.Config.Remotes()) == 0 {
		return e, nil
	}
	if err != nil || noRuns {
		return e, err
	}
	t := &transfer.Transfer{Cache: p.Cache, Remote: first}
	if _, err := t.FetchRuns(ctx, false); err != nil {
		e.Close()
		return nil, fmt.Errorf("learn of the runs that remote %s remembers: %w", first.Name, err)
	}
	return e, nil
}

// Close ends the connections.
func (e *Elsewhere) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, r := range e.opened {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// open returns the remote of a path: the one that its out names, or the default one.
func (e *Elsewhere) open(path string) (*remote.Remote, error) {
	name := e.options.Remote
	if name == "" && path != "" {
		for _, owner := range e.pipeline.OwnerOf(path) {
			if owner.Out.Path == path {
				name = owner.Out.Remote
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.opened[name]; r != nil {
		return r, nil
	}
	r, err := e.project.OpenRemote(name)
	if err == nil {
		e.opened[name] = r
	}
	return r, err
}

// Has asks the remote of a path for a content; of a directory for its tree, which is not
// there without what it names.
//
// What is imported is taken to be in the repository that it came from.
func (e *Elsewhere) Has(ctx context.Context, path string, content digest.Content) (bool, error) {
	if e.Imported(path) {
		return true, nil
	}
	r, err := e.open(path)
	if err != nil {
		return false, err
	}
	return r.Has(ctx, content.ID)
}

// Imported reports whether a path is a data source that another repository has.
func (e *Elsewhere) Imported(path string) bool {
	_, found := e.project.importedData(e.pipeline, path, digest.Content{})
	return found
}

// Fetch brings contents into the cache.
func (e *Elsewhere) Fetch(ctx context.Context, contents map[string]digest.Content, tell func(event.Event)) error {
	byRemote := map[*remote.Remote][]transfer.Item{}
	var theirs []Data
	for path, content := range contents {
		if data, found := e.project.importedData(e.pipeline, path, content); found {
			theirs = append(theirs, data)
			continue
		}
		r, err := e.open(path)
		if err != nil {
			return err
		}
		byRemote[r] = append(byRemote[r], transfer.Item{Path: path, Content: content})
	}
	for r, items := range byRemote {
		t := &transfer.Transfer{Cache: e.project.Cache, Remote: r, Jobs: e.options.Jobs, Sink: teller(tell)}
		if _, err := t.Fetch(ctx, items); err != nil {
			return err
		}
	}
	options := e.options
	options.Sink = teller(tell)
	_, err := e.project.fetchImported(ctx, theirs, options)
	return err
}

// teller is a Sink that hands on.
type teller func(event.Event)

// Emit hands the event on.
func (t teller) Emit(e event.Event) { t(e) }
