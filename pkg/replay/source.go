package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// NewRecorder returns the sink that keeps the run that an engine is about to make, and
// gives the engine its id; nil where the config asks for no history.
func NewRecorder(p *project.Project, e *engine.Engine, options engine.Options) *runs.Recorder {
	if p.Config.KeepRuns() == 0 {
		return nil
	}
	e.RunID = runs.NewID(time.Now())
	recorder := runs.NewRecorder(p.Runs, e.RunID, options.Targets, &source{p: p, pipeline: e.Pipeline, noCommit: options.NoCommit})
	recorder.Keep = p.Config.KeepRuns()
	for _, setting := range p.Settings {
		recorder.Set(setting.Text)
	}
	return recorder
}

// source tells a recorder what the project is like.
type source struct {
	p        *project.Project
	pipeline *stages.Pipeline
	noCommit bool
	shot     Snapshot
	kept     chan error // what came of making the snapshot durable
	guard    *disk.Lock // on the cache, so that nothing of the run is collected before it is recorded
}

var _ runs.Source = (*source)(nil)

// Begin takes the snapshot.
func (s *source) Begin(ctx context.Context) (runs.Begun, error) {
	var begun runs.Begun
	var err error
	if s.guard, err = s.p.Cache.LockShared(ctx, "flow repro", nil); err != nil {
		return begun, fmt.Errorf("use the cache: %w", err)
	}
	var problems []error
	asked := make(chan error, 1)
	go func() { // git takes its time
		var err error
		begun.Git, err = head(ctx, s.p)
		asked <- err
	}()
	if begun.Params, err = readValues(ctx, s.p, project.Query{Params: true}, nil); err != nil {
		problems = append(problems, err)
	}
	glanced := s.p.Workspace.Glance()
	batch := s.p.Cache.Begin()
	t := newTaking(s.p, s.pipeline)
	t.save = func(names []string) ([]digest.Content, error) { return s.p.Workspace.SaveInto(ctx, batch, names) }
	shot, err := t.steadily(ctx, nil)
	glanced()
	if err != nil {
		problems = append(problems, err)
	}
	if err := <-asked; err != nil {
		problems = append(problems, err)
	}
	s.kept = make(chan error, 1)
	go func() { // beside the first stage: the disk is waited for
		defer batch.Abort()
		s.kept <- batch.Commit(context.WithoutCancel(ctx))
	}()
	begun.Snapshot, begun.Left, s.shot = shot.ID, shot.Left, shot
	return begun, errors.Join(problems...)
}

func head(ctx context.Context, p *project.Project) (*runs.Git, error) {
	head, err := p.Head(ctx)
	if errors.Is(err, project.ErrNoGit) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &runs.Git{Commit: head.Commit, Branch: head.Branch, Dirty: head.Dirty}, nil
}

// readValues reads the params or metrics of the workspace, without the files that
// some stages make. What can't be read is left out.
func readValues(ctx context.Context, p *project.Project, query project.Query, without map[string]bool) (runs.Values, error) {
	revision, err := p.Revision(ctx, project.WorkspaceRevision)
	if err != nil {
		return nil, err
	}
	files, err := revision.Values(ctx, query)
	if err != nil {
		return nil, err
	}
	all := runs.Values{}
	for _, file := range files {
		if file.Err != nil || without[file.Path] {
			continue
		}
		leaves := file.Leaves
		if query.Params {
			for _, setting := range p.Settings {
				file.Tree, _ = setting.In(file.Tree)
			}
			leaves = file.Tree.Flatten()
		}
		all.Add(file.Path, leaves)
	}
	return all, nil
}

// End adds the metrics and the lock.
func (s *source) End(ctx context.Context, run *runs.Run) error {
	var problems []error
	err := s.settle()
	if err != nil {
		s.shot = Snapshot{}
		problems = append(problems, fmt.Errorf("keep the code: %w", err))
	}
	if run.Metrics, err = readValues(ctx, s.p, project.Query{}, s.unmade(run)); err != nil {
		problems = append(problems, err)
	}
	if err := s.keepUncached(ctx); err != nil {
		problems = append(problems, err)
	}
	if run.Snapshot, err = s.withIgnores(ctx); err != nil {
		problems = append(problems, err)
	}
	text, err := s.p.Root.Read(lock.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		problems = append(problems, fmt.Errorf("keep the lock: %w", err))
	default:
		if run.Lock, err = putText(ctx, s.p.Cache, text); err != nil {
			problems = append(problems, fmt.Errorf("keep the lock: %w", err))
		}
	}
	_ = s.p.Workspace.Flush()
	return errors.Join(problems...)
}

// withIgnores puts the .gitignore files into the snapshot as the run left them, and
// returns its digest: flow itself writes the outs into them.
func (s *source) withIgnores(ctx context.Context) (digest.ID, error) {
	if !s.p.Git || s.shot.ID.IsZero() {
		return s.shot.put(ctx, s.p.Cache)
	}
	files := map[string]bool{}
	for _, stage := range s.pipeline.Stages {
		for _, out := range stage.Outs {
			if name := path.Join(path.Dir(out.Path), ".gitignore"); out.Cache && s.p.Root.Exists(name) {
				files[name] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(files))
	contents, err := s.p.Workspace.SaveMany(ctx, names, workspace.SaveOptions{Copy: true})
	if err != nil {
		return digest.ID{}, fmt.Errorf("keep the ignore files: %w", err)
	}
	tree := slices.Clone(s.shot.Tree)
	for i, name := range names {
		at, found := slices.BinarySearchFunc(tree, name, func(entry cache.TreeEntry, name string) int { return strings.Compare(entry.Path, name) })
		entry := cache.FileEntry(name, contents[i].Mode, contents[i].ID, contents[i].Size)
		switch {
		case contents[i].Mode != digest.File && contents[i].Mode != digest.Exec:
		case found:
			tree[at] = entry
		default:
			tree = slices.Insert(tree, at, entry)
		}
	}
	s.shot.Tree = tree
	return s.shot.put(ctx, s.p.Cache)
}

// unmade returns the outs of stages that failed or never ran: what they hold is not
// this run's.
func (s *source) unmade(run *runs.Run) map[string]bool {
	paths := map[string]bool{}
	for _, ran := range run.Stages {
		if ran.Status != event.Failed && ran.Status != event.Skipped {
			continue
		}
		if stage, found := s.pipeline.Stage(ran.Name); found {
			for _, out := range stage.Outs {
				paths[out.Path] = true
			}
		}
	}
	return paths
}

// keepUncached puts outs into the cache that are declared cache: false, as far as they
// are small: without them the run could not be had back.
func (s *source) keepUncached(ctx context.Context) error {
	if s.noCommit {
		return nil
	}
	locked, err := s.p.Ledger.Read()
	if err != nil {
		return err
	}
	var names []string
	for _, stage := range s.pipeline.Commands() {
		entry := locked.Stages[stage.Name]
		if entry == nil {
			continue
		}
		for _, item := range entry.Outs {
			out, found := stage.OutAt(item.Path)
			if found && !out.Cache && !out.Temp && s.mayKeep(ctx, item) {
				names = append(names, item.Path)
			}
		}
	}
	_, err = s.p.Workspace.SaveMany(ctx, names, workspace.SaveOptions{Copy: true})
	return err
}

func (s *source) mayKeep(ctx context.Context, item lock.Item) bool {
	if item.Size > s.p.Config.MaxFile() {
		return false
	}
	if whole, err := s.p.Cache.Has(ctx, item.Content); err != nil || whole {
		return false
	}
	is, err := s.p.Workspace.Digest(ctx, item.Path)
	return err == nil && is.Same(item.Content)
}

// settle waits until the snapshot is durable.
func (s *source) settle() error {
	if s.kept == nil {
		return nil
	}
	err := <-s.kept
	s.kept = nil
	return err
}

// Close lets go of the cache.
func (s *source) Close() {
	_ = s.settle()
	if s.guard != nil {
		s.guard.Unlock()
	}
}
