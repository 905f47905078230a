package project

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"flow/pkg/digest"
	"flow/pkg/event"
	"flow/pkg/remote"
	"flow/pkg/runs"
	"flow/pkg/store"
	"flow/pkg/transfer"
)

// RunsFetched is what FetchHistory did.
type RunsFetched struct {
	transfer.Result
	Fetched []string `json:"fetched"`
	Gone    []string `json:"gone,omitempty"` // had come from there, and were removed there
	Labels  int      `json:"labels"`         // runs whose tags or note changed here
}

// FetchHistory brings the records of the runs that a remote has: the newest, as many as
// are kept, those with tags, and the named ones, by id or the start of one. What is said of them comes, too, and of
// what they need the lock and the list of the code; FetchRun brings the rest. Runs that a
// person removed here stay away unless they are named.
func (p *Project) FetchHistory(ctx context.Context, named []string, options MoveOptions) (*RunsFetched, error) {
	done := &RunsFetched{Fetched: []string{}}
	if p.Config.KeepRuns() == 0 {
		return done, nil
	}
	result, err := p.withRemote(p.remoteName(options.Remote), options, func(t *transfer.Transfer) (transfer.Result, error) {
		h := &receivingRuns{p: p, t: t, o: options, done: done}
		return h.all(ctx, named)
	})
	done.Result = result
	done.History = len(done.Fetched)
	return done, err
}

// receivingRuns is one FetchHistory.
type receivingRuns struct {
	p     *Project
	t     *transfer.Transfer
	o     MoveOptions
	done  *RunsFetched
	notes map[string][]remote.Note
}

// receivedRun is a run that came.
type receivedRun struct {
	run  *runs.Run
	text []byte
	logs []runs.LogFile
}

func (h *receivingRuns) all(ctx context.Context, named []string) (transfer.Result, error) {
	result := transfer.Result{Remote: h.t.Remote.Name}
	var err error
	if h.notes, err = notesByRun(ctx, h.t.Remote); err != nil {
		return result, err
	}
	if err := h.forget(); err != nil {
		return result, err
	}
	ids, err := h.choose(ctx, named)
	if err != nil {
		return result, err
	}
	came, err := h.read(ctx, ids)
	if err != nil {
		return result, err
	}
	var items []transfer.Item
	for _, one := range came {
		for _, d := range h.p.runCode(one.run) {
			d.Content.Mode = digest.File // of the code the list, not what it names
			items = append(items, d.Item)
		}
	}
	if len(items) > 0 {
		var lacking error
		if result, lacking = h.t.Fetch(ctx, items); lacking != nil {
			if ctx.Err() != nil || !errors.Is(lacking, store.ErrAbsent) {
				return result, lacking
			}
			h.warn("not all of the runs can be had back: %v", lacking)
		}
	}
	for _, one := range came {
		from := runs.From{Remote: h.t.Remote.Name, At: time.Now().UTC(), Logs: one.logs}
		if err := h.p.Runs.Adopt(one.run.ID, one.text, from); err != nil {
			return result, err
		}
		h.done.Fetched = append(h.done.Fetched, one.run.ID)
	}
	if err := h.labels(ctx); err != nil {
		return result, err
	}
	if len(named) > 0 {
		return result, nil // what a person asked for stays until the next time
	}
	return result, h.p.Runs.Prune(h.p.Config.KeepRuns())
}

func (h *receivingRuns) warn(format string, args ...any) {
	if h.o.Sink != nil {
		h.o.Sink.Emit(event.Warning{Text: fmt.Sprintf(format, args...)})
	}
}

// forget drops the runs that came from this remote and were removed there.
func (h *receivingRuns) forget() error {
	for id, notes := range h.notes {
		if !has(notes, noteRemoved) || has(notes, noteRecord) || !h.p.Runs.Has(id) {
			continue
		}
		run, err := h.p.Runs.Read(id)
		if err != nil || run.From == nil || run.From.Remote != h.t.Remote.Name {
			continue
		}
		if err := h.p.Runs.Forget(id); err != nil {
			return err
		}
		h.done.Gone = append(h.done.Gone, id)
	}
	slices.Sort(h.done.Gone)
	return nil
}

// choose returns the ids of the runs that are to come.
func (h *receivingRuns) choose(ctx context.Context, named []string) ([]string, error) {
	removed, err := h.p.Runs.Removed()
	if err != nil {
		return nil, err
	}
	ids := slices.Sorted(maps.Keys(h.notes))
	ids = slices.DeleteFunc(ids, func(id string) bool { return !has(h.notes[id], noteRecord) })
	slices.Reverse(ids)
	var wanted []string
	for i, id := range ids {
		isNamed := slices.ContainsFunc(named, func(ref string) bool { return runs.Abbreviates(ref, id) })
		if isNamed && removed[id] {
			if err := h.p.Runs.Forgive(ctx, id); err != nil {
				return nil, err
			}
		}
		switch {
		case h.p.Runs.Has(id), removed[id] && !isNamed:
		case isNamed, i < h.p.Config.KeepRuns(), h.tagged(ctx, id):
			wanted = append(wanted, id)
		}
	}
	return wanted, nil
}

// tagged reports whether somebody gave a run a tag that it still has.
func (h *receivingRuns) tagged(ctx context.Context, id string) bool {
	var labels []remote.Note
	for _, note := range h.notes[id] {
		if note.Kind == noteLabel {
			labels = append(labels, note)
		}
	}
	_, texts := readNotes(ctx, h.t.Remote, labels)
	return len(runs.TagsIn(texts)) > 0
}

// read brings the records of some runs, and the lists of their logs. One that is refused
// keeps no other from coming.
func (h *receivingRuns) read(ctx context.Context, ids []string) ([]receivedRun, error) {
	var mu sync.Mutex
	var came []receivedRun
	err := remote.Each(ctx, h.t.Remote.Jobs, ids, func(ctx context.Context, id string) error {
		one, err := h.readOne(ctx, id)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			h.warn("run %s did not come along: %v", id, err)
		default:
			came = append(came, one)
		}
		return nil
	})
	slices.SortFunc(came, func(a, b receivedRun) int { return strings.Compare(a.run.ID, b.run.ID) })
	return came, err
}

func (h *receivingRuns) readOne(ctx context.Context, id string) (one receivedRun, err error) {
	for _, note := range h.notes[id] { // where two machines gave two runs one id, the first by its digest
		if note.Kind == noteRecord {
			if one.text, err = h.t.Remote.ReadNote(ctx, note, runs.MaxRecord); err != nil {
				return one, err
			}
			break
		}
	}
	if one.run, err = runs.ReadRecord(id, one.text); err != nil {
		return one, err
	}
	for _, note := range h.notes[id] {
		if note.Kind != noteLogs {
			continue
		}
		text, err := h.t.Remote.ReadNote(ctx, note, runs.MaxRecord)
		if err != nil {
			return one, err
		}
		if one.logs, err = runs.ReadLogList(one.run, text); err != nil {
			return one, err
		}
		break
	}
	return one, nil
}

// labels takes in what others said of the runs that are here.
func (h *receivingRuns) labels(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(h.notes)) {
		if !has(h.notes[id], noteLabel) || !h.p.Runs.Has(id) {
			continue
		}
		text, err := h.p.Runs.LabelText(id)
		if err != nil {
			return err
		}
		var others []remote.Note
		for _, note := range h.notes[id] {
			if note.Kind == noteLabel && note.ID != digest.Sum(text) {
				others = append(others, note)
			}
		}
		read, texts := readNotes(ctx, h.t.Remote, others)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if len(read) < len(others) {
			h.warn("not all tags and notes of run %s came along", id)
		}
		changed, err := h.p.Runs.MergeLabels(ctx, id, texts)
		if err != nil {
			return err
		}
		if changed {
			h.done.Labels++
		}
	}
	return nil
}

// FetchRun brings all that is needed to have a run back, and what its stages printed.
func (p *Project) FetchRun(ctx context.Context, run *runs.Run, options MoveOptions) (transfer.Result, error) {
	options.NoRuns = true
	var total transfer.Result
	fetch := func(data []Data) error {
		if len(data) == 0 {
			return nil
		}
		results, err := p.Fetch(ctx, data, options)
		for _, result := range results {
			total.Remote = result.Remote
			total.Add(result)
		}
		return err
	}
	if err := fetch(p.runCode(run)); err != nil {
		return total, err
	}
	needs, rest, err := p.runData(ctx, run)
	if err != nil {
		return total, err
	}
	if err := fetch(needs); err != nil {
		return total, err
	}
	if err := fetch(rest); err != nil && !errors.Is(err, store.ErrAbsent) {
		return total, err
	}
	if run.From == nil {
		return total, nil
	}
	var logs []Data
	for _, log := range run.From.Logs {
		logs = append(logs, Data{Item: transfer.Item{Path: "log " + log.Name + " of run " + run.ID,
			Content: digest.Content{ID: log.Hash, Mode: digest.File, Size: log.Size}}, Push: true})
	}
	if err := fetch(logs); err != nil {
		return total, err
	}
	return total, p.takeLogs(ctx, run)
}

// takeLogs copies what a run's stages printed out of the cache to where logs are.
func (p *Project) takeLogs(ctx context.Context, run *runs.Run) error {
	for _, log := range run.From.Logs {
		object, err := p.Cache.Objects().Get(ctx, log.Hash)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(object, log.Size))
		object.Close()
		if err != nil {
			return err
		}
		if digest.Sum(text) != log.Hash {
			return fmt.Errorf("log %s of run %s: %w", log.Name, run.ID, &store.CorruptError{Want: log.Hash, Got: digest.Sum(text)})
		}
		if err := p.Runs.PutLog(run.ID, log.Name, text); err != nil {
			return err
		}
	}
	return nil
}
