package engine

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/stages"
)

// Select returns the names of the stages and data sources that a selection is
// about, in the order in which they run.
func (e *Engine) Select(selection Selection) ([]string, error) {
	if selection.All {
		return e.Graph.Order(), nil
	}
	if len(selection.Targets) == 0 {
		if selection.Single || selection.Downstream {
			return nil, fmt.Errorf("name at least one target")
		}
		return e.Graph.Order(), nil
	}
	targets, err := e.targets(selection)
	if err != nil {
		return nil, err
	}
	switch {
	case selection.Whole:
		return e.Graph.Connected(targets...), nil
	case selection.Single:
		return targets, nil
	case selection.Downstream:
		return e.Graph.Downstream(targets...), nil
	}
	return e.Graph.Upstream(targets...), nil
}

// targets resolves what a person named, without repeats, in the order given.
func (e *Engine) targets(selection Selection) ([]string, error) {
	var names []string
	var problems diag.List
	seen := map[string]bool{}
	for _, target := range selection.Targets {
		found, err := e.target(target, selection)
		problems.AddErr(err)
		for _, name := range found {
			if !seen[name] {
				seen[name], names = true, append(names, name)
			}
		}
	}
	return names, problems.Err()
}

func (e *Engine) target(target string, selection Selection) ([]string, error) {
	if selection.Glob {
		return e.matching(target, func(stage *stages.Stage) (bool, error) { return path.Match(target, stage.Title()) })
	}
	if selection.Recursive {
		dir := path.Clean(target)
		return e.matching(target, func(stage *stages.Stage) (bool, error) {
			declared := path.Dir(stage.Pos.File)
			if stage.Source {
				declared = path.Dir(stage.Outs[0].Path)
			}
			return dir == "." || declared == dir || strings.HasPrefix(declared, dir+"/"), nil
		})
	}
	if names := e.Pipeline.Named(target); len(names) > 0 {
		return names, nil
	}
	if owners := e.Pipeline.OwnerOf(path.Clean(target)); len(owners) > 0 {
		var names []string
		for _, owner := range owners {
			names = append(names, owner.Stage.Name)
		}
		return slices.Compact(names), nil
	}
	return nil, e.unknown(target)
}

func (e *Engine) matching(target string, matches func(*stages.Stage) (bool, error)) ([]string, error) {
	var names []string
	for _, stage := range e.Pipeline.Stages {
		found, err := matches(stage)
		if err != nil {
			return nil, fmt.Errorf("%q is no pattern: %w", target, err)
		}
		if found {
			names = append(names, stage.Name)
		}
	}
	if len(names) == 0 {
		return nil, e.unknown(target)
	}
	return names, nil
}

func (e *Engine) unknown(target string) error {
	of := e.Pipeline.File
	if len(e.Pipeline.Files) > 1 {
		of = "this project"
	}
	problem := diag.At(diag.Pos{}, "%q is no stage, group, pipeline, out or data source of %s", target, of)
	if meant := e.Pipeline.Nearest(target); meant != "" {
		return problem.WithHint("did you mean %q?", meant)
	}
	return problem.WithHint("`flow stage list` shows the stages")
}
