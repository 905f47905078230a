package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/lock"
	"flow/pkg/remote"
	"flow/pkg/runs"
	"flow/pkg/stages"
	"flow/pkg/store"
	"flow/pkg/transfer"
)

// The kinds of notes about a run that are on a remote. The record goes last: a run is
// there when its record is.
const (
	noteRecord  = "run"
	noteLabel   = "label"
	noteLogs    = "logs"
	noteRemoved = "removed"
)

// PushRunsOptions says which runs go to a remote.
type PushRunsOptions struct {
	MoveOptions
	Runs   []*runs.Run
	Named  bool // a person named them: they go even if somebody removed them there
	NoLogs bool
}

// RunsPushed is what PushHistory did.
type RunsPushed struct {
	transfer.Result
	Pushed []string  `json:"pushed"`
	There  int       `json:"there"`  // runs that were there already
	Labels int       `json:"labels"` // runs whose tags or note were sent
	Left   []RunLeft `json:"left,omitempty"`
}

// RunLeft is a run that did not go.
type RunLeft struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// PushHistory sends runs to a remote: their records, logs, tags and notes, and all that
// is needed to have them back. A record goes when all that it names is there. What the
// cache has not, and the remote neither, keeps a run from going, and no other.
func (p *Project) PushHistory(ctx context.Context, options PushRunsOptions) (*RunsPushed, error) {
	done := &RunsPushed{Pushed: []string{}}
	result, err := p.withRemote(p.remoteName(options.Remote), options.MoveOptions, func(t *transfer.Transfer) (transfer.Result, error) {
		h := &sendingRuns{p: p, t: t, o: options, done: done, whole: map[digest.ID]bool{}}
		return h.all(ctx)
	})
	done.Result = result
	done.History = len(done.Pushed)
	return done, err
}

// remoteName returns the name of the remote that is meant; "" when there is none, which
// opening it will tell.
func (p *Project) remoteName(name string) string {
	if spec, err := p.RemoteSpec(name); err == nil {
		return spec.Name
	}
	return name
}

// sendingRuns is one PushHistory.
type sendingRuns struct {
	p     *Project
	t     *transfer.Transfer
	o     PushRunsOptions
	done  *RunsPushed
	notes map[string][]remote.Note
	whole map[digest.ID]bool // contents that were looked for in the cache
}

// sentRun is a run on its way.
type sentRun struct {
	run   *runs.Run
	needs []Data // without them it can't be had back
	logs  []runs.LogFile
	why   string // it doesn't go
}

func (h *sendingRuns) all(ctx context.Context) (transfer.Result, error) {
	result := transfer.Result{Remote: h.t.Remote.Name}
	var err error
	if h.notes, err = notesByRun(ctx, h.t.Remote); err != nil {
		return result, err
	}
	var going []*sentRun
	var elsewhere []Data
	var items []transfer.Item
	for _, run := range h.o.Runs {
		if has(h.notes[run.ID], noteRecord) {
			h.done.There++
			continue
		}
		one, data, err := h.prepare(ctx, run)
		if err != nil {
			return result, err
		}
		if going = append(going, one); one.why != "" {
			continue
		}
		for _, d := range data {
			switch {
			case d.Remote == "" || d.Remote == h.t.Remote.Name:
				items = append(items, d.Item)
			case h.o.Remote == "":
				elsewhere = append(elsewhere, d)
			}
		}
	}
	if len(elsewhere) > 0 {
		options := h.o.MoveOptions
		options.NoRuns = true
		if _, err := h.p.Push(ctx, elsewhere, options); err != nil {
			return result, err
		}
	}
	if len(going) > 0 { // what is there already, and not here, stays until the records are there
		if _, err := h.t.Remote.Pushing(ctx, h.t.Waiting); err != nil {
			return result, err
		}
	}
	result, err = h.t.Push(ctx, items)
	var corrupt *store.CorruptError
	if ctx.Err() != nil || err != nil && !errors.Is(err, store.ErrAbsent) && !errors.As(err, &corrupt) {
		return result, err
	}
	return result, errors.Join(h.finish(ctx, going), err, h.sendLabels(ctx))
}

// prepare finds what a run needs, and what of it can go.
func (h *sendingRuns) prepare(ctx context.Context, run *runs.Run) (*sentRun, []Data, error) {
	one := &sentRun{run: run}
	if has(h.notes[run.ID], noteRemoved) && !h.o.Named {
		one.why = "it was removed there"
		return one, nil, nil
	}
	if run.Ended.IsZero() || run.State != runs.OK && run.State != runs.Failed && run.State != runs.Interrupted {
		one.why = "its state is " + string(run.State)
		return one, nil, nil
	}
	needs, rest, err := h.p.runData(ctx, run)
	if err != nil {
		if ctx.Err() != nil {
			return one, nil, ctx.Err()
		}
		one.why = err.Error()
		return one, nil, nil
	}
	if !h.o.Imported {
		needs, _ = imported(needs) // the rest is had from where it came from
	}
	one.needs = needs
	var data []Data
	for _, d := range slices.Concat(needs, rest) {
		whole, err := h.has(ctx, d.Content)
		if err != nil {
			return one, nil, err
		}
		if whole { // what is not may be there; finish will see
			data = append(data, d)
		}
	}
	if h.o.NoLogs {
		return one, data, nil
	}
	if one.logs, err = h.p.keepLogs(ctx, run); err != nil {
		return one, nil, err
	}
	for _, log := range one.logs {
		data = append(data, Data{Item: transfer.Item{Path: "log " + log.Name + " of run " + run.ID,
			Content: digest.Content{ID: log.Hash, Mode: digest.File, Size: log.Size}}})
	}
	return one, data, nil
}

func (h *sendingRuns) has(ctx context.Context, content digest.Content) (bool, error) {
	whole, known := h.whole[content.ID]
	if known {
		return whole, nil
	}
	whole, err := h.p.Cache.Has(ctx, content)
	h.whole[content.ID] = whole
	return whole, err
}

// finish writes the records of those runs that have all that they need there.
func (h *sendingRuns) finish(ctx context.Context, going []*sentRun) error {
	var ids []digest.ID
	for _, one := range going {
		for _, need := range one.needs {
			ids = append(ids, need.Content.ID)
		}
		for _, log := range one.logs {
			ids = append(ids, log.Hash)
		}
	}
	missing, err := h.t.Remote.Missing(ctx, ids)
	if err != nil {
		return err
	}
	absent := map[digest.ID]bool{}
	for _, id := range missing {
		absent[id] = true
	}
	for _, one := range going {
		if i := slices.IndexFunc(one.needs, func(d Data) bool { return absent[d.Content.ID] && (d.Remote == "" || d.Remote == h.t.Remote.Name) }); i >= 0 && one.why == "" {
			one.why = "the cache does not have " + one.needs[i].Path + " as it was"
		}
		if one.why != "" {
			h.done.Left = append(h.done.Left, RunLeft{one.run.ID, one.why})
		}
	}
	going = slices.DeleteFunc(going, func(one *sentRun) bool { return one.why != "" })
	for _, one := range going {
		one.logs = slices.DeleteFunc(one.logs, func(log runs.LogFile) bool { return absent[log.Hash] })
		h.done.Pushed = append(h.done.Pushed, one.run.ID)
	}
	return remote.Each(ctx, h.t.Remote.Jobs, going, func(ctx context.Context, one *sentRun) error { return h.write(ctx, one) })
}

func (h *sendingRuns) write(ctx context.Context, one *sentRun) error {
	id := one.run.ID
	if len(one.logs) > 0 {
		text, err := json.Marshal(one.logs)
		if err != nil {
			return err
		}
		if err := h.t.Remote.PutNote(ctx, id, noteLogs, append(text, '\n')); err != nil {
			return err
		}
	}
	text, err := h.p.Runs.Record(id)
	if err != nil {
		return err
	}
	if err := h.t.Remote.PutNote(ctx, id, noteRecord, text); err != nil {
		return err
	}
	for _, note := range h.notes[id] {
		if note.Kind == noteRemoved {
			if err := h.t.Remote.DeleteNote(ctx, note); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendLabels makes the labels of all runs that are there what both sides said of them.
func (h *sendingRuns) sendLabels(ctx context.Context) error {
	ids, err := h.p.Runs.IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !has(h.notes[id], noteRecord) && !slices.Contains(h.done.Pushed, id) {
			continue
		}
		text, err := h.p.Runs.LabelText(id)
		if err != nil {
			return err
		}
		own := digest.Sum(text)
		var others []remote.Note
		same := text == nil
		for _, note := range h.notes[id] {
			if note.Kind == noteLabel {
				same = same || note.ID == own
				others = append(others, note)
			}
		}
		if same {
			continue
		}
		if err := h.sendLabel(ctx, id, others); err != nil {
			return err
		}
	}
	return nil
}

func (h *sendingRuns) sendLabel(ctx context.Context, id string, others []remote.Note) error {
	others, texts := readNotes(ctx, h.t.Remote, others)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, err := h.p.Runs.MergeLabels(ctx, id, texts); err != nil {
		return err
	}
	text, err := h.p.Runs.LabelText(id)
	if err != nil {
		return err
	}
	if err := h.t.Remote.PutNote(ctx, id, noteLabel, text); err != nil {
		return err
	}
	h.done.Labels++
	for _, note := range others {
		if note.ID != digest.Sum(text) {
			if err := h.t.Remote.DeleteNote(ctx, note); err != nil {
				return err
			}
		}
	}
	return nil
}

// runData returns what is needed to have a run back, and what may be had besides: outs
// that the cache does not keep, and that are in it only if they are small. What the run's
// pipeline says must stay here is in neither.
func (p *Project) runData(ctx context.Context, run *runs.Run) (needs, rest []Data, err error) {
	revision := p.RunRevision(run.ID, run)
	locked, err := revision.Lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	pipeline, err := revision.Pipeline(ctx)
	if err != nil || len(pipeline.Stages) == 0 {
		if pipeline, err = p.Pipeline(); err != nil {
			return nil, nil, fmt.Errorf("its pipeline can't be read: %w", err)
		}
	}
	needs = p.runCode(run)
	add := func(stage, where string, content digest.Content) {
		owner, out := declared(pipeline, stage, where)
		d := dataOf(owner, out, content, locked, nil)
		switch {
		case !content.Exists() || !out.Push:
		case !out.Cache:
			rest = append(rest, d)
		default:
			needs = append(needs, d)
		}
	}
	for name, entry := range locked.Stages {
		for _, out := range entry.Outs {
			add(name, out.Path, out.Content)
		}
	}
	for where, content := range locked.Data {
		add(stages.SourcePrefix+where, where, content)
	}
	for _, out := range run.Held {
		stage := ""
		if owners := pipeline.OwnerOf(out.Path); len(owners) > 0 {
			stage = owners[0].Stage.Name
		}
		add(stage, out.Path, out.Content)
	}
	slices.SortFunc(needs, func(a, b Data) int { return strings.Compare(a.Path, b.Path) })
	return needs, rest, nil
}

// runCode returns the text of the lock and the code of a run.
func (p *Project) runCode(run *runs.Run) []Data {
	var data []Data
	add := func(what string, id digest.ID, mode digest.Mode) {
		if !id.IsZero() {
			data = append(data, Data{Item: transfer.Item{Path: what + " of run " + run.ID, Content: digest.Content{ID: id, Mode: mode}}, Push: true})
		}
	}
	add(lock.Name, run.Lock, digest.File)
	add("the code", run.Snapshot, digest.Dir)
	return data
}

// keepLogs puts what a run's stages printed into the cache, to be sent from there.
func (p *Project) keepLogs(ctx context.Context, run *runs.Run) ([]runs.LogFile, error) {
	names, err := p.Runs.LogFiles(run.ID)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	batch := p.Cache.Begin()
	defer batch.Abort()
	var logs []runs.LogFile
	for _, name := range names {
		file, err := p.Runs.OpenLog(run.ID, name)
		if err != nil {
			return nil, err
		}
		log := runs.LogFile{Name: name}
		if source, ok := disk.OSFile(file); ok {
			log.Hash, log.Size, err = batch.Add(ctx, source)
			logs = append(logs, log)
		}
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("keep the logs of run %s: %w", run.ID, err)
		}
	}
	if text, err := json.Marshal(logs); err == nil {
		if _, refused := runs.ReadLogList(run, text); refused != nil {
			return nil, nil // nobody would take them
		}
	}
	return logs, batch.Commit(ctx)
}

// RemoveRunsThere removes runs from a remote: who has them keeps them if they made them,
// and nobody gets them from there any more. Data that only they need stays until flow gc
// of the remote.
func (p *Project) RemoveRunsThere(ctx context.Context, ids []string, options MoveOptions) error {
	_, err := p.withRemote(p.remoteName(options.Remote), options, func(t *transfer.Transfer) (transfer.Result, error) {
		notes, err := notesByRun(ctx, t.Remote)
		if err != nil {
			return transfer.Result{}, err
		}
		told, err := json.Marshal(struct {
			At time.Time `json:"at"`
			By string    `json:"by"`
		}{time.Now().UTC(), runs.ThisOrigin(nil).Who()})
		if err != nil {
			return transfer.Result{}, err
		}
		for _, id := range ids {
			if !has(notes[id], noteRecord) {
				continue
			}
			if err := t.Remote.PutNote(ctx, id, noteRemoved, append(told, '\n')); err != nil {
				return transfer.Result{}, err
			}
			for _, note := range notes[id] {
				if err := t.Remote.DeleteNote(ctx, note); err != nil {
					return transfer.Result{}, err
				}
			}
		}
		return transfer.Result{}, nil
	})
	return err
}

// notesByRun returns what a remote has of each run.
func notesByRun(ctx context.Context, r *remote.Remote) (map[string][]remote.Note, error) {
	all, err := r.Notes(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the runs of remote %s: %w", r.Name, err)
	}
	byRun := map[string][]remote.Note{}
	for _, note := range all {
		if runs.IsID(note.Run) {
			byRun[note.Run] = append(byRun[note.Run], note)
		}
	}
	for _, notes := range byRun {
		slices.SortFunc(notes, func(a, b remote.Note) int { return strings.Compare(a.ID.Hex(), b.ID.Hex()) })
	}
	return byRun, nil
}

func has(notes []remote.Note, kind string) bool {
	return slices.ContainsFunc(notes, func(note remote.Note) bool { return note.Kind == kind })
}

// readNotes returns those of some notes that can be read, with their texts. Others are
// damaged, or merged into one of somebody's just now.
func readNotes(ctx context.Context, r *remote.Remote, notes []remote.Note) (read []remote.Note, texts [][]byte) {
	for _, note := range notes {
		if text, err := r.ReadNote(ctx, note, runs.MaxLabel); err == nil {
			read, texts = append(read, note), append(texts, text)
		}
	}
	return read, texts
}
