package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"flow/pkg/document"
	"flow/pkg/stages"
	"flow/pkg/values"
)

// ValueFile is a metrics or params file as a revision has it.
type ValueFile struct {
	Path   string
	Tree   *values.Tree  // nil when Err is set
	Leaves []values.Leaf // what is shown
	Judgement
	Err error
}

// Judgement is how metrics of a file are judged, by key; "" stands for all of the file's.
type Judgement struct {
	Directions map[string]string
	Tolerances map[string]stages.Tolerance
}

// Direction returns which way a metric is better: "higher", "lower" or "".
func (j Judgement) Direction(key string) string {
	if direction, found := j.Directions[key]; found {
		return direction
	}
	return j.Directions[""]
}

// Tolerance returns how much worse than before a metric may be.
func (j Judgement) Tolerance(key string) stages.Tolerance {
	if tolerance, found := j.Tolerances[key]; found {
		return tolerance
	}
	return j.Tolerances[""]
}

// Query says which values are asked for.
type Query struct {
	Params  bool     // params, not metrics
	Targets []string // files and folders; none for all that the pipeline declares
	Deps    bool     // of params: only those that stages depend on
}

// Values reads the metrics or params of a revision. What can't be read is told in
// its ValueFile; the rest is there all the same.
func (r *Revision) Values(ctx context.Context, query Query) ([]ValueFile, error) {
	if r.Run != nil {
		return r.recordedValues(ctx, query), nil
	}
	pipeline, err := r.Pipeline(ctx)
	if err != nil {
		return nil, err
	}
	wanted := metricsFiles(pipeline)
	if query.Params {
		wanted = paramsFiles(pipeline, query.Deps)
	}
	if len(query.Targets) > 0 {
		wanted = onlyTargets(wanted, query.Targets)
	}
	var files []ValueFile
	for _, w := range wanted {
		paths, err := r.Files(ctx, w.path)
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 && !w.implicit {
			files = append(files, ValueFile{Path: w.path, Err: &fs.PathError{Op: "read", Path: w.path, Err: fs.ErrNotExist}})
		}
		for _, path := range paths {
			files = append(files, r.valueFile(ctx, path, w, query))
		}
	}
	slices.SortStableFunc(files, func(a, b ValueFile) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(files, func(a, b ValueFile) bool { return a.Path == b.Path }), nil
}

func (r *Revision) valueFile(ctx context.Context, path string, w wantedFile, query Query) ValueFile {
	file := ValueFile{Path: path, Judgement: w.Judgement}
	text, err := r.Read(ctx, path)
	if err == nil {
		file.Tree, err = values.Load(path, text)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !r.IsWorkspace() {
			err = fmt.Errorf("at %s: %w", r.Name, err)
		}
		file.Err = err
		return file
	}
	for _, leaf := range file.Tree.Flatten() {
		metric := leaf.Value.Kind != document.List && leaf.Value.Kind != document.Null && leaf.Value.Kind != document.Map
		if (metric || query.Params) && w.wants(leaf.Key) {
			file.Leaves = append(file.Leaves, leaf)
		}
	}
	return file
}

// wantedFile is a file to read, and which of its keys.
type wantedFile struct {
	path     string
	implicit bool     // nobody declares it, so that it may be missing
	keys     []string // none for all
	Judgement
}

func (w wantedFile) wants(key string) bool {
	return len(w.keys) == 0 || slices.ContainsFunc(w.keys, func(k string) bool { return key == k || strings.HasPrefix(key, k+".") })
}

func metricsFiles(pipeline *stages.Pipeline) []wantedFile {
	var files []wantedFile
	for _, stage := range pipeline.Stages {
		for _, out := range stage.Outs {
			if out.Kind == stages.Metric {
				files = append(files, wantedFile{path: out.Path, Judgement: Judgement{Directions: out.Direction, Tolerances: out.Tolerance}})
			}
		}
	}
	for _, metric := range pipeline.Metrics {
		judged := Judgement{Directions: metric.Direction, Tolerances: metric.Tolerance}
		at := slices.IndexFunc(files, func(w wantedFile) bool { return w.path == metric.Path.Path })
		switch {
		case at < 0:
			files = append(files, wantedFile{path: metric.Path.Path, Judgement: judged})
		case len(files[at].Directions) == 0: // a stage's, of which the top says how it is judged
			files[at].Judgement = judged
		}
	}
	return append(files, liveFiles(pipeline, "metrics.json")...)
}

// paramsFiles is the files of all stages' params, those declared at the top, and
// params.yaml, which counts whole even if no stage names it.
func paramsFiles(pipeline *stages.Pipeline, depsOnly bool) []wantedFile {
	byPath := map[string]*wantedFile{}
	var order []string
	add := func(path string, implicit bool, key string) {
		file := byPath[path]
		if file == nil {
			file = &wantedFile{path: path, implicit: implicit}
			byPath[path] = file
			order = append(order, path)
		} else if len(file.keys) == 0 {
			return // all of it already
		}
		if key == "" {
			file.keys = nil
			return
		}
		file.keys = append(file.keys, key)
	}
	if !depsOnly {
		add(stages.ParamsFile, true, "")
		for _, params := range pipeline.Params {
			add(params.Path, false, "")
		}
		for _, live := range liveFiles(pipeline, "params.yaml") {
			add(live.path, true, "")
		}
	}
	for _, stage := range pipeline.Stages {
		for _, param := range stage.Params {
			add(param.File, false, param.Key)
		}
	}
	files := make([]wantedFile, 0, len(order))
	for _, path := range order {
		files = append(files, *byPath[path])
	}
	return files
}

// onlyTargets narrows to targets; one that is not declared is read all the same.
func onlyTargets(declared []wantedFile, targets []string) []wantedFile {
	var files []wantedFile
	for _, target := range targets {
		target = strings.TrimSuffix(target, "/")
		found := false
		for _, file := range declared {
			if file.path == target || strings.HasPrefix(file.path, target+"/") {
				files = append(files, file)
				found = true
			}
		}
		if !found {
			files = append(files, wantedFile{path: target})
		}
	}
	return files
}
