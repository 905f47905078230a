package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/event"
)

// JSON is a Sink that writes one object a line, for machines: docs/events.md and
// event.Schema say what is in them.
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
	Shortest float64              `json:"shortest_seconds,omitempty"`
	Forecast *forecast            `json:"forecast,omitempty"`
	Expected float64              `json:"expected_seconds,omitempty"`
	Attempt  int                  `json:"attempt,omitempty"`
	Of       int                  `json:"of,omitempty"`
	Wait     *float64             `json:"wait_seconds,omitempty"`
	Usage    *usage               `json:"usage,omitempty"`
	Run      string               `json:"run,omitempty"`
	Outs     []out                `json:"outs,omitempty"`
	Because  string               `json:"because,omitempty"`
	Detail   string               `json:"detail,omitempty"`
	Counts   map[event.Status]int `json:"counts,omitempty"`
	*transfer
	Stopped  bool      `json:"stopped,omitempty"`
	Error    string    `json:"error,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
}

type transfer struct {
	Verb    string `json:"verb"`
	Remote  string `json:"remote"`
	Objects int    `json:"objects"`
	Of      int    `json:"of_objects"`
	Bytes   int64  `json:"bytes"`
	OfSize  int64  `json:"of_bytes"`
	Ended   bool   `json:"ended,omitempty"`
}

// usage is what the commands of a stage took.
type usage struct {
	Wall     float64 `json:"wall_seconds"`
	CPU      float64 `json:"cpu_seconds"`
	MaxRSS   int64   `json:"max_rss"`
	Read     *int64  `json:"read,omitempty"`
	Written  *int64  `json:"written,omitempty"`
	Attempts int     `json:"attempts"`
	Code     int     `json:"code"`
	Signal   string  `json:"signal,omitempty"`
}

func usageOf(u *event.Usage) *usage {
	if u == nil {
		return nil
	}
	told := &usage{Wall: u.Wall.Seconds(), CPU: u.CPU.Seconds(), MaxRSS: u.MaxRSS, Attempts: u.Attempts, Code: u.Code, Signal: u.Signal}
	if u.Read >= 0 {
		told.Read = &u.Read
	}
	if u.Written >= 0 {
		told.Written = &u.Written
	}
	return told
}

type forecast struct {
	Seconds float64 `json:"seconds"`
	Chain   float64 `json:"chain_seconds"`
	Unknown int     `json:"unknown,omitempty"`
}

func forecastOf(f *event.Forecast) *forecast {
	if f == nil {
		return nil
	}
	return &forecast{Seconds: f.Sum.Seconds(), Chain: f.Chain.Seconds(), Unknown: f.Unknown}
}

type out struct {
	Path  string `json:"path"`
	Mode  string `json:"mode"`
	Hash  string `json:"hash"`
	Size  int64  `json:"size"`
	Files *int   `json:"nfiles,omitempty"` // of a dir
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
		problems = append(problems, problemOf(one))
	}
	return problems
}

func problemOf(err error) Problem {
	problem := Problem{Message: err.Error()}
	var mistake *diag.Error
	if errors.As(err, &mistake) {
		problem = Problem{File: mistake.Pos.File, Line: mistake.Pos.Line, Col: mistake.Pos.Col, Message: mistake.Msg, Hint: mistake.Hint}
	}
	var told explainer
	if errors.As(err, &told) {
		_, problem.Hint = told.Explain()
		problem.Message = told.Error()
	}
	return problem
}

// Emit writes the event.
func (j *JSON) Emit(e event.Event) { WriteJSONLine(j.Out, lineOf(e)) }

func lineOf(e event.Event) line {
	switch e := e.(type) {
	case event.RunStarted:
		return line{Event: "run_started", Time: &e.Time, Run: e.Run, Stages: &e.Stages, Dry: e.Dry}
	case event.StagePlanned:
		return line{Event: "stage_planned", Stage: e.Stage, Status: e.Status, Reasons: e.Reasons, Expected: e.Expected.Seconds()}
	case event.StageStarted:
		return line{Event: "stage_started", Time: &e.Time, Stage: e.Stage, Cmd: e.Cmd, Reasons: e.Reasons, Expected: e.Expected.Seconds()}
	case event.StageRetrying:
		wait := e.Wait.Seconds()
		return line{Event: "stage_retrying", Time: &e.Time, Stage: e.Stage, Attempt: e.Attempt, Of: e.Of, Wait: &wait}.with(e.Err)
	case event.OutputLine:
		return line{Event: "output", Stage: e.Stage, Stream: streams[e.Stderr], Text: &e.Text}
	case event.StageFinished:
		return finishedLine(e)
	case event.Warning:
		return line{Event: "warning", Stage: e.Stage, Text: &e.Text, Hint: e.Hint}
	case event.Transfer:
		return line{Event: "transfer", Time: &e.Time, transfer: &transfer{e.Verb, e.Remote, e.Objects, e.Of, e.Bytes, e.OfSize, e.Ended}}
	case event.RunFinished:
		seconds := e.Duration.Seconds()
		return line{Event: "run_finished", Time: &e.Time, Seconds: &seconds, Counts: e.Counts, Dry: e.Dry, Shortest: e.Shortest.Seconds(), Forecast: forecastOf(e.Forecast)}.with(e.Err)
	}
	panic(fmt.Sprintf("no JSON for %T", e))
}

var streams = map[bool]string{false: "stdout", true: "stderr"}

func finishedLine(e event.StageFinished) line {
	seconds := e.Duration.Seconds()
	l := line{Event: "stage_finished", Time: &e.Time, Stage: e.Stage, Status: e.Status, Source: e.Source, Seconds: &seconds,
		Reasons: e.Reasons, Because: e.Because, Detail: e.Detail, Usage: usageOf(e.Usage)}
	for _, o := range e.Outs {
		told := out{Path: o.Path, Mode: o.Content.Mode.String(), Hash: o.Content.ID.String(), Size: o.Content.Size}
		if o.Content.Mode == digest.Dir {
			told.Files = &o.Content.Files
		}
		l.Outs = append(l.Outs, told)
	}
	return l.with(e.Err)
}

// with adds what went wrong. That a person stopped the run is no problem.
func (l line) with(err error) line {
	if err == nil {
		return l
	}
	var texts []string
	for _, one := range flatten(err) {
		if isStopped(one) {
			l.Stopped = true
			continue
		}
		l.Problems = append(l.Problems, problemOf(one))
		texts = append(texts, one.Error())
	}
	l.Error = strings.Join(texts, "\n")
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
