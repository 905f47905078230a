package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flow/pkg/cache"
	"flow/pkg/disk"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// keeper is the results of a run that are to become part of what was. It makes those
// durable together that came while it was busy with the ones before: a sync takes as
// long for ten stages as for one.
type keeper struct {
	waiting []*result
	since   time.Time // when the first of them came
	now     []*result // that are being kept
}

// While as many commands run as may, results wait for others to be kept with, so many and so
// long at most.
const (
	keepMany  = 24
	keepAfter = 100 * time.Millisecond
)

// pressed reports whether results have waited enough.
func (k *keeper) pressed() bool {
	return len(k.waiting) >= keepMany || len(k.waiting) > 0 && time.Since(k.since) >= keepAfter
}

// due tells when they have; nil while none wait, or others are just being kept.
func (k *keeper) due() <-chan time.Time {
	if len(k.waiting) == 0 || len(k.now) > 0 {
		return nil
	}
	return time.After(keepAfter - time.Since(k.since))
}

// idle reports whether all that came is kept.
func (k *keeper) idle() bool { return len(k.now)+len(k.waiting) == 0 }

// keepNext has the results that wait be kept, in the background, unless some are just
// being kept. The answer comes as a message.
func (r *run) keepNext(ctx context.Context) {
	if len(r.keeper.now) > 0 || len(r.keeper.waiting) == 0 {
		return
	}
	group := r.keeper.waiting
	r.keeper.waiting, r.keeper.now = nil, group
	settle := time.Since(r.settled) > settleEvery
	if settle {
		r.settled = time.Now()
	}
	go func() {
		r.keep(context.WithoutCancel(ctx), group, settle)
		r.messages <- message{kept: group}
	}()
}

// keep makes results durable and part of what was, in this order: what is needed for a
// file to be ignored by git, objects and records, the journal. Only then it lets go of
// what was before. A result that can't be kept gets an error, and what was before back.
func (r *run) keep(ctx context.Context, group []*result, settle bool) {
	var runs []cache.Run
	var records []lock.Record
	var whole []*result
	ignored := r.gitignoreAll(group) == nil
	for _, done := range group {
		record, found := done.record()
		if done.err = nil; !ignored {
			done.err = r.gitignore(done.step.Stage.Outs...) // whose it is that can't be
		}
		if done.err == nil && found {
			done.err = r.keepMapped(ctx, done.step.is)
		}
		if done.err != nil {
			continue
		}
		whole, runs = append(whole, done), append(runs, done.run)
		if found {
			records = append(records, record)
		}
	}
	if err := r.write(ctx, runs, records, settle); err != nil {
		for _, done := range whole {
			done.err = err
		}
	}
	for _, done := range group {
		r.close(ctx, done)
	}
}

func (r *run) write(ctx context.Context, runs []cache.Run, records []lock.Record, settle bool) error {
	if err := r.Cache.Commit(ctx, runs); err != nil {
		if disk.IsFull(err) {
			err = disk.Full(err, 0, r.Cache.Root().Dir())
		}
		return fmt.Errorf("put into the cache: %w", err)
	}
	if len(records) == 0 {
		return nil
	}
	if err := r.Ledger.Add(ctx, records...); err != nil {
		return fmt.Errorf("record the result: %w", err)
	}
	if !settle {
		return nil
	}
	_, err := r.Ledger.Settle(ctx, nil)
	return err
}

// close lets go of what was before, or brings it back.
func (r *run) close(ctx context.Context, done *result) {
	if done.run.Batch != nil {
		done.run.Batch.Abort()
	}
	a := done.attempt
	if a == nil {
		return
	}
	defer a.release()
	if done.err == nil {
		done.err = errors.Join(a.commit(), r.forgetUnsaved(a.stage))
		return
	}
	done.err = (&work{e: r.Engine, step: done.step}).failed(ctx, a, done.err)
}

// record returns what the lock is to know of a result.
func (r *result) record() (lock.Record, bool) {
	stage := r.step.Stage
	switch {
	case r.source != nil:
		return lock.Record{Source: stage.Outs[0].Path, Is: r.source}, true
	case r.entry != nil:
		return lock.Record{Stage: stage.Name, Entry: r.entry}, true
	}
	return lock.Record{}, false
}

// handle takes what a worker made: a failure ends the step at once, all else is to be
// kept. It reports whether it is.
func (r *run) handle(done *result) bool {
	if done.err != nil {
		r.fail(done.step, done.err)
		return false
	}
	if len(r.keeper.waiting) == 0 {
		r.keeper.since = time.Now()
	}
	r.keeper.waiting = append(r.keeper.waiting, done)
	return true
}

// kept ends the steps whose results were kept.
func (r *run) kept(group []*result) {
	r.keeper.now = nil
	for _, done := range group {
		if done.err != nil {
			r.fail(done.step, done.err)
			continue
		}
		_, recorded := done.record()
		r.dirty = r.dirty || recorded
		r.end(done.step, done)
	}
}

// gitignoreAll is gitignore for the outs of many stages.
func (e *Engine) gitignoreAll(group []*result) error {
	var outs []stages.Out
	for _, done := range group {
		outs = append(outs, done.step.Stage.Outs...)
	}
	return e.gitignore(outs...)
}

// gitignore has git ignore the outs that flow keeps out of it.
func (e *Engine) gitignore(outs ...stages.Out) error {
	if !e.Git {
		return nil
	}
	all := e.Workspace.Gitignores()
	for _, out := range outs {
		switch {
		case !out.Cache && !out.Temp:
		case out.Glob:
			all.AddPattern(out.Path)
		default:
			all.Add(out.Path)
		}
	}
	if err := all.Write(); err != nil {
		return fmt.Errorf("have git ignore outs: %w", err)
	}
	return nil
}
