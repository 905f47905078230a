package engine

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/glob"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// check finds what would stop a run before it starts: deps and params that are not
// there and that nothing in the plan makes.
func (e *Engine) check(ctx context.Context, plan *Plan, options Options) error {
	var problems diag.List
	for _, step := range plan.Steps {
		if step.State == Fresh {
			continue
		}
		if step.Stage.Source {
			problems.Add(e.missingSource(ctx, step, plan.Locked, options))
			continue
		}
		problems = append(problems, e.throughLinks(step.Stage)...)
		problems = append(problems, e.unseenSettings(step)...)
		if step.Stage.Frozen || step.Will == event.WouldGet {
			continue
		}
		if !e.paramsMadeAbove(step, plan) {
			for _, problem := range missingParams(step.Stage, step.is.missing) {
				problems.Add(problem)
			}
		}
		for _, dep := range step.Stage.Deps {
			if what := step.is.lacks(dep); what != "" && !options.AllowMissing {
				if e.bringable(ctx, dep, plan, options) {
					continue
				}
				problems.Add(e.missingDep(step.Stage, dep, what, plan))
			}
		}
	}
	problems = append(problems, e.folded()...)
	return problems.Err()
}

// folded refuses outs whose paths differ only in case, where that makes them one file.
func (e *Engine) folded() diag.List {
	here, err := e.Root.Lstat(e.State)
	if err != nil {
		return nil
	}
	there, err := e.Root.Lstat(strings.ToUpper(e.State))
	if err != nil || !disk.SameFile(here, there) {
		return nil
	}
	clashes := e.Pipeline.FoldedTwice()
	for _, clash := range clashes {
		clash.Hint = "on this disk they are one file: let them differ in more"
	}
	return clashes
}

// throughLinks refuses outs behind a symbolic link: two names could lead to one file
// that two stages write.
func (e *Engine) throughLinks(stage *stages.Stage) diag.List {
	var problems diag.List
	for _, out := range stage.Outs {
		name := out.Path
		if out.Glob {
			name = glob.Base(name)
		}
		resolved, err := e.Root.Resolve(name)
		if err == nil && resolved != name {
			problems.Add(diag.At(out.Pos, "out %s of stage %q is behind a symbolic link: it is %s", name, stage.Name, resolved).
				WithHint("name it by its own path: %s", resolved))
		}
	}
	return problems
}

// checkTracked refuses to run a stage for the first time whose cached outs git
// tracks: two would keep them, and flow is about to replace them.
func (e *Engine) checkTracked(ctx context.Context, plan *Plan) error {
	var paths []string
	places := map[string]*stages.Out{}
	for _, step := range plan.Steps {
		if step.was != nil || step.State == Fresh || step.Stage.Source {
			continue
		}
		for i := range step.is.made {
			if out := &step.is.made[i]; out.Cache && step.is.out(out.Path).Exists() {
				paths = append(paths, out.Path)
				places[out.Path] = out
			}
		}
	}
	if len(paths) == 0 || e.GitTracked == nil {
		return nil
	}
	tracked, err := e.GitTracked(ctx, paths)
	if err != nil {
		return nil // git has no answer: the outs are kept before they are replaced
	}
	var problems diag.List
	for _, name := range tracked {
		for around := name; around != "."; around = path.Dir(around) {
			if out := places[around]; out != nil {
				problems.Add(diag.At(out.Pos, "out %s is tracked by git", out.Path).
					WithHint("let one keep it: git rm -r --cached %s, or declare it with cache: false", out.Path))
				delete(places, out.Path)
			}
		}
	}
	return problems.Err()
}

func (e *Engine) missingSource(ctx context.Context, step *Step, locked *lock.File, options Options) *diag.Error {
	out := step.Stage.Outs[0]
	if step.is.out(out.Path).Exists() && step.lacks.files == 0 {
		return nil
	}
	was, recorded := locked.Data[out.Path]
	if recorded && (step.lacks.files == 0 || step.lacks.rest) {
		if there, err := e.canHave(ctx, out.Path, was, options); err == nil && there {
			return nil
		}
	}
	if step.Stage.Repo != nil {
		return Missing(diag.At(out.Pos, "data source %s is missing, and the cache does not have it", out.Path)).
			WithHint("get it from where it is imported from: flow update %s", out.Path)
	}
	if step.lacks.files > 0 {
		return Missing(diag.At(out.Pos, "data source %s lacks %d of its %d files, and the cache does not have them", out.Path, step.lacks.files, was.Files)).
			WithHint("get them from the remote: flow pull %s; or record the folder as it is: flow commit %s", out.Path, out.Path)
	}
	return Missing(diag.At(out.Pos, "data source %s is missing, and the cache does not have it", out.Path)).
		WithHint("get it from the remote: flow pull %s; or put the file back, or remove the source: flow remove %s", out.Path, out.Path)
}

// missingDep explains a dep that is not there; nil when a stage of the plan makes it.
func (e *Engine) missingDep(stage *stages.Stage, dep stages.Dep, what string, plan *Plan) *diag.Error {
	for _, owner := range e.Pipeline.OwnersOf(dep) {
		if above, selected := plan.byName[owner.Stage.Name]; selected {
			if above.Will != event.Fresh {
				return nil
			}
			continue
		}
		return Missing(diag.At(dep.Pos, "stage %q: dep %s is missing; %q makes it, which is not among the targets", stage.Name, dep.Path, owner.Stage.Title())).
			WithHint("run it first: flow repro %s", owner.Stage.Title())
	}
	if dep.Kind != stages.PathDep {
		return Missing(diag.At(dep.Pos, "stage %q: %s", stage.Name, what))
	}
	problem := Missing(diag.At(dep.Pos, "stage %q: %s, and no stage makes it", stage.Name, what))
	if meant := e.nearestFile(dep.Path); meant != "" {
		return problem.WithHint("did you mean %q?", meant)
	}
	return problem.WithHint("write the file, or declare it as an out of the stage that makes it")
}

// nearestFile looks for a misspelt path among the outs and the files beside it.
func (e *Engine) nearestFile(name string) string {
	var candidates []string
	entries, err := e.Root.ReadDir(path.Dir(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	for _, entry := range entries {
		candidates = append(candidates, path.Join(path.Dir(name), entry.Name()))
	}
	for _, stage := range e.Pipeline.Stages {
		for _, out := range stage.Outs {
			candidates = append(candidates, out.Path)
		}
	}
	return diag.Nearest(name, candidates)
}
