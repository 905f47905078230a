package project

import (
	"context"
	"io/fs"
	"slices"
	"strings"

	"flow/pkg/plots"
	"flow/pkg/stages"
)

// Plots reads the plots of a revision; with targets, only those with such an id or such
// a path, or in such a folder. A file that can't be read is told in its plots.File.
func (r *Revision) Plots(ctx context.Context, targets []string) ([]plots.Source, error) {
	declared, err := r.DeclaredPlots(ctx)
	if err != nil {
		return nil, err
	}
	isID := func(target string) bool {
		return slices.ContainsFunc(declared, func(d stages.Plot) bool { return d.ID == target })
	}
	all, ids := len(targets) == 0, targets
	targets = slices.DeleteFunc(slices.Clone(targets), isID) // an id is one plot, and no other of the same file
	var sources []plots.Source
	for _, plot := range declared {
		source := plots.Source{Revision: r.Name, Plot: plot}
		whole := all || slices.Contains(ids, plot.ID)
		for _, file := range plot.Files() {
			if whole || plot.Path == "" || touches(file, targets) {
				if err := r.plotFiles(ctx, file, &source); err != nil {
					return nil, err
				}
			}
		}
		if !whole {
			keepTargets(&source, targets)
		}
		if len(source.Files) > 0 {
			sources = append(sources, source)
		}
	}
	return sources, nil
}

// DeclaredPlots returns the plots of stages and those declared at the top, and the
// folder of DVCLive, which needs no declaration. One at the top says how an out's file
// is drawn.
func (r *Revision) DeclaredPlots(ctx context.Context) ([]stages.Plot, error) {
	pipeline, err := r.Pipeline(ctx)
	if err != nil {
		return nil, err
	}
	var declared []stages.Plot
	for _, stage := range pipeline.Stages {
		for _, out := range stage.Outs {
			if out.Kind != stages.PlotOut {
				continue
			}
			plot := stages.Plot{ID: out.Path, Path: out.Path, Pos: out.Pos, Header: true}
			if out.Plot != nil {
				plot = *out.Plot
			}
			declared = append(declared, plot)
		}
	}
	for _, plot := range pipeline.Plots {
		same := slices.IndexFunc(declared, func(d stages.Plot) bool { return d.ID == plot.ID || plot.Path != "" && d.Path == plot.Path })
		if same >= 0 {
			declared[same] = plot
			continue
		}
		declared = append(declared, plot)
	}
	covered := slices.ContainsFunc(declared, func(d stages.Plot) bool {
		return slices.ContainsFunc(d.Files(), func(file string) bool { return touches(file, []string{plots.LivePlots}) })
	})
	if !covered {
		live, err := r.Files(ctx, plots.LivePlots)
		if err == nil && len(live) > 0 {
			declared = append(declared, stages.Plot{ID: plots.LivePlots, Path: plots.LivePlots, Header: true})
		}
	}
	return declared, nil
}

// touches reports whether a file is one of the targets, or below or above one.
func touches(file string, targets []string) bool {
	return slices.ContainsFunc(targets, func(target string) bool {
		target = strings.TrimSuffix(target, "/")
		return file == target || strings.HasPrefix(file, target+"/") || strings.HasPrefix(target, file+"/")
	})
}

// keepTargets drops the files of a folder that nobody asked for; a plot of named files is
// whole or not at all.
func keepTargets(source *plots.Source, targets []string) {
	asked := func(file plots.File) bool {
		return slices.ContainsFunc(targets, func(target string) bool {
			target = strings.TrimSuffix(target, "/")
			return file.Path == target || strings.HasPrefix(file.Path, target+"/")
		})
	}
	if source.Plot.Path == "" {
		if !slices.ContainsFunc(source.Files, asked) {
			source.Files = nil
		}
		return
	}
	source.Files = slices.DeleteFunc(source.Files, func(file plots.File) bool { return !asked(file) })
}

func (r *Revision) plotFiles(ctx context.Context, name string, source *plots.Source) error {
	files, err := r.Files(ctx, name)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		missing := &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
		source.Files = append(source.Files, plots.File{Path: name, Err: missing})
	}
	for _, file := range files {
		if slices.ContainsFunc(source.Files, func(f plots.File) bool { return f.Path == file }) {
			continue
		}
		content, err := r.Read(ctx, file)
		if err != nil && ctx.Err() != nil {
			return err
		}
		source.Files = append(source.Files, plots.File{Path: file, Content: content, Err: err})
	}
	return nil
}
