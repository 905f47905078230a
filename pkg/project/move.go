package project

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"flow/pkg/cache"
	"flow/pkg/event"
	"flow/pkg/stages"
	"flow/pkg/store"
	"flow/pkg/transfer"
)

// MoveOptions says how data goes to and comes from remotes.
type MoveOptions struct {
	Remote string // "" is the default one
	Jobs   int    // 0: what the remote says
	Sink   event.Sink
	Again  bool // push also what is there: it may be damaged

	Imported bool // push also what other repositories have

	NoRuns   bool // leave the remembered runs out
	RunsData bool // fetch also what the remembered runs made

	// Runs says which remembered runs are pushed; nil: none.
	Runs func(cache.Result) bool
}

// RunsOf returns which remembered runs go along with a push of some stages, or with none
// named, of all: not those whose outs stay here, or go elsewhere.
func RunsOf(pipeline *stages.Pipeline, data []Data, all bool) func(cache.Result) bool {
	named := map[string]bool{}
	for _, d := range data {
		named[d.Stage] = true
	}
	return func(result cache.Result) bool {
		stage, found := pipeline.Stage(result.Stage)
		if !found {
			return all
		}
		if slices.ContainsFunc(stage.Outs, func(out stages.Out) bool { return !out.Push || out.Remote != "" }) {
			return false
		}
		return all || named[stage.Name]
	}
}

// Push moves data to the remote, or where its out says. What an out declares push: false
// stays, and so does what is imported, unless the options say otherwise.
func (p *Project) Push(ctx context.Context, data []Data, options MoveOptions) ([]transfer.Result, error) {
	if !options.Imported {
		data, _ = imported(data)
	}
	return p.eachRemote(data, options, func(t *transfer.Transfer, items []transfer.Item, first bool) (transfer.Result, error) {
		result, err := t.Push(ctx, items)
		if err != nil || !first || options.NoRuns || options.Runs == nil {
			return result, err
		}
		runs, err := t.PushRuns(ctx, options.Runs)
		result.Add(runs)
		return result, err
	})
}

// Fetch moves data from the remote, or from where its out says, into the cache; imported
// data that is not there comes from its repository.
func (p *Project) Fetch(ctx context.Context, data []Data, options MoveOptions) ([]transfer.Result, error) {
	own, theirs := imported(data)
	var results []transfer.Result
	var failure error
	if len(own) > 0 || len(theirs) == 0 {
		if results, failure = p.fetchOwn(ctx, own, options); ctx.Err() != nil {
			return results, failure
		}
	}
	more, err := p.fetchImported(ctx, theirs, options)
	if errors.Is(failure, store.ErrAbsent) && len(theirs) > 0 && ctx.Err() == nil {
		failure = p.fetchLacking(ctx, own, options, results)
	}
	return append(results, more...), errors.Join(failure, err)
}

// fetchLacking fetches once more what the cache lacks: bytes that no remote has may have come
// with imported data. What it moves is added to the results.
func (p *Project) fetchLacking(ctx context.Context, data []Data, options MoveOptions, results []transfer.Result) error {
	lacking, err := p.lacking(ctx, data)
	if err != nil || len(lacking) == 0 {
		return err
	}
	options.NoRuns = options.NoRuns || !options.RunsData // they came along already
	more, err := p.fetchOwn(ctx, lacking, options)
	for _, moved := range more {
		for i := range results {
			if results[i].Remote == moved.Remote {
				results[i].Objects += moved.Objects
				results[i].Bytes += moved.Bytes
			}
		}
	}
	return err
}

func (p *Project) fetchOwn(ctx context.Context, data []Data, options MoveOptions) ([]transfer.Result, error) {
	return p.eachRemote(data, options, func(t *transfer.Transfer, items []transfer.Item, first bool) (transfer.Result, error) {
		result, err := t.Fetch(ctx, items)
		if ctx.Err() != nil || !first || options.NoRuns || err != nil && !errors.Is(err, store.ErrAbsent) {
			return result, err
		}
		runs, learning := t.FetchRuns(ctx, options.RunsData)
		result.Add(runs)
		if learning != nil && options.Sink != nil && !options.RunsData {
			options.Sink.Emit(event.Warning{Text: fmt.Sprintf("the remembered runs did not come along: %v", learning)})
			learning = nil
		}
		return result, errors.Join(err, learning)
	})
}

// Compare compares the cache with the remote, or with where an out says; of imported data,
// which push leaves out, only when the options say so.
func (p *Project) Compare(ctx context.Context, data []Data, options MoveOptions) ([]transfer.Difference, error) {
	if !options.Imported {
		data, _ = imported(data)
	}
	var all []transfer.Difference
	_, err := p.eachRemote(data, options, func(t *transfer.Transfer, items []transfer.Item, _ bool) (transfer.Result, error) {
		found, err := t.Compare(ctx, items)
		all = append(all, found...)
		return transfer.Result{}, err
	})
	return all, err
}

// eachRemote does something with the data of each remote, first the one that is named or
// the default. An out
// that names a remote goes to no other; one that says push: false is on none.
func (p *Project) eachRemote(data []Data, options MoveOptions, do func(t *transfer.Transfer, items []transfer.Item, first bool) (transfer.Result, error)) ([]transfer.Result, error) {
	data = slices.DeleteFunc(slices.Clone(data), func(d Data) bool { return !d.Push })
	spec, err := p.RemoteSpec(options.Remote)
	pinned := slices.ContainsFunc(data, func(d Data) bool { return d.Remote != "" })
	if err != nil && (options.Remote != "" || !pinned) {
		return nil, err
	}
	byRemote := map[string][]transfer.Item{}
	names := []string{spec.Name}
	for _, d := range data {
		name := d.Remote
		if name == "" {
			if err != nil {
				return nil, err // there is no default one
			}
			name = spec.Name
		}
		if options.Remote != "" && name != spec.Name {
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		byRemote[name] = append(byRemote[name], d.Item)
	}
	var results []transfer.Result
	var failures []error
	for _, name := range names {
		if name == "" {
			continue
		}
		result, err := p.withRemote(name, options, func(t *transfer.Transfer) (transfer.Result, error) { return do(t, byRemote[name], name == spec.Name) })
		results = append(results, result)
		failures = append(failures, err)
	}
	return results, errors.Join(failures...)
}

func (p *Project) withRemote(name string, options MoveOptions, do func(*transfer.Transfer) (transfer.Result, error)) (transfer.Result, error) {
	r, err := p.OpenRemote(name)
	if err != nil {
		return transfer.Result{Remote: name}, err
	}
	defer r.Close()
	return do(&transfer.Transfer{Cache: p.Cache, Remote: r, Jobs: options.Jobs, Sink: options.Sink, Again: options.Again})
}
