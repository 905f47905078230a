package runs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flow/pkg/event"
)

// StageRunning is the status of a stage that has started and not ended.
const StageRunning event.Status = "running"

// tracker turns events into a record and logs.
type tracker struct {
	h       *History
	run     *Run
	at      map[string]int // the stages of the run
	logs    map[string]*logWriter
	changed bool
	saved   time.Time
	logging bool // the folder of logs is there
}

func newTracker(h *History, run *Run) *tracker {
	return &tracker{h: h, run: run, at: map[string]int{}, logs: map[string]*logWriter{}}
}

// saveEvery is how long a record may lack what has happened.
const saveEvery = 2 * time.Second

// due reports whether the record shall be written now.
func (t *tracker) due() bool {
	if !t.changed || time.Since(t.saved) < saveEvery {
		return false
	}
	t.changed, t.saved = false, time.Now()
	return true
}

// chunk is the lines of one stage that are written at once.
type chunk struct {
	text  bytes.Buffer
	count int
}

// take records events; lost is how many lines are missing behind them.
func (t *tracker) take(events []event.Event, lost int) error {
	chunks := map[string]*chunk{}
	last := ""
	var problems []error
	for _, e := range events {
		switch e := e.(type) {
		case event.OutputLine:
			c := chunks[e.Stage]
			if c == nil {
				c = &chunk{}
				chunks[e.Stage] = c
			}
			c.text.WriteString(map[bool]string{false: "1 ", true: "2 "}[e.Stderr])
			c.text.WriteString(e.Text)
			c.text.WriteByte('\n')
			c.count++
			last = e.Stage
		case event.StageFinished:
			problems = append(problems, t.print(e.Stage, chunks[e.Stage]))
			delete(chunks, e.Stage)
			t.finished(e)
		default:
			t.note(e)
		}
	}
	if lost > 0 && last != "" && chunks[last] != nil {
		fmt.Fprintf(&chunks[last].text, "# %d lines are missing: they came faster than they could be written\n", lost)
	}
	for stage, c := range chunks {
		problems = append(problems, t.print(stage, c))
	}
	return errors.Join(problems...)
}

// print writes lines into a stage's log.
func (t *tracker) print(stage string, c *chunk) error {
	if c == nil {
		return nil
	}
	dir := t.h.Dir(t.run.ID) + "/logs"
	if !t.logging {
		if err := t.h.root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("keep logs: %w", err)
		}
		t.logging = true
	}
	if t.logs[stage] == nil {
		t.logs[stage] = newLogWriter(t.h.root, dir, stage)
	}
	return t.logs[stage].write(c.text.Bytes(), c.count)
}

// note records what an event says of the run.
func (t *tracker) note(e event.Event) {
	switch e := e.(type) {
	case event.RunStarted:
		t.run.Started = e.Time
	case event.StageStarted:
		t.changed = true
		stage := t.stage(e.Stage)
		stage.Status, stage.Reasons = StageRunning, e.Reasons
		if stage.Started.IsZero() {
			stage.Started = e.Time
		}
	case event.RunFinished:
		t.run.Ended, t.run.State = e.Time, OK
		if slices.ContainsFunc(t.run.Stages, func(stage Stage) bool { return stage.Status == event.Failed }) {
			t.run.State, t.run.Error = Failed, "stages failed, and the run went on" // as --ignore-errors asks for
		}
		if e.Err != nil {
			t.run.State, t.run.Error = Failed, e.Err.Error()
		}
		if errors.Is(e.Err, context.Canceled) {
			t.run.State = Interrupted
		}
	}
}

// stage returns the record of a stage, which is made at its first mention.
func (t *tracker) stage(name string) *Stage {
	i, found := t.at[name]
	if !found {
		i = len(t.run.Stages)
		t.at[name] = i
		t.run.Stages = append(t.run.Stages, Stage{Name: name})
	}
	return &t.run.Stages[i]
}

func (t *tracker) finished(e event.StageFinished) {
	t.changed = true
	stage := t.stage(e.Stage)
	stage.Status, stage.Source, stage.Reasons, stage.Action = e.Status, e.Source, e.Reasons, e.Action
	stage.Ended, stage.Because = e.Time, e.Because+e.Detail
	if stage.Started.IsZero() {
		stage.Started = e.Time.Add(-e.Duration)
	}
	if e.Err != nil {
		stage.Error = e.Err.Error()
	}
	if u := e.Usage; u != nil {
		stage.Usage = &Usage{Wall: u.Wall.Seconds(), CPU: u.CPU.Seconds(), MaxRSS: u.MaxRSS, Read: u.Read, Written: u.Written,
			Attempts: u.Attempts, Code: u.Code, Signal: u.Signal}
	}
	for _, out := range e.Outs {
		stage.Outs = append(stage.Outs, Out{Path: out.Path, Content: out.Content})
	}
	if log := t.logs[e.Stage]; log != nil {
		_ = log.close() // what was written is written
		stage.Log = &log.told
	}
}

// close closes the logs of stages that did not end.
func (t *tracker) close() error {
	var problems []error
	for _, log := range t.logs {
		problems = append(problems, log.close())
	}
	return errors.Join(problems...)
}
