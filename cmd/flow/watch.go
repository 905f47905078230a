package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/glob"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
	"flow/pkg/watch"
)

// newWatchCmd returns `flow watch`.
func newWatchCmd(a *app) *cobra.Command {
	o := &reproOptions{}
	cmd := &cobra.Command{
		Use: "watch [TARGET...]",
		Long: `Bring the targets up to date as repro does, then wait until a file that the pipeline
is declared in, a dep or a params file changes, or a new pipeline.yaml comes, and do it
again. There is never more than one run at a time; a change during a run makes one more
run. What stages write themselves counts for nothing. A mistake in the pipeline is told,
and waited out.

Ctrl-C ends it. Deps that are no files (url, cmd, env, exe) are not waited for.`,
		Example: `  flow watch
  flow watch -j 4 train           # train, and what it depends on, four stages at a time`,
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Targets = args
			return runWatch(cmd.Context(), a, o)
		},
	}
	addSelectionFlags(cmd, &o.Selection)
	o.jobs.add(cmd)
	cmd.Flags().BoolVarP(&o.KeepGoing, "keep-going", "k", false, "after a failure, go on with what does not depend on it")
	a.setFlag(cmd)
	a.jsonFlag(cmd)
	return cmd
}

// watching is what `flow watch` knows between two runs.
type watching struct {
	a        *app
	options  reproOptions
	watcher  *watch.Watcher
	pipeline *stages.Pipeline // of the last run; nil before the first that could be read
	inputs   []string         // files and folders whose change counts
	places   []string         // where a pipeline file would be one of the project's
	told     map[string]bool  // the folders that can't be watched
}

func runWatch(ctx context.Context, a *app, o *reproOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	watcher, err := watch.New(p.Root.Dir())
	if err != nil {
		return err
	}
	defer watcher.Close()
	w := &watching{a: a, options: *o, watcher: watcher, told: map[string]bool{}}
	for first := true; ctx.Err() == nil; first = false {
		if err := w.once(ctx, first); err != nil {
			w.explain(err)
		}
		if changed := w.wait(ctx); changed != "" {
			a.say("%s changed", ui.StyleFor(a.err).Bold(changed))
		}
	}
	return nil // a person has ended it, as they were told to
}

// once brings the targets up to date, if there is anything to do.
func (w *watching) once(ctx context.Context, first bool) error {
	p, err := w.a.open()
	if err != nil {
		return err
	}
	if err := w.watchPlaces(ctx, p); err != nil {
		return err
	}
	working, err := w.a.atWork(ctx, p, w.options.Options)
	if err != nil {
		return err
	}
	defer working.Unlock()
	e, err := p.Engine()
	if err != nil {
		w.inputs = union(w.inputs, p.Declared)
		w.look()
		return err
	}
	runner := &project.Runner{Kill: w.a.kill, Stdin: os.Stdin}
	defer runner.Close()
	e.Runner = runner
	options := w.options.Options
	options.Targets = w.a.reproTargets(p, e, options.Targets)
	if options.Jobs, err = w.options.jobs.value(p); err != nil {
		return err
	}
	w.pipeline = e.Pipeline
	if w.inputs, err = inputs(p, e, options.Selection); err != nil {
		return err
	}
	w.look() // before anything is compared, so that no change falls in between
	plan, err := e.Plan(ctx, options)
	if err != nil {
		return err
	}
	if plan.Fresh() && !first {
		return nil
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	return w.a.repro(ctx, p, e, options)
}

// inputs returns what makes the selected stages stale when it changes: the files that
// the pipeline is declared in, and deps and params that no stage makes.
func inputs(p *project.Project, e *engine.Engine, selection engine.Selection) ([]string, error) {
	names, err := e.Select(selection)
	if err != nil {
		return nil, err
	}
	found := slices.Clone(p.Declared)
	for _, name := range names {
		stage, _ := e.Pipeline.Stage(name)
		if stage.Source {
			found = append(found, stage.Outs[0].Path)
			continue
		}
		for _, dep := range stage.Deps {
			switch dep.Kind {
			case stages.PathDep:
				found = append(found, dep.Path)
			case stages.GlobDep:
				found = append(found, glob.Base(dep.Path))
			}
		}
		for _, param := range stage.Params {
			found = append(found, param.File)
		}
	}
	found = slices.DeleteFunc(found, func(name string) bool { return isMade(e.Pipeline, name) })
	return union(found, nil), nil
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// isMade reports whether a path is part of what a stage makes.
func isMade(pipeline *stages.Pipeline, name string) bool {
	return slices.ContainsFunc(pipeline.OwnerOf(name), func(owner stages.Owner) bool {
		return !owner.Stage.Source && (owner.Out.Glob || within(owner.Out.Path, name))
	})
}

// within reports whether a path is a folder or lies in it.
func within(folder, name string) bool {
	return folder == "." || name == folder || strings.HasPrefix(name, folder+"/")
}

// look has the inputs watched, and the places for pipeline files, and tells what can't be.
func (w *watching) look() {
	for _, problem := range w.watcher.Set(union(w.inputs, w.places)) {
		if text := problem.Error(); !w.told[text] {
			w.told[text] = true
			fmt.Fprintf(w.a.err, "%s %s\n  a change there is seen with the next one elsewhere\n", ui.StyleFor(w.a.err).Yellow("note:"), text)
		}
	}
}

// wait returns when an input has changed, with its name, or when ctx ends.
func (w *watching) wait(ctx context.Context) string {
	if len(w.inputs) > 0 && ctx.Err() == nil {
		w.a.say("%s", ui.StyleFor(w.a.err).Dim("waiting for a change of "+someOf(w.inputs)+"; Ctrl-C ends it"))
	}
	for {
		select {
		case <-ctx.Done():
			return ""
		case <-w.watcher.Changed():
		}
		w.watcher.Settle()
		folders := false
		for _, name := range w.watcher.Take() {
			if w.counts(name) {
				if name == watch.Anything {
					return "much"
				}
				return name
			}
			folders = folders || w.isFolder(name)
		}
		if folders {
			if name := w.newPlace(ctx); name != "" {
				return name
			}
		}
	}
}

// isFolder reports whether a folder is at a path that pipeline files may come to be in.
func (w *watching) isFolder(name string) bool {
	if w.ignored(name) {
		return false
	}
	info, err := os.Lstat(filepath.Join(w.watcher.Root(), filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}

// watchPlaces watches where pipeline files would be, until no more such folders come.
func (w *watching) watchPlaces(ctx context.Context, p *project.Project) error {
	for {
		places, err := p.Places(ctx)
		if err != nil || slices.Equal(places, w.places) {
			return err
		}
		w.places = places
		w.look()
	}
}

// newPlace watches folders that have come, and returns a pipeline file that is in one of
// them already; "" when there is none.
func (w *watching) newPlace(ctx context.Context) string {
	p, err := w.a.open()
	if err != nil {
		return ""
	}
	before := w.places
	if w.watchPlaces(ctx, p) != nil {
		return ""
	}
	for _, place := range w.places {
		if !slices.Contains(before, place) && p.Root.Exists(place) {
			return place
		}
	}
	return ""
}

// counts reports whether a change at a path may make a stage stale.
func (w *watching) counts(name string) bool {
	if name == watch.Anything {
		return true
	}
	if w.ignored(name) {
		return false
	}
	return slices.Contains(w.places, name) || slices.ContainsFunc(w.inputs, func(input string) bool { return within(input, name) || within(name, input) && name != "." })
}

// ignored reports whether what happens at a path is flow's own doing, or git's.
func (w *watching) ignored(name string) bool {
	return within(project.State, name) || within(".git", name) || w.pipeline != nil && isMade(w.pipeline, name)
}

// shownInputs is how many names a line holds before it counts the rest.
const shownInputs = 4

func someOf(names []string) string {
	if len(names) <= shownInputs+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shownInputs], ", "), len(names)-shownInputs)
}

// explain tells what went wrong, unless it was told already.
func (w *watching) explain(err error) {
	var interrupted *engine.InterruptedError
	switch {
	case errors.As(err, &interrupted):
		w.a.say("%s", interrupted)
	case errors.Is(err, context.Canceled), errors.Is(err, errSilent):
	default:
		_, _ = io.WriteString(w.a.err, ui.Explain(err, ui.StyleFor(w.a.err)))
	}
}
