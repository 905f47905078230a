package ui

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"flow/pkg/diag"
	"flow/pkg/event"
)

// JSON is a Sink that writes one object a line, for machines: docs/formats.md says
// what is in them.
type JSON struct{ Out io.Writer }

// line is the union of all events' fields.
type line struct {
	Event    string               `json:"event"`
	Time     *time.Time           `json:"time,omitempty"`
	Stage    string               `json:"stage,omitempty"`
	Status   event.Status         `json:"status,omitempty"`
	Source   bool                 `json:"source,omitempty"`
	Stages   *int                 `json:"stages,omitempty"`
	Dry      bool                 `json:"dry,omitempty"`
	Cmd      []string             `json:"cmd,omitempty"`
	Reasons  []event.Reason       `json:"reasons,omitempty"`
	Stream   string               `json:"stream,omitempty"`
	Text     *string              `json:"text,omitempty"`
	Hint     string               `json:"hint,omitempty"`
	Seconds  *float64             `json:"seconds,omitempty"`
	Outs     []out                `json:"outs,omitempty"`
	Because  string               `json:"because,omitempty"`
	Detail   string               `json:"detail,omitempty"`
	Counts   map[event.Status]int `json:"counts,omitempty"`
	Error    string               `json:"error,omitempty"`
	Problems []Problem            `json:"problems,omitempty"`
}

type out struct {
	Path string `json:"path"`
	Hash string `json:"hash"`
	Size int64  `json:"size"`
}

// Problem is a mistake as JSON tells it.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Col     int    `json:"col,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Problems lists what an error holds.
func Problems(err error) []Problem {
	var problems []Problem
	for _, one := range flatten(err) {
		problem := Problem{Message: one.Error()}
		var mistake *diag.Error
		if errors.As(one, &mistake) {
			problem = Problem{File: mistake.Pos.File, Line: mistake.Pos.Line, Col: mistake.Pos.Col, Message: mistake.Msg, Hint: mistake.Hint}
		}
		var told explainer
		if errors.As(one, &told) {
			_, problem.Hint = told.Explain()
			problem.Message = told.Error()
		}
		problems = append(problems, problem)
	}
	return problems
}

// Emit writes the event.
func (j *JSON) Emit(e event.Event) {
	var l line
	switch e := e.(type) {
	case event.RunStarted:
		l = line{Event: "run_started", Time: &e.Time, Stages: &e.Stages, Dry: e.Dry}
	case event.StagePlanned:
		l = line{Event: "stage_planned", Stage: e.Stage, Status: e.Status, Reasons: e.Reasons}
	case event.StageStarted:
		l = line{Event: "stage_started", Time: &e.Time, Stage: e.Stage, Cmd: e.Cmd, Reasons: e.Reasons}
	case event.OutputLine:
		l = line{Event: "output", Stage: e.Stage, Stream: "stdout", Text: &e.Text}
		if e.Stderr {
			l.Stream = "stderr"
		}
	case event.StageFinished:
		l = finishedLine(e)
	case event.Warning:
		l = line{Event: "warning", Stage: e.Stage, Text: &e.Text, Hint: e.Hint}
	case event.RunFinished:
		seconds := e.Duration.Seconds()
		l = line{Event: "run_finished", Time: &e.Time, Seconds: &seconds, Counts: e.Counts, Dry: e.Dry}
		if e.Err != nil {
			l.Error, l.Problems = e.Err.Error(), Problems(e.Err)
		}
	}
	WriteJSONLine(j.Out, l)
}

func finishedLine(e event.StageFinished) line {
	seconds := e.Duration.Seconds()
	l := line{Event: "stage_finished", Time: &e.Time, Stage: e.Stage, Status: e.Status, Source: e.Source, Seconds: &seconds,
		Reasons: e.Reasons, Because: e.Because, Detail: e.Detail}
	for _, o := range e.Outs {
		l.Outs = append(l.Outs, out{Path: o.Path, Hash: o.Content.ID.String(), Size: o.Content.Size})
	}
	if e.Err != nil {
		l.Error, l.Problems = e.Err.Error(), Problems(e.Err)
	}
	return l
}

// WriteJSONLine writes a value as JSON on one line.
func WriteJSONLine(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// WriteJSON writes a value as JSON for a person to read too.
func WriteJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
