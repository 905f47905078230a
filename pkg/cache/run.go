package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

// maxRecord bounds what is read into memory as one record.
const maxRecord = 256 << 20

// file returns where an action's record is.
func (a Action) file() string { return path.Join(a.folder(), a.Key().String()) }

// folder returns where the records of all actions with the same outs are.
func (a Action) folder() string {
	outs := a.outsKey().String()
	return path.Join(actionsDir, outs[:2], outs)
}

// Run is what a stage made, to be kept: its objects, and what they were made from. A
// nil Batch, and an Action without lines, are nothing to keep.
type Run struct {
	Batch  *store.Batch
	Action Action
	Result Result
}

// Remember keeps what an action made, durably. Earlier results of the action stay, up
// to a number. The objects that the result names must be durable already.
func (c *Cache) Remember(ctx context.Context, action Action, result Result) error {
	if err := c.Commit(ctx, []Run{{Action: action, Result: result}}); err != nil {
		return err
	}
	folder := action.folder()
	return c.root.Barrier(nil, []string{folder, path.Dir(folder), actionsDir, "."})
}

// Commit makes what several stages made durable, and remembers it, at the price of
// one. It ends their batches, also when it fails. What the records say is on disk
// before they have their names; the names follow when the file system sees fit: a
// record that a power loss takes back costs a run.
func (c *Cache) Commit(ctx context.Context, runs []Run) error {
	var batches []*store.Batch
	remembered := false
	for _, run := range runs {
		if run.Batch != nil {
			batches = append(batches, run.Batch)
			defer run.Batch.Abort()
		}
		for _, out := range run.Result.Outs {
			if err := out.validate(); err != nil {
				return fmt.Errorf("remember a result of %s: %w", run.Result.Stage, err)
			}
		}
		remembered = remembered || len(run.Action.Lines) > 0
	}
	if !remembered {
		return store.Commit(ctx, c.objects, batches, nil)
	}
	release, err := c.lockActions(ctx)
	if err != nil {
		return err
	}
	defer release()
	records := map[string]*disk.Temp{}
	defer func() {
		for _, temp := range records {
			temp.Discard()
		}
	}()
	if err := c.writeRecords(runs, records); err != nil {
		return err
	}
	var files []string
	for _, temp := range records {
		files = append(files, temp.Name())
	}
	if err := store.Commit(ctx, c.objects, batches, files); err != nil {
		return err
	}
	for file, temp := range records {
		if err := temp.Rename(file); err != nil {
			return err
		}
	}
	return nil
}

// writeRecords writes the records with the new results into temps, by the name that
// each is to have.
func (c *Cache) writeRecords(runs []Run, temps map[string]*disk.Temp) error {
	changed := map[string]*record{}
	for _, run := range runs {
		if len(run.Action.Lines) == 0 {
			continue
		}
		if err := c.addResult(changed, run.Action, run.Result); err != nil {
			return fmt.Errorf("remember a result of %s: %w", run.Result.Stage, err)
		}
	}
	for file, r := range changed {
		temp, err := c.writeRecord(file, r)
		if err != nil {
			return err
		}
		temps[file] = temp
	}
	return nil
}

func (c *Cache) addResult(changed map[string]*record, action Action, result Result) error {
	file := action.file()
	if changed[file] == nil {
		kept, err := c.readRecord(file)
		if err != nil && !isDamaged(err) {
			return err
		}
		if kept == nil {
			kept = &record{action: action} // a damaged one gives way
		}
		changed[file] = kept
	}
	changed[file].add(result)
	return nil
}

// writeRecord writes a record into a temp, closed. One that could not be read again is
// refused.
func (c *Cache) writeRecord(file string, r *record) (*disk.Temp, error) {
	text := r.encode()
	if len(text) > maxRecord {
		return nil, fmt.Errorf("its record would have %d bytes", len(text))
	}
	if _, err := decodeRecord(text); err != nil {
		return nil, fmt.Errorf("it can't be written down: %w", err)
	}
	folder := path.Dir(file)
	if err := c.root.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	temp, err := c.root.Create(folder)
	if err != nil {
		return nil, err
	}
	if _, err = temp.Write(text); err == nil {
		err = temp.Close()
	}
	if err != nil {
		temp.Discard()
		return nil, err
	}
	return temp, nil
}

// replaceRecord changes one record. Its name is durable when its folder is synced.
func (c *Cache) replaceRecord(file string, r *record) error {
	temp, err := c.writeRecord(file, r)
	if err != nil {
		return err
	}
	defer temp.Discard()
	if err := c.root.Barrier([]string{temp.Name()}, nil); err != nil {
		return err
	}
	return temp.Rename(file)
}

// lockActions keeps every other writer of records out, in this process and others.
func (c *Cache) lockActions(ctx context.Context) (release func(), err error) {
	c.actions.Lock()
	lock, err := c.root.Lock(ctx, actionsLock, disk.Exclusive, "", nil)
	if err != nil {
		c.actions.Unlock()
		return nil, err
	}
	return func() {
		lock.Unlock()
		c.actions.Unlock()
	}, nil
}

// readRecord returns the record in a file; nil when there is none.
func (c *Cache) readRecord(file string) (*record, error) {
	info, err := c.root.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRecord {
		return nil, &RecordError{File: c.root.Path(file), Err: fmt.Errorf("it has %d bytes", info.Size())}
	}
	text, err := c.root.Read(file)
	if err != nil {
		return nil, err
	}
	r, err := decodeRecord(text)
	if err != nil {
		return nil, &RecordError{File: c.root.Path(file), Err: err}
	}
	if r.action.file() != file {
		return nil, &RecordError{File: c.root.Path(file), Err: errors.New("its action has another name")}
	}
	return r, nil
}

// RecordError says that a file of the run cache is damaged. Only Verify tells of it:
// to all else the record is not there.
type RecordError struct {
	File string // absolute path
	Err  error
}

// Error names the file.
func (e *RecordError) Error() string { return fmt.Sprintf("record %s is damaged: %v", e.File, e.Err) }

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

func isDamaged(err error) bool {
	var damaged *RecordError
	return errors.As(err, &damaged)
}

// Recall returns the newest result of an action whose objects are all here.
func (c *Cache) Recall(ctx context.Context, action Action) (Result, bool, error) {
	return c.RecallIf(ctx, action, func(content digest.Content) (bool, error) { return c.Has(ctx, content) })
}

// RecallIf returns the newest result of an action all of whose outs can be had, as has
// says.
func (c *Cache) RecallIf(ctx context.Context, action Action, has func(digest.Content) (bool, error)) (Result, bool, error) {
	kept, err := c.readRecord(action.file())
	if kept == nil {
		if isDamaged(err) {
			err = nil
		}
		return Result{}, false, err
	}
	for i := len(kept.results) - 1; i >= 0; i-- {
		whole, err := eachHad(kept.results[i], has)
		if err != nil {
			return Result{}, false, err
		}
		if whole {
			return kept.results[i], true, nil
		}
	}
	return Result{}, false, nil
}

// whole reports whether all that a result names is here.
func (c *Cache) whole(ctx context.Context, result Result) (bool, error) {
	return eachHad(result, func(content digest.Content) (bool, error) { return c.Has(ctx, content) })
}

func eachHad(result Result, has func(digest.Content) (bool, error)) (bool, error) {
	for _, out := range result.Outs {
		found, err := has(out.Content)
		var bad *TreeError
		if errors.As(err, &bad) {
			return false, nil
		}
		if err != nil || !found {
			return false, err
		}
	}
	return true, nil
}

// Nearest returns, among the actions that have the same outs, the one that differs in
// the fewest lines, the newest of several, and the lines. false when there is none.
func (c *Cache) Nearest(ctx context.Context, action Action) (Action, []LineDiff, bool, error) {
	var best *record
	var bestDiffs []LineDiff
	err := c.eachRecordIn(ctx, action.folder(), func(_ string, r *record, err error) error {
		if err != nil {
			return nil
		}
		diffs := DiffLines(r.action, action)
		if best == nil || len(diffs) < len(bestDiffs) || len(diffs) == len(bestDiffs) && r.newest().After(best.newest()) {
			best, bestDiffs = r, diffs
		}
		return nil
	})
	if err != nil || best == nil {
		return Action{}, nil, false, err
	}
	return best.action, bestDiffs, true, nil
}

// Actions calls each for every result that is remembered, of each action the oldest
// first, until it returns an error, which is what Actions then returns. Damaged
// records are left out.
func (c *Cache) Actions(ctx context.Context, each func(Action, Result) error) error {
	return c.eachRecord(ctx, func(_ string, r *record, err error) error {
		if err != nil {
			return nil
		}
		for _, result := range r.results {
			if err := each(r.action, result); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachRecord calls each for the file of every record, with what it holds or why it
// can't be read as one.
func (c *Cache) eachRecord(ctx context.Context, each func(file string, r *record, err error) error) error {
	folders, err := c.recordFolders()
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err := c.eachRecordIn(ctx, folder, each); err != nil {
			return err
		}
	}
	return nil
}

// recordFolders returns the folders that records are in.
func (c *Cache) recordFolders() ([]string, error) {
	fans, err := c.folders(actionsDir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, fan := range fans {
		folders, err := c.folders(fan)
		if err != nil {
			return nil, err
		}
		all = append(all, folders...)
	}
	return all, nil
}

func (c *Cache) eachRecordIn(ctx context.Context, folder string, each func(file string, r *record, err error) error) error {
	entries, err := c.root.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if disk.IsTemp(entry.Name()) || !entry.Type().IsRegular() {
			continue
		}
		file := path.Join(folder, entry.Name())
		r, err := c.readRecord(file)
		if err != nil && !isDamaged(err) {
			return err
		}
		if r == nil && err == nil {
			continue // removed meanwhile
		}
		if err := each(file, r, err); err != nil {
			return err
		}
	}
	return nil
}

// folders returns the names of the folders in a folder, which need not be there.
func (c *Cache) folders(folder string) ([]string, error) {
	entries, err := c.root.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, path.Join(folder, entry.Name()))
		}
	}
	return names, nil
}
