package engine

import (
	"cmp"
	"errors"
	"fmt"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/stages"
)

// Hold keeps a stage from running, and those that read its outs, until release is called.
// While one of them runs, or a command that a killed run left, the error says so, and wraps
// a *disk.BusyError. There is nothing to hold of a data source.
func (e *Engine) Hold(stage *stages.Stage, at string) (release func(), err error) {
	if stage.Source {
		return func() {}, nil
	}
	if err := e.Root.MkdirAll(e.State+"/tmp/stage", 0o755); err != nil {
		return nil, err
	}
	var locks []*disk.Lock
	release = func() {
		for _, lock := range locks {
			_ = lock.Unlock()
		}
	}
	for _, name := range []string{e.guardName(stage.Name), e.useName(stage.Name)} {
		lock, err := e.Root.TryLock(name, disk.Exclusive, holder(at+" "+stage.Name))
		var busy *disk.BusyError
		if errors.As(err, &busy) {
			err = inUse(stage, busy)
		}
		if err != nil {
			release()
			return nil, err
		}
		locks = append(locks, lock)
	}
	return release, nil
}

func inUse(stage *stages.Stage, busy *disk.BusyError) error {
	problem := diag.At(diag.Pos{}, "stage %q runs, or one that reads its outs: %s", stage.Title(), cmp.Or(busy.Owner, "another process")).
		WithHint("its outs are left as they are; try again when it has ended")
	problem.Err = busy
	return problem
}

// heldOut is Hold for the stage that makes a path.
func (e *Engine) heldOut(name, at string) (release func(), err error) {
	for _, owner := range e.Pipeline.OwnerOf(name) {
		if !owner.Stage.Source {
			release, err := e.Hold(owner.Stage, at)
			if err != nil {
				return nil, fmt.Errorf("check out %s: %w", name, err)
			}
			return release, nil
		}
	}
	return func() {}, nil
}
