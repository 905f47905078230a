package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/values"
	"flow/pkg/workspace"
)

// facts is what is: what the deps, params and outs of a stage hold at one moment.
type facts struct {
	deps    lock.Items       // those of patterns file by file
	matches map[string]int   // by pattern: how many files
	mapped  cache.Tree       // of a map stage: its files
	unknown map[string]error // deps that could not be told
	params  lock.Params
	missing []missingParam
	made    []stages.Out // the stage's, those of patterns file by file
	outs    lock.Items
	unsure  bool // some of it was being written: it is looked at again before it counts
}

// dep returns what a dep holds: nothing when it is not there, or none.
func (is *facts) dep(path string) digest.Content {
	content, _ := is.deps.At(path)
	return content
}

// out is dep for outs.
func (is *facts) out(path string) digest.Content {
	content, _ := is.outs.At(path)
	return content
}

// missingParam is a declared param that its file does not have.
type missingParam struct {
	stages.Param
	err error // why the file can't be read; nil when only the key is not there
}

// inspect finds what a stage's paths hold. expected overrides what is on disk, for
// paths that a restore will put there.
func (e *Engine) inspect(ctx context.Context, stage *stages.Stage, was *lock.Entry, expected map[string]digest.Content) (*facts, error) {
	is := &facts{}
	if err := e.inspectDeps(ctx, stage, is, expected); err != nil {
		return nil, err
	}
	var err error
	if is.made, err = e.concrete(ctx, stage, was); err != nil {
		return nil, err
	}
	is.outs = make(lock.Items, len(is.made))
	for i := range is.made {
		out := &is.made[i]
		content, err := is.steady(e.Workspace.Digest(ctx, out.Path))
		if err != nil {
			return nil, unusable(stage, "out", out.Path, out.Pos, err)
		}
		is.outs[i] = lock.Item{Path: out.Path, Content: content}
	}
	is.outs = lock.Sorted(is.outs)
	return is, nil
}

// beingWritten stands for what doesn't hold still, as another process makes it. It is the
// content of nothing.
var beingWritten = digest.Content{Mode: digest.File}

// steady takes what is being written for what it is.
func (is *facts) steady(content digest.Content, err error) (digest.Content, error) {
	var changing *workspace.ChangingError
	if errors.As(err, &changing) {
		is.unsure = true
		return beingWritten, nil
	}
	return content, err
}

// unusable explains a path that holds what flow can't take: a pipe, a device, a link
// that leaves the project. Other errors are the disk's.
func unusable(stage *stages.Stage, kind, name string, pos diag.Pos, err error) error {
	var special *workspace.SpecialError
	var escape *workspace.EscapeError
	if !errors.As(err, &special) && !errors.As(err, &escape) {
		return fmt.Errorf("%s: %s %s: %w", stage.Title(), kind, name, err)
	}
	problem := diag.At(pos, "stage %q: %s %s can't be used: %v", stage.Name, kind, name, err).
		WithHint("only files, folders, and links that stay in the project can be tracked")
	problem.Err = err
	return problem
}

// inspectDeps finds what a stage reads.
func (e *Engine) inspectDeps(ctx context.Context, stage *stages.Stage, is *facts, expected map[string]digest.Content) error {
	is.deps = make(lock.Items, 0, len(stage.Deps))
	for _, dep := range stage.Deps {
		if err := e.inspectDep(ctx, stage, dep, is, expected); err != nil {
			return err
		}
	}
	is.deps = lock.Sorted(is.deps)
	var err error
	is.params, is.missing, err = e.readParams(ctx, stage)
	return err
}

func (e *Engine) inspectDep(ctx context.Context, stage *stages.Stage, dep stages.Dep, is *facts, expected map[string]digest.Content) error {
	switch dep.Kind {
	case stages.PathDep:
		return e.inspectPath(ctx, stage, dep, dep.Path, is, expected)
	case stages.GlobDep:
		if dep.Whole {
			return e.inspectMapped(ctx, stage, dep, is, expected)
		}
		paths, err := e.matchDep(ctx, stage, dep)
		if err != nil {
			return err
		}
		is.matched(dep.Path, len(paths))
		for _, path := range paths {
			if err := e.inspectPath(ctx, stage, dep, path, is, expected); err != nil {
				return err
			}
		}
	default:
		content, err := e.probe(ctx, stage, dep)
		if err != nil && ctx.Err() != nil {
			return err
		}
		is.deps = append(is.deps, lock.Item{Path: dep.Path, Content: content})
		if err != nil {
			if is.unknown == nil {
				is.unknown = map[string]error{}
			}
			is.unknown[dep.Path] = err
		}
	}
	return nil
}

// inspectPath finds what one path of a dep holds.
func (e *Engine) inspectPath(ctx context.Context, stage *stages.Stage, dep stages.Dep, path string, is *facts, expected map[string]digest.Content) error {
	content, err := e.depContent(ctx, stage, dep, path, is, expected)
	if err != nil {
		return err
	}
	is.deps = append(is.deps, lock.Item{Path: path, Content: content})
	return nil
}

// depContent returns what one path of a dep holds, or is expected to.
func (e *Engine) depContent(ctx context.Context, stage *stages.Stage, dep stages.Dep, path string, is *facts, expected map[string]digest.Content) (digest.Content, error) {
	content, found := expected[path]
	if !found {
		var err error
		content, err = e.Workspace.Digest(ctx, path)
		if expected != nil { // else the stage is about to run
			content, err = is.steady(content, err)
		}
		if err != nil {
			return content, unusable(stage, "dep", path, dep.Pos, err)
		}
	}
	is.unsure = is.unsure || content == beingWritten
	return content, nil
}

// matched takes down how many files a pattern matches.
func (is *facts) matched(pattern string, files int) {
	if is.matches == nil {
		is.matches = map[string]int{}
	}
	is.matches[pattern] = files
}

// readParams returns the values of a stage's params as JSON text, by file and key:
// a key that holds a mapping gives one entry for each value below it.
func (e *Engine) readParams(ctx context.Context, stage *stages.Stage) (lock.Params, []missingParam, error) {
	if len(stage.Params) == 0 {
		return nil, nil, nil
	}
	params := lock.Params{}
	var missing []missingParam
	for _, param := range stage.Params {
		tree, err := e.params.load(ctx, e, param.File)
		if err != nil {
			missing = append(missing, missingParam{Param: param, err: err})
			continue
		}
		if params[param.File] == nil {
			params[param.File] = map[string]string{}
		}
		at, found := tree, tree != nil
		if found && param.Key != "" {
			at, found = tree.At(param.Key)
		}
		if !found {
			missing = append(missing, missingParam{Param: param})
			continue
		}
		for _, leaf := range at.Flatten() {
			params[param.File][joinKey(param.Key, leaf.Key)] = leaf.Value.Encode()
		}
	}
	return params, missing, nil
}

func joinKey(key, below string) string {
	switch {
	case key == "":
		return below
	case below == "":
		return key
	}
	return key + "." + below
}

// paramFiles keeps the params files that were read, by what they held.
type paramFiles struct {
	mu    sync.Mutex
	trees map[string]paramFile
}

type paramFile struct {
	content digest.Content
	tree    *values.Tree
	err     error
}

// load returns the tree of a params file, or nil when it is not there.
func (p *paramFiles) load(ctx context.Context, e *Engine, file string) (*values.Tree, error) {
	content, err := e.Workspace.Digest(ctx, file)
	if err != nil || !content.Exists() {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, found := p.trees[file]; found && known.content.Same(content) {
		return known.tree, known.err
	}
	text, err := e.Root.Read(file)
	if err != nil {
		return nil, err
	}
	read := paramFile{content: digest.Content{ID: digest.Sum(text), Mode: content.Mode}}
	read.tree, read.err = values.Load(file, text)
	for _, setting := range e.Settings {
		read.tree, _ = setting.In(read.tree)
	}
	if p.trees == nil {
		p.trees = map[string]paramFile{}
	}
	p.trees[file] = read
	return read.tree, read.err
}

// action is the run cache's key of a stage that reads these facts.
func action(stage *stages.Stage, is *facts) cache.Action {
	lines := []string{"flow action v1"}
	for _, script := range stage.Cmd {
		lines = append(lines, cache.Line("cmd", script))
	}
	if wdir := lockedWdir(stage); wdir != "" {
		lines = append(lines, cache.Line("wdir", wdir))
	}
	for _, word := range stage.Shell {
		lines = append(lines, cache.Line("shell", word))
	}
	for _, v := range stage.Env {
		lines = append(lines, cache.Line("env", v.Name+"="+v.Value))
	}
	for _, dep := range is.deps {
		lines = append(lines, cache.Line("dep", dep.Path, dep.Mode.String(), dep.ID.String()))
	}
	for _, file := range sortedKeys(is.params) {
		for _, key := range sortedKeys(is.params[file]) {
			lines = append(lines, cache.Line("param", file, key, is.params[file][key]))
		}
	}
	for _, out := range sortedOuts(stage) {
		lines = append(lines, cache.Line("out", out))
	}
	return cache.Action{Lines: lines}
}

// ActionOf is the run cache's key of a run of a stage that is known by its record only.
func ActionOf(stage *stages.Stage, was *lock.Entry) cache.Action {
	then := *stage
	then.Cmd = was.Cmd
	return action(&then, &facts{deps: was.Deps, params: was.Params})
}

// entry is the lock's entry of a stage that read these facts and left these outs.
func entry(stage *stages.Stage, is *facts, outs map[string]digest.Content) *lock.Entry {
	e := &lock.Entry{Cmd: stage.Cmd, Shell: stage.Shell, Wdir: lockedWdir(stage), Params: is.params}
	if len(stage.Env) > 0 {
		e.Env = map[string]string{}
		for _, v := range stage.Env {
			e.Env[v.Name] = v.Value
		}
	}
	for _, dep := range is.deps {
		if dep.Exists() { // a frozen stage may do without
			e.Deps = append(e.Deps, dep)
		}
	}
	for _, out := range sortedKeys(outs) {
		e.Outs = append(e.Outs, lock.Item{Path: out, Content: outs[out]})
	}
	return e
}

// entry is what is recorded of a stage whose outs are these and whose command did not run.
// Of a frozen one the outs are what counts, and what they were made from stays as it is known:
// when it is frozen no more, it is as stale as it was.
func (s *Step) entry(outs map[string]digest.Content) *lock.Entry {
	e := entry(s.Stage, s.is, outs)
	if !s.Stage.Frozen || s.was == nil {
		return e
	}
	kept := *s.was
	kept.Outs = e.Outs
	return &kept
}

func lockedWdir(stage *stages.Stage) string {
	if stage.Wdir == "." {
		return ""
	}
	return stage.Wdir
}

// missingParams explains params that a stage needs and its files don't have.
func missingParams(stage *stages.Stage, missing []missingParam) diag.List {
	var problems diag.List
	for _, param := range missing {
		switch {
		case param.err != nil:
			problems.AddErr(param.err)
		case param.Key == "":
			problems.Add(diag.At(param.Pos, "stage %q: the params file %s is not there", stage.Name, param.File).
				WithHint("write it, or take it off the stage's params"))
		default:
			problems.Add(diag.At(param.Pos, "stage %q: %s has no param %q", stage.Name, param.File, param.Key).
				WithHint("add it to %s, or take it off the stage's params", param.File))
		}
	}
	return problems
}
