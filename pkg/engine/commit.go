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
	plan, err := e.Plan(ctx, Options{Selection: options.Selection})
	if err != nil {
		return nil, err
	}
	var done []Committed
	var failures []error
	for _, step := range plan.Steps {
		if step.State == Fresh {
			continue
		}
		committed, err := e.commitStep(ctx, step, options)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if committed {
			done = append(done, Committed{Stage: step.Stage.Title(), Reasons: step.Reasons})
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

func (e *Engine) commitStep(ctx context.Context, step *Step, options CommitOptions) (bool, error) {
	stage := step.Stage
	if e.Root.Exists(e.attemptDir(stage.Name) + "/intent") {
		return false, diag.At(stage.Pos, "stage %q did not end: its outs can't be trusted", stage.Name).
			WithHint("run it: flow repro %s", stage.Name)
	}
	if problems := missingParams(stage, step.is.missing); len(problems) > 0 {
		return false, problems.Err()
	}
	is, err := e.inspect(ctx, stage, nil)
	if err != nil {
		return false, err
	}
	for _, dep := range stage.Deps {
		if !stage.Frozen && !is.deps[dep.Path].Exists() {
			return false, Missing(diag.At(dep.Pos, "stage %q: dep %s is not there", stage.Name, dep.Path))
		}
	}
	for _, out := range stage.Outs {
		if !is.outs[out.Path].Exists() {
			return false, Missing(diag.At(out.Pos, "%s: out %s is not there, so it can't be committed", stage.Title(), out.Path).
				WithHint("make it: flow repro %s", stage.Title()))
		}
	}
	if options.Confirm != nil && !stage.Source && !onlyOuts(step.Reasons) && !options.Confirm(stage.Title(), step.Reasons) {
		return false, nil
	}
	guard, err := e.Root.TryLock(e.guardName(stage.Name), disk.Exclusive, "commit of "+stage.Name)
	if err != nil {
		return false, fmt.Errorf("commit %s: %w", stage.Title(), err)
	}
	defer guard.Unlock()
	return true, e.saveAndRecord(ctx, stage, is)
}

// saveAndRecord puts a stage's outs into the cache and records them.
func (e *Engine) saveAndRecord(ctx context.Context, stage *stages.Stage, is *facts) error {
	outs := map[string]digest.Content{}
	for _, out := range stage.Outs {
		content, err := e.Workspace.Save(ctx, out.Path, saveOptions(out, Options{}))
		if err != nil {
			return fmt.Errorf("commit %s: %w", out.Path, err)
		}
		outs[out.Path] = content
		if out.Cache && e.Git {
			if _, err := e.Workspace.Gitignore(out.Path); err != nil {
				return fmt.Errorf("ignore %s in git: %w", out.Path, err)
			}
		}
	}
	record := lock.Record{Stage: stage.Name}
	if stage.Source {
		content := outs[stage.Outs[0].Path]
		record = lock.Record{Source: stage.Outs[0].Path, Is: &content}
	} else {
		record.Entry = entry(stage, is, outs)
	}
	return e.Ledger.Add(ctx, record)
}
