package engine

import (
	"context"
	"fmt"
	"slices"

	"flow/pkg/diag"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// concrete returns the outs that a stage has now: for each pattern the files that match
// it, on disk or as recorded.
func (e *Engine) concrete(ctx context.Context, stage *stages.Stage, was *lock.Entry) ([]stages.Out, error) {
	if !slices.ContainsFunc(stage.Outs, func(out stages.Out) bool { return out.Glob }) {
		return stage.Outs, nil
	}
	var outs []stages.Out
	for _, out := range stage.Outs {
		if !out.Glob {
			outs = append(outs, out)
			continue
		}
		paths, err := e.Workspace.Match(ctx, out.Path)
		if err != nil {
			return nil, unusable(stage, "out", out.Path, out.Pos, err)
		}
		if was != nil {
			for _, item := range was.Outs {
				if of, found := stage.OutAt(item.Path); found && of.Path == out.Path {
					paths = append(paths, item.Path)
				}
			}
		}
		slices.Sort(paths)
		for _, path := range slices.Compact(paths) {
			outs = append(outs, at(out, path))
		}
	}
	return outs, nil
}

// at is an out of a pattern, as one of the files that match it.
func at(out stages.Out, path string) stages.Out {
	out.Path, out.Glob, out.Optional = path, false, true
	return out
}

// matchDep returns the files that a dep's pattern stands for. None may be what a stage
// makes that does not come before: there would be no order in which that is right.
func (e *Engine) matchDep(ctx context.Context, stage *stages.Stage, dep stages.Dep) ([]string, error) {
	paths, err := e.Workspace.Match(ctx, dep.Path)
	if err != nil {
		return nil, unusable(stage, "dep", dep.Path, dep.Pos, err)
	}
	for _, path := range paths {
		for _, owner := range e.Pipeline.OwnerOf(path) {
			if owner.Stage == stage || !stage.Frozen && !slices.Contains(e.Graph.Parents(stage.Name), owner.Stage.Name) {
				return nil, diag.List{diag.At(dep.Pos, "stage %q: the dep %s matches %s, which %q makes", stage.Name, dep.Path, path, owner.Stage.Title()).
					WithHint("make the pattern narrower, or name %s as a dep of its own", owner.Out.Path)}
			}
		}
	}
	return paths, nil
}

// lacks says what is wrong with a dep that is not there; "" when it is there.
func (is *facts) lacks(dep stages.Dep) string {
	switch {
	case dep.Kind == stages.GlobDep && is.matches[dep.Path] == 0:
		return fmt.Sprintf("no file matches the dep %s", dep.Path)
	case dep.Kind == stages.GlobDep:
		return ""
	case is.unknown[dep.Path] != nil:
		return fmt.Sprintf("the dep %s can't be told: %v", oneLine([]string{dep.Path}), is.unknown[dep.Path])
	case !is.dep(dep.Path).Exists():
		return fmt.Sprintf("dep %s is not there", dep.Path)
	}
	return ""
}
