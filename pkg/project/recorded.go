package project

import (
	"context"
	"path"
	"slices"
	"strings"

	"flow/pkg/plots"
	"flow/pkg/stages"
)

// liveFiles is where DVCLive writes a file of some name: below each folder that a
// command runs in. It need not be there, nor be declared.
func liveFiles(pipeline *stages.Pipeline, name string) []wantedFile {
	wdirs, seen := []string{"."}, map[string]bool{".": true}
	for _, stage := range pipeline.Stages {
		if !stage.Source && !seen[stage.Wdir] {
			seen[stage.Wdir] = true
			wdirs = append(wdirs, stage.Wdir)
		}
	}
	var files []wantedFile
	for _, wdir := range wdirs {
		files = append(files, wantedFile{path: path.Join(wdir, plots.LiveDir, name), implicit: true})
	}
	return files
}

// recordedValues returns the metrics or params that are in a run's record. They are
// judged as the run's pipeline says, or, where that can't be read, as today's does.
func (r *Revision) recordedValues(ctx context.Context, query Query) []ValueFile {
	recorded := r.Run.Metrics
	if query.Params {
		recorded = r.Run.Params
	}
	pipeline, err := r.Pipeline(ctx)
	if err != nil || pipeline == nil {
		if pipeline, err = r.project.Pipeline(); err != nil {
			pipeline = &stages.Pipeline{}
		}
	}
	wanted := metricsFiles(pipeline)
	if query.Params {
		wanted = paramsFiles(pipeline, query.Deps)
	}
	var files []ValueFile
	for _, name := range recorded.Files() {
		if len(query.Targets) > 0 && !slices.ContainsFunc(query.Targets, func(target string) bool {
			return name == target || strings.HasPrefix(name, strings.TrimSuffix(target, "/")+"/")
		}) {
			continue
		}
		file := ValueFile{Path: name}
		declared := false
		w := wantedFile{}
		for _, one := range wanted {
			if one.path == name || strings.HasPrefix(name, one.path+"/") {
				w, declared = one, true
				break
			}
		}
		file.Judgement = w.Judgement
		for _, leaf := range recorded.Leaves(name) {
			if w.wants(leaf.Key) && (declared || !query.Deps) {
				file.Leaves = append(file.Leaves, leaf)
			}
		}
		if len(file.Leaves) > 0 || !query.Deps {
			files = append(files, file)
		}
	}
	return files
}
