package project

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/transfer"
)

// DataScope says which data a command is about: that of the workspace, or of revisions;
// all of it, or that of targets. The zero DataScope is all of the workspace's.
type DataScope struct {
	Targets                 []string // stages, outs, data sources, and what is below them
	WithDeps, Glob          bool     // also what the targets depend on; the targets are patterns
	Recursive               bool     // the targets are folders
	Branches, Tags, Commits bool
	Revs                    []string
	Since                   string // the commits of this day and later, as 2006-01-02

	Below int64            // unless 0, only outs and data sources that are smaller
	Kinds []stages.OutKind // unless nil, only outs of these kinds
}

// Data is what a path held in some revision and a remote should.
type Data struct {
	transfer.Item
	Stage  string // who made it
	Kind   stages.OutKind
	Remote string // where its out says it goes; "" for the default
	Push   bool
	From   *stages.Repo // where it is imported from; nil for data that is the project's own
	Commit string       // of that repository, which has it
	lists  bool         // only the list of its files is meant
}

// Imported reports whether the repository that it came from has it.
func (d Data) Imported() bool { return d.From != nil && d.Commit != "" }

// Data returns what the locks of a scope tell of and the cache keeps, each content once.
// The workspace is always among the revisions.
func (p *Project) Data(ctx context.Context, e *engine.Engine, scope DataScope) ([]Data, error) {
	locked, err := p.Ledger.Read()
	if err != nil {
		return nil, err
	}
	all, err := p.workspaceData(e, locked, scope)
	if err != nil {
		return nil, err
	}
	all = append(all, listsOf(locked, all)...)
	names, err := p.scopeRevisions(ctx, scope)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		revision, err := p.Revision(ctx, name)
		if err != nil {
			return nil, err
		}
		more, err := revision.data(ctx, scope.Targets)
		if err != nil {
			return nil, err
		}
		if locked, err = revision.Lock(ctx); err != nil {
			return nil, err
		}
		all = slices.Concat(all, more, listsOf(locked, more))
	}
	all = slices.DeleteFunc(all, func(d Data) bool {
		return scope.Below > 0 && d.Content.Size >= scope.Below || len(scope.Kinds) > 0 && !slices.Contains(scope.Kinds, d.Kind)
	})
	return onlyOnce(all), nil
}

// listsOf returns the lists of the files of those map stages that made some data: with them
// the next run knows which of the files changed. They go where the stage's outs go, and
// where nobody has one, the stage runs for all its files.
func listsOf(locked *lock.File, data []Data) []Data {
	var lists []Data
	seen := map[string]bool{}
	for _, d := range data {
		if seen[d.Stage] {
			continue
		}
		seen[d.Stage] = true
		for _, list := range engine.Lists(locked.Stages[d.Stage]) {
			lists = append(lists, Data{Item: transfer.Item{Path: list.Path, Content: list.Content, Optional: true}, Stage: d.Stage, Remote: d.Remote, Push: d.Push})
		}
	}
	return lists
}

// onlyOnce drops repeats.
func onlyOnce(all []Data) []Data {
	type key struct {
		id     digest.ID
		mode   digest.Mode
		path   string
		remote string
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(all, func(d Data) bool {
		k := key{d.Content.ID, d.Content.Mode, d.Path, d.Remote}
		was := seen[k]
		seen[k] = true
		return was
	})
}

func (p *Project) workspaceData(e *engine.Engine, locked *lock.File, scope DataScope) ([]Data, error) {
	tracked, err := e.Tracked(engine.Selection{Targets: scope.Targets, Glob: scope.Glob, Recursive: scope.Recursive,
		Single: !scope.WithDeps && len(scope.Targets) > 0})
	if err != nil {
		return nil, err
	}
	var all []Data
	for _, one := range tracked {
		if one.Out.Cache && one.Was.Exists() {
			all = append(all, dataOf(one.Stage, one.Out, one.Was, locked, scope.Targets))
		}
	}
	return all, nil
}

func dataOf(stage *stages.Stage, out *stages.Out, content digest.Content, locked *lock.File, targets []string) Data {
	return Data{Item: transfer.Item{Path: out.Path, Content: content, Within: within(out.Path, targets)},
		Stage: stage.Name, Kind: out.Kind, Remote: out.Remote, Push: out.Push, From: stage.Repo, Commit: locked.Commits[out.Path]}
}

// within returns which paths of a directory are meant where targets are inside it; nil
// for all of it.
func within(dir string, targets []string) func(string) bool {
	var inside []string
	for _, target := range targets {
		target = path.Clean(target)
		rest, found := strings.CutPrefix(target, dir+"/")
		if found {
			inside = append(inside, rest)
		}
	}
	if len(inside) == 0 {
		return nil
	}
	return func(name string) bool {
		return slices.ContainsFunc(inside, func(target string) bool { return name == target || strings.HasPrefix(name, target+"/") })
	}
}

// scopeRevisions returns the names of the revisions of a scope, but for the workspace.
func (p *Project) scopeRevisions(ctx context.Context, scope DataScope) ([]string, error) {
	names := slices.Clone(scope.Revs)
	for _, kind := range []struct {
		wanted bool
		find   func() ([]string, error)
	}{
		{scope.Branches, func() ([]string, error) { return p.Revisions(ctx, "branches") }},
		{scope.Tags, func() ([]string, error) { return p.Revisions(ctx, "tags") }},
		{scope.Commits, func() ([]string, error) { return p.AllCommits(ctx, "") }},
		{scope.Since != "", func() ([]string, error) { return p.AllCommits(ctx, scope.Since) }},
	} {
		if !kind.wanted {
			continue
		}
		found, err := kind.find()
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	return names, nil
}

// revisionData returns the data of a commit. Where its pipeline can't be read, all that
// its lock tells of counts.
func (p *Project) revisionData(ctx context.Context, name string, targets []string) ([]Data, error) {
	revision, err := p.Revision(ctx, name)
	if err != nil {
		return nil, err
	}
	return revision.data(ctx, targets)
}

func (r *Revision) data(ctx context.Context, targets []string) ([]Data, error) {
	locked, err := r.Lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("the lock of %s: %w", r.Name, err)
	}
	pipeline, err := r.Pipeline(ctx)
	if err != nil {
		pipeline = nil
	}
	var all []Data
	add := func(stageName, where string, content digest.Content) {
		stage, out := declared(pipeline, stageName, where)
		if out.Cache && meant(pipeline, targets, stage, out.Path) {
			all = append(all, dataOf(stage, out, content, locked, targets))
		}
	}
	for stageName, entry := range locked.Stages {
		for _, out := range entry.Outs {
			add(stageName, out.Path, out.Content)
		}
	}
	for where, content := range locked.Data {
		add(stages.SourcePrefix+where, where, content)
	}
	slices.SortFunc(all, func(a, b Data) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// declared returns the stage and the out of a path, as the pipeline has them, or as they
// must have been.
func declared(pipeline *stages.Pipeline, stageName, where string) (*stages.Stage, *stages.Out) {
	if pipeline != nil {
		if stage, found := pipeline.Stage(stageName); found {
			if out, found := stage.OutAt(where); found {
				out.Path = where
				return stage, &out
			}
		}
	}
	return &stages.Stage{Name: stageName}, &stages.Out{Path: where, Cache: true, Push: true}
}

// meant reports whether targets are about an out: all of it, or something inside. The
// pipeline may be nil.
func meant(pipeline *stages.Pipeline, targets []string, stage *stages.Stage, out string) bool {
	return len(targets) == 0 || slices.ContainsFunc(targets, func(target string) bool {
		target = path.Clean(target)
		if pipeline != nil && pipeline.StandsFor(target, stage) {
			return true
		}
		return target == stage.Title() || strings.HasPrefix(stage.Name, target+"@") || target == out ||
			strings.HasPrefix(out, target+"/") || strings.HasPrefix(target, out+"/")
	})
}
