package engine

import (
	"context"
	"errors"
	"fmt"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// CommitOptions is what is recorded without running.
type CommitOptions struct {
	Selection
	// Confirm is asked when a stage's deps or command differ from what was recorded:
	// its outs may not be what they would make. nil takes it for granted.
	Confirm func(stage string, reasons []Reason) bool
}

// Committed is a stage or data source that Commit recorded.
type Committed struct {
	Stage   string   `json:"stage"`
	Reasons []Reason `json:"reasons"`
}

// Commit records what is in the workspace as if the stages had made it: it hashes,
// puts into the cache, and writes the lock.
func (e *Engine) Commit(ctx context.Context, options CommitOptions) ([]Committed, error) {
	if len(options.Targets) > 0 && !options.Whole && !options.Downstream {
		options.Single = true
	}
	names, err := e.Select(options.Selection)
	if err != nil {
		return nil, err
	}
	var done []Committed
	var failures []error
	for _, name := range names {
		stage, _ := e.Pipeline.Stage(name)
		reasons, err := e.commitStage(ctx, stage, options)
		if err != nil {
			failures = append(failures, err)
		}
		if len(reasons) > 0 && err == nil {
			done = append(done, Committed{Stage: stage.Title(), Reasons: reasons})
		}
	}
	if len(done) > 0 {
		if _, err := e.Ledger.Settle(ctx, nil); err != nil {
			failures = append(failures, err)
		}
	}
	e.Flush()
	return done, errors.Join(failures...)
}

// commitStage records one stage as it is now, and returns how it differed from what
// was recorded; nothing when it did not, or when the person said no.
func (e *Engine) commitStage(ctx context.Context, stage *stages.Stage, options CommitOptions) ([]Reason, error) {
	if err := e.Root.MkdirAll(e.State+"/tmp/stage", 0o755); err != nil {
		return nil, err
	}
	guard, err := e.Root.TryLock(e.guardName(stage.Name), disk.Exclusive, holder("commit of "+stage.Name))
	var busy *disk.BusyError
	if errors.As(err, &busy) {
		err = inUse(stage, busy)
	}
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", stage.Title(), err)
	}
	defer guard.Unlock()
	is, reasons, err := e.differs(ctx, stage)
	if err != nil || len(reasons) == 0 {
		return nil, err
	}
	if err := e.committable(stage, is); err != nil {
		return nil, err
	}
	if options.Confirm != nil && !stage.Source && !onlyOuts(reasons) && !options.Confirm(stage.Title(), reasons) {
		return nil, nil
	}
	return reasons, e.saveAndRecord(ctx, stage, is)
}

// differs compares one stage or data source with what is recorded now.
func (e *Engine) differs(ctx context.Context, stage *stages.Stage) (*facts, []Reason, error) {
	if stage.Source {
		locked, err := e.Ledger.Read()
		if err != nil {
			return nil, nil, err
		}
		step := &Step{Stage: stage}
		err = e.planSource(ctx, step, locked, Options{}, map[string]digest.Content{})
		return step.is, step.Reasons, err
	}
	was, err := e.Ledger.Stage(stage.Name)
	if err != nil {
		return nil, nil, err
	}
	is, err := e.inspect(ctx, stage, was, nil)
	if err != nil {
		return nil, nil, err
	}
	return is, e.compare(ctx, stage, was, is, Options{}), nil
}

// committable refuses to record what is not there.
func (e *Engine) committable(stage *stages.Stage, is *facts) error {
	if problems := missingParams(stage, is.missing); len(problems) > 0 {
		return problems.Err()
	}
	for _, dep := range stage.Deps {
		if what := is.lacks(dep); what != "" && !stage.Frozen {
			return Missing(diag.At(dep.Pos, "stage %q: %s", stage.Name, what))
		}
	}
	for _, out := range stage.Outs {
		if out.Glob || out.Optional || is.out(out.Path).Exists() {
			continue
		}
		problem := Missing(diag.At(out.Pos, "%s: out %s is not there, so it can't be committed", stage.Title(), out.Path))
		if stage.Source {
			return problem.WithHint("put the file there, or take it off data: flow remove %s", out.Path)
		}
		return problem.WithHint("make it: flow repro %s", stage.Name)
	}
	return nil
}

// saveAndRecord puts a stage's outs into the cache and records them.
func (e *Engine) saveAndRecord(ctx context.Context, stage *stages.Stage, is *facts) error {
	outs := map[string]digest.Content{}
	for _, out := range is.made {
		if out.Optional && !is.out(out.Path).Exists() {
			continue
		}
		content, err := e.Workspace.Save(ctx, out.Path, saveOptions(out, Options{}))
		if err != nil {
			return fmt.Errorf("commit %s: %w", out.Path, err)
		}
		outs[out.Path] = content
	}
	if err := e.gitignore(stage.Outs...); err != nil {
		return err
	}
	record := lock.Record{Stage: stage.Name}
	if stage.Source {
		content := outs[stage.Outs[0].Path]
		record = lock.Record{Source: stage.Outs[0].Path, Is: &content}
	} else {
		record.Entry = entry(stage, is, outs)
		if err := e.keepMapped(ctx, is); err != nil {
			return err
		}
	}
	return e.Ledger.Add(ctx, record)
}
