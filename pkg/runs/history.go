package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"

	"flow/pkg/diag"
	"flow/pkg/disk"
)

// History is the runs of a project. It is safe for use by several goroutines and
// processes.
type History struct {
	root *disk.Root
	dir  string

	timesOnce sync.Once
	times     map[string][]int64
}

// Open returns the history in flow's own folder of a project. It reads nothing.
func Open(root *disk.Root, state string) *History {
	return &History{root: root, dir: state + "/runs"}
}

// Dir returns the local name of a run's folder.
func (h *History) Dir(id string) string { return h.dir + "/" + id }

// IDs returns the ids of all runs, the newest first. It reads no record.
func (h *History) IDs() ([]string, error) {
	entries, err := h.root.ReadDir(h.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() && IsID(entry.Name()) {
			ids = append(ids, entry.Name())
		}
	}
	slices.Reverse(ids)
	return ids, nil
}

// List returns all runs, the newest first. A record that can't be read is left out:
// a run that was killed at its very start has none.
func (h *History) List() ([]*Run, error) {
	ids, err := h.IDs()
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return slices.DeleteFunc(h.readAll(ids), func(run *Run) bool { return run == nil }), nil
}

// Read returns a run, whose id is whole. One that was killed has the state Lost.
func (h *History) Read(id string) (*Run, error) {
	text, err := h.root.Read(h.Dir(id) + "/run.json")
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	run := &Run{}
	if err := json.Unmarshal(text, run); err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	if run.ID != id {
		return nil, fmt.Errorf("read run %s: its record is that of %q", id, run.ID)
	}
	run.Label, run.From = h.readMarks(id).label(), h.readFrom(id)
	if run.State == Running && !h.held(id) {
		run.State = Lost
		if now, err := h.reread(id); err == nil && now.State != Running { // it ended just now
			now.Label, now.From = run.Label, run.From
			run = now
		}
	}
	return run, nil
}

func (h *History) reread(id string) (*Run, error) {
	text, err := h.root.Read(h.Dir(id) + "/run.json")
	if err != nil {
		return nil, err
	}
	run := &Run{}
	return run, json.Unmarshal(text, run)
}

// held reports whether a process is at work on a run.
func (h *History) held(id string) bool {
	name := h.Dir(id) + "/lock"
	if !h.root.Exists(name) {
		return false
	}
	lock, err := h.root.TryLock(name, disk.Shared, "")
	var busy *disk.BusyError
	if errors.As(err, &busy) {
		return true
	}
	if err == nil {
		lock.Unlock()
	}
	return false
}

// Active returns the newest run that a process is at work on; nil when there is none.
func (h *History) Active() (*Run, error) {
	ids, err := h.IDs()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if h.held(id) {
			return h.Read(id)
		}
	}
	return nil, nil
}

// drop removes a run that nobody is at work on.
func (h *History) drop(id string) error {
	if h.held(id) {
		return diag.At(diag.Pos{}, "run %s is going on", id).WithHint("stop it first")
	}
	if err := h.root.RemoveAll(h.Dir(id)); err != nil {
		return fmt.Errorf("remove run %s: %w", id, err)
	}
	return nil
}

// Prune removes the oldest runs without a tag, so that at most keep are left of those that
// were made here, and as many of others.
func (h *History) Prune(keep int) error {
	ids, err := h.IDs()
	if err != nil || keep <= 0 || len(ids) <= keep {
		return err
	}
	here, there := 0, 0
	for _, id := range ids {
		count := &here
		if h.isForeign(id) {
			count = &there
		}
		if *count++; *count <= keep {
			continue
		}
		run, err := h.Read(id)
		if err == nil && (len(run.Tags) > 0 || run.State == Running) {
			continue
		}
		if err := h.drop(id); err != nil {
			return err
		}
	}
	return nil
}

// lock takes the lock for changes of what several runs share.
func (h *History) lock(ctx context.Context) (*disk.Lock, error) {
	if err := h.root.MkdirAll(h.dir, 0o755); err != nil {
		return nil, fmt.Errorf("keep runs: %w", err)
	}
	guard, err := h.root.Lock(ctx, h.dir+"/guard", disk.Exclusive, "writing the history of runs", nil)
	if err != nil {
		return nil, fmt.Errorf("keep runs: %w", err)
	}
	return guard, nil
}

// Put adds a run that has ended already, with its label.
func (h *History) Put(run *Run) error {
	w, err := h.begin(run)
	if err != nil {
		return err
	}
	if err := w.end(); err != nil {
		return err
	}
	label := run.Label
	return h.SetLabel(context.Background(), run.ID, func(l *Label) { *l = label })
}

// writing is a run that this process is at work on.
type writing struct {
	h    *History
	run  *Run
	lock *disk.Lock
}

// begin makes the folder of a run.
func (h *History) begin(run *Run) (*writing, error) {
	if err := h.root.MkdirAll(h.dir, 0o755); err != nil {
		return nil, fmt.Errorf("keep runs: %w", err)
	}
	earlier, err := h.IDs()
	if err != nil {
		return nil, err
	}
	err = h.root.Mkdir(h.Dir(run.ID), 0o755)
	for tries := 0; errors.Is(err, fs.ErrExist) && tries < 64; tries++ { // another one of this very moment
		run.ID = nextID(run.ID)
		err = h.root.Mkdir(h.Dir(run.ID), 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("keep the run: %w", err)
	}
	run.Name = nameOf(run.ID, earlier)
	lock, err := h.root.TryLock(h.Dir(run.ID)+"/lock", disk.Exclusive, "flow repro")
	if err != nil {
		return nil, fmt.Errorf("keep the run: %w", err)
	}
	w := &writing{h: h, run: run, lock: lock}
	return w, w.save()
}

// save writes the record as it stands. It is not synced: a power loss may take it.
func (w *writing) save() error {
	text, err := w.encode()
	if err != nil {
		return err
	}
	if err := w.h.root.ReplaceSoon(w.h.Dir(w.run.ID)+"/run.json", text, 0o644); err != nil {
		return fmt.Errorf("keep the run: %w", err)
	}
	return nil
}

// end writes the record for good, and lets go of the run.
func (w *writing) end() error {
	defer w.lock.Unlock()
	text, err := w.encode()
	if err != nil {
		return err
	}
	if err := w.h.root.Replace(path.Join(w.h.Dir(w.run.ID), "run.json"), text, 0o644); err != nil {
		return fmt.Errorf("keep the run: %w", err)
	}
	_ = w.h.root.Remove(w.h.Dir(w.run.ID) + "/lock") // an ended run is not asked whether it is held
	return nil
}

func (w *writing) encode() ([]byte, error) {
	text, err := json.Marshal(w.run)
	if err != nil {
		return nil, fmt.Errorf("keep the run: %w", err)
	}
	return append(text, '\n'), nil
}
