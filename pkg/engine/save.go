package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/glob"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/values"
	"flow/pkg/workspace"
)

// save checks that what the command read is what was recorded, and puts what it
// wrote into the cache.
func (w *work) save(ctx context.Context, a *attempt) (map[string]digest.Content, error) {
	if err := w.look(ctx); err != nil {
		return nil, err
	}
	if err := w.checkMade(); err != nil {
		return nil, err
	}
	if err := w.checkRead(ctx); err != nil {
		return nil, err
	}
	w.ended(ctx, a)
	outs, err := w.saveOuts(ctx)
	if err == nil && w.e.Workspace.LinksOut() {
		w.ended(ctx, a) // files have become links
	}
	return outs, err
}

// look finds which outs there are now: those of patterns file by file, and of the
// optional ones those that the command made.
func (w *work) look(ctx context.Context) error {
	made, err := w.e.concrete(ctx, w.step.Stage, nil)
	w.made = slices.DeleteFunc(slices.Clone(made), func(out stages.Out) bool { return out.Optional && !w.e.Root.Exists(out.Path) })
	return err
}

// saveOuts puts the outs into the cache: into a batch, which is committed when the
// result is recorded. Where the cache makes links of the files, it is committed at once.
func (w *work) saveOuts(ctx context.Context) (map[string]digest.Content, error) {
	outs := map[string]digest.Content{}
	linked, soon := w.e.Workspace.LinksOut(), []string{}
	var links []string
	for _, out := range w.made {
		options := w.saving(out)
		switch {
		case !linked && !options.NoCache:
			soon = append(soon, out.Path)
			continue
		case options == workspace.SaveOptions{}:
			links = append(links, out.Path)
			continue
		}
		content, err := w.e.Workspace.Save(ctx, out.Path, options)
		if err != nil {
			return nil, w.explainSave(out.Path, err)
		}
		outs[out.Path] = content
	}
	w.batch = w.e.Cache.Begin()
	contents, err := w.e.Workspace.SaveInto(ctx, w.batch, soon)
	if err != nil {
		w.batch.Abort()
		return nil, w.explainSave("", err)
	}
	of, err := w.e.Workspace.SaveMany(ctx, links, workspace.SaveOptions{})
	if err != nil {
		w.batch.Abort()
		return nil, w.explainSave("", err)
	}
	for i, name := range append(soon, links...) {
		outs[name] = append(contents, of...)[i]
	}
	return outs, w.judge(ctx, outs)
}

// saving says how an out is saved.
func (w *work) saving(out stages.Out) workspace.SaveOptions {
	if out.Cache && !w.options.NoCommit {
		return workspace.SaveOptions{}
	}
	return w.uncached(out)
}

// judge warns of outs that are likely not what was meant: empty files, metrics that can't
// be read, and files that are one elsewhere.
func (w *work) judge(ctx context.Context, outs map[string]digest.Content) error {
	for _, out := range w.made {
		content := outs[out.Path]
		if content.Mode == digest.Dir {
			one, other, err := w.e.Workspace.Twins(ctx, out.Path)
			if err != nil {
				return fmt.Errorf("out %s: %w", out.Path, err)
			}
			if one != "" {
				w.tell(event.Warning{Stage: w.step.Stage.Title(), Text: TwinsText(out.Path, one, other), Hint: TwinsHint})
			}
		}
		if content.Mode != digest.File {
			continue
		}
		if content.Size == 0 {
			w.tell(event.Warning{Stage: w.step.Stage.Title(), Text: fmt.Sprintf("out %s is empty", out.Path)})
			continue
		}
		if out.Kind != stages.Metric {
			continue
		}
		text, err := w.e.Root.Read(out.Path)
		if err == nil {
			_, err = values.Load(out.Path, text)
		}
		if err != nil {
			w.tell(event.Warning{Stage: w.step.Stage.Title(), Text: fmt.Sprintf("metrics %s can't be read: %v", out.Path, err),
				Hint: "`flow metrics` will not show it"})
		}
	}
	return nil
}

// TwinsText tells of two paths in a folder that workspace.Twins found.
func TwinsText(folder, one, other string) string {
	return fmt.Sprintf("%s holds %+q and %+q, which differ only in how accents are written", folder, one, other)
}

// TwinsHint tells what follows from that.
const TwinsHint = "on macOS they are one file"

// uncached says how an out is saved that stays out of the cache. A metric or a plot
// is copied there all the same, for the run cache to restore.
func (w *work) uncached(out stages.Out) workspace.SaveOptions {
	if out.Kind != stages.PlainOut && !w.options.NoCommit && remembers(w.step.Stage, w.step.is) {
		return workspace.SaveOptions{Copy: true}
	}
	return workspace.SaveOptions{NoCache: true}
}

func (w *work) explainSave(name string, err error) error {
	var changing *workspace.ChangingError
	if errors.As(err, &changing) {
		return &StageError{Stage: w.step.Stage.Title(), Err: err,
			Msg:  fmt.Sprintf("out %s changed while it was saved: something still writes it", changing.Path),
			Hint: "let the command end only when all that it started has ended"}
	}
	if disk.IsFull(err) {
		err = disk.Full(err, w.size(), w.e.Cache.Root().Dir())
	}
	if name != "" {
		return fmt.Errorf("save out %s: %w", name, err)
	}
	return fmt.Errorf("save the outs: %w", err)
}

// size is how many bytes the outs hold; 0 when that can't be told.
func (w *work) size() int64 {
	var sum int64
	for _, out := range w.made {
		size, err := w.e.Workspace.Size(context.Background(), out.Path)
		if err != nil {
			return 0
		}
		sum += size
	}
	return sum
}

// checkMade refuses a result that lacks an out.
func (w *work) checkMade() error {
	missing := w.missingOuts()
	if len(missing) == 0 {
		return nil
	}
	return &StageError{Stage: w.step.Stage.Title(),
		Msg:  fmt.Sprintf("the command ended well but did not make %s", strings.Join(missing, ", ")),
		Hint: fmt.Sprintf("the command ran in %s; check the path, or take it off the stage's outs", describeWdir(w.step.Stage.Wdir))}
}

func (w *work) missingOuts() []string {
	var missing []string
	for _, out := range w.step.Stage.Outs {
		if !out.Glob && !out.Optional && !w.e.Root.Exists(out.Path) {
			missing = append(missing, out.Path)
		}
	}
	return missing
}

func describeWdir(wdir string) string {
	if wdir == "." {
		return "the project's root"
	}
	return wdir + "/"
}

// checkRead compares the deps and params once more with what they were before.
func (w *work) checkRead(ctx context.Context) error {
	stage := w.step.Stage
	if stage.Frozen {
		return nil
	}
	now := &facts{}
	if err := w.e.inspectDeps(ctx, stage, now, nil); err != nil {
		return err
	}
	var subjects []string
	for _, dep := range lock.Sorted(slices.Concat(now.deps, w.step.is.deps)) {
		if !now.dep(dep.Path).Same(w.step.is.dep(dep.Path)) {
			subjects = append(subjects, "dep "+dep.Path)
		}
	}
	marks, err := w.mark(ctx)
	if err != nil {
		return err
	}
	for _, file := range sortedUnion(marks, w.marks) {
		if len(subjects) == 0 && w.marks != nil && marks[file] != w.marks[file] {
			subjects = append(subjects, "dep "+file+" (it holds again what it held before)")
		}
	}
	for _, file := range sortedUnion(w.step.is.params, now.params) {
		for _, key := range sortedUnion(w.step.is.params[file], now.params[file]) {
			if w.step.is.params[file][key] != now.params[file][key] {
				subjects = append(subjects, "param "+paramName(file, key))
			}
		}
	}
	if len(subjects) > 0 {
		return w.changed(subjects)
	}
	return nil
}

// mark returns the marks of what the stage reads of the project: a change that is undone
// before the stage ends leaves its trace there.
func (w *work) mark(ctx context.Context) (map[string]string, error) {
	marks := map[string]string{}
	for _, file := range w.filesRead() {
		mark, err := w.e.Workspace.Mark(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("dep %s: %w", file, err)
		}
		marks[file] = mark
	}
	return marks, nil
}

// filesRead returns the paths of the project that the stage reads as deps.
func (w *work) filesRead() []string {
	var files []string
	for _, dep := range w.step.Stage.Deps {
		switch {
		case dep.Kind == stages.PathDep:
			files = append(files, dep.Path)
		case dep.Kind == stages.GlobDep && dep.Whole:
			for _, file := range w.step.is.mapped {
				files = append(files, file.Path)
			}
		case dep.Kind == stages.GlobDep:
			pattern := glob.Compile(dep.Path, true)
			for _, file := range w.step.is.deps {
				if pattern.Match(file.Path) {
					files = append(files, file.Path)
				}
			}
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

func (w *work) keepAllEdited(ctx context.Context) error {
	for _, out := range w.step.is.made {
		now, err := w.e.Workspace.Digest(ctx, out.Path)
		if err != nil {
			return fmt.Errorf("out %s: %w", out.Path, err)
		}
		if err := w.keepEdited(ctx, out, now); err != nil {
			return err
		}
	}
	return nil
}

// keepEdited puts an out that a person changed into the cache, before it goes.
func (w *work) keepEdited(ctx context.Context, out stages.Out, now digest.Content) error {
	if !now.Exists() || out.Persist {
		return nil
	}
	if w.step.was != nil {
		if recorded, found := w.step.was.Out(out.Path); found && recorded.Same(now) {
			return nil
		}
	}
	if whole, err := w.e.Cache.Has(ctx, now); err == nil && whole {
		return nil
	}
	saved, err := w.e.Workspace.Save(ctx, out.Path, workspace.SaveOptions{Copy: true})
	if err != nil {
		return fmt.Errorf("keep %s, which is not flow's: %w", out.Path, err)
	}
	w.tell(event.Warning{Stage: w.step.Stage.Title(),
		Text: fmt.Sprintf("%s holds what no stage made; it is kept in the cache before it is replaced", out.Path),
		Hint: fmt.Sprintf("to have it back: flow checkout %s --content %s", out.Path, saved.ID)})
	return nil
}
