package migrate

import (
	"context"
	"path"
	"slices"

	"flow/pkg/cache"
	"flow/pkg/dvc"
	"flow/pkg/engine"
	"flow/pkg/stages"
)

// Runs counts what became of DVC's run cache.
type Runs struct {
	Remembered int
	Left       int // of stages that are not declared so today, or with content that is gone
}

// runs remembers the runs of DVC's run cache that are of today's stages: its entries
// tell neither which stage ran nor where, so that only one that fits a single stage, by
// the paths that it read and wrote, is taken for one of that stage.
func (r *recorder) runs(ctx context.Context, plan *Plan) (Runs, error) {
	var told Runs
	byOuts := map[string][]*stages.Stage{}
	for _, stage := range plan.pipeline.Commands() {
		if engine.Remembers(stage) {
			key := shapeOf(stage)
			byOuts[key] = append(byOuts[key], stage)
		}
	}
	unreadable, err := r.facts.intake.from.Runs(ctx, func(run dvc.Run) error {
		fitting := byOuts[shapeOfRun(run.Entry)]
		if len(fitting) != 1 {
			told.Left++
			return nil
		}
		done, err := r.remember(ctx, fitting[0], run)
		if done {
			told.Remembered++
		} else {
			told.Left++
		}
		return err
	})
	told.Left += unreadable
	return told, err
}

// remember remembers one run, if all that it read and wrote is known.
func (r *recorder) remember(ctx context.Context, stage *stages.Stage, run dvc.Run) (bool, error) {
	if err := r.facts.intake.take(ctx, run.Entry.Outs); err != nil {
		return false, err
	}
	entry, whole, err := r.entry(ctx, stage, run.Entry)
	if err != nil || !whole {
		return false, err
	}
	result := cache.Result{Time: run.Time, Stage: stage.Name}
	for _, out := range entry.Outs {
		if here, err := r.facts.target.Cache.Has(ctx, out.Content); err != nil || !here {
			return false, err
		}
		result.Outs = append(result.Outs, cache.ResultOut{Path: out.Path, Content: out.Content})
	}
	return true, r.facts.target.Cache.Remember(ctx, engine.ActionOf(stage, entry), result)
}

// shapeOf names the paths that a stage reads and writes, as they are from its wdir.
func shapeOf(stage *stages.Stage) string {
	var deps, params, outs []string
	for _, dep := range stage.Deps {
		deps = append(deps, dep.Path)
	}
	for _, param := range stage.Params {
		params = append(params, param.File)
	}
	for _, out := range stage.Outs {
		outs = append(outs, out.Path)
	}
	return shape(stage.Wdir, deps, params, outs)
}

func shapeOfRun(entry *dvc.Entry) string {
	var deps, params, outs []string
	for _, item := range entry.Deps {
		deps = append(deps, item.Path)
	}
	if entry.Params != nil {
		params = entry.Params.Keys()
	}
	for _, item := range entry.Outs {
		outs = append(outs, item.Path)
	}
	return shape("", deps, params, outs)
}

func shape(wdir string, groups ...[]string) string {
	text := ""
	for _, group := range groups {
		for i, name := range group {
			group[i] = relative(wdir, name)
		}
		slices.Sort(group)
		for _, name := range slices.Compact(group) {
			text += name + "\x00"
		}
		text += "\x01"
	}
	return text
}

// relative returns a path of the project as it is from a folder; from "" it is taken as
// it is, but cleaned.
func relative(dir, name string) string {
	if dir == "" || dir == "." {
		return path.Clean(name)
	}
	up := ""
	for dir != "." {
		if len(name) > len(dir) && name[:len(dir)+1] == dir+"/" {
			return up + name[len(dir)+1:]
		}
		dir, up = path.Dir(dir), up+"../"
	}
	return up + name
}
