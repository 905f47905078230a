// Package event is the stream of what happens during a run.
//
// The engine emits; faces (text, terminal, JSON), the recorder of runs and tests
// listen. One goroutine emits, in order; a Sink must not block.
package event

import (
	"time"

	"flow/pkg/digest"
)

// Event is one thing that happened. The set is sealed: the types of this package.
type Event interface{ event() }

// Sink receives events from one goroutine, in order, and must not block.
type Sink interface{ Emit(Event) }

// Status is how a stage ended.
type Status string

// The ways a stage can end.
const (
	Fresh     Status = "fresh"    // nothing had changed
	Ran       Status = "ran"      // its command ran and its outs were saved
	Restored  Status = "restored" // its outs came from the cache without running
	Updated   Status = "updated"  // what was there was recorded without running
	Failed    Status = "failed"   // its command failed, or its result could not be kept
	Skipped   Status = "skipped"  // something above it failed, or the run was stopped
	WouldRun  Status = "would-run"
	MayRun    Status = "may-run" // runs if what is above it comes out changed
	WouldGet  Status = "would-restore"
	WouldSave Status = "would-save" // its command had ended, and what it made only has to be saved
	Missing   Status = "missing"    // a data source that is nowhere to be had
)

// Kind says what sort of difference a Reason tells of.
type Kind string

// The kinds of reason.
const (
	NeverRun      Kind = "never run"
	CmdChanged    Kind = "cmd changed"
	WdirChanged   Kind = "wdir changed"
	ShellChanged  Kind = "shell changed"
	EnvChanged    Kind = "env changed"
	DepAdded      Kind = "dep added"
	DepRemoved    Kind = "dep removed"
	DepChanged    Kind = "dep changed"
	DepMissing    Kind = "dep missing"
	ParamAdded    Kind = "param added"
	ParamRemoved  Kind = "param removed"
	ParamChanged  Kind = "param changed"
	ParamMissing  Kind = "param missing"
	OutAdded      Kind = "out added"
	OutRemoved    Kind = "out removed"
	OutChanged    Kind = "out changed"
	OutMissing    Kind = "out missing"
	NotCached     Kind = "not in cache"
	AlwaysChanged Kind = "always changed"
	Forced        Kind = "forced"
	Upstream      Kind = "upstream"       // a stage above will run, or did
	SourceChanged Kind = "source changed" // a data source differs from the lock
)

// Reason is one difference between what is wanted, what was and what is.
type Reason struct {
	Kind    Kind   `json:"kind"`
	Subject string `json:"subject,omitempty"` // a path, a param as file:key, an env name, a stage
	Was     string `json:"was,omitempty"`
	Is      string `json:"is,omitempty"`
	Detail  string `json:"detail,omitempty"` // "3 of 120 files"
}

// RunStarted tells that the plan is made and the run begins. Only warnings come before
// it. A run that can't begin has none.
type RunStarted struct {
	Time   time.Time
	Run    string // the run's id, under which its history is kept; "" when it is not
	Stages int    // how many stages and data sources were selected; as many will finish
	Dry    bool   // nothing will be done
}

// StagePlanned tells of a stage what the plan says of it.
type StagePlanned struct {
	Stage    string
	Status   Status
	Reasons  []Reason
	Expected time.Duration // how long its commands are likely to take; 0: unknown
}

// StageStarted tells that a stage's command starts.
type StageStarted struct {
	Time     time.Time
	Stage    string
	Cmd      []string
	Reasons  []Reason
	Expected time.Duration // how long it took last time; 0: unknown
}

// StageRetrying tells that a stage's command failed and will be tried again. The
// stage's outs are as they were before.
type StageRetrying struct {
	Time    time.Time
	Stage   string
	Attempt int           // the next one; the first is 1
	Of      int           // how many there may be
	Wait    time.Duration // before it starts
	Err     error         // what went wrong
}

// OutputLine is one line that a stage's command printed.
type OutputLine struct {
	Stage  string
	Stderr bool
	Text   string // without its newline
}

// StageFinished tells how a stage ended.
type StageFinished struct {
	Time     time.Time
	Stage    string
	Status   Status
	Source   bool // it is a data source, not a stage with a command
	Duration time.Duration
	Reasons  []Reason
	Outs     []Out
	Err      error
	Because  string // for Skipped: the stage that failed
	Detail   string // for Restored: where from; for Updated: what was recorded
	Usage    *Usage // what its command took; nil when none ran
	Action   string // the run cache's key of what it read; "" where nothing was to be done
}

// Usage is what the commands of a stage took, over all its scripts and attempts.
type Usage struct {
	Wall, CPU     time.Duration
	MaxRSS        int64  // bytes, of the largest single process
	Read, Written int64  // bytes from and to disks; -1 where nobody counts them
	Attempts      int    // 1, and one for each retry
	Code          int    // the exit code of the last script
	Signal        string // that ended it, or ""
}

// Out is an out that a stage left.
type Out struct {
	Path    string
	Content digest.Content
}

// Warning is something a person should know that stops nothing.
type Warning struct {
	Stage string // may be ""
	Text  string
	Hint  string
}

// Transfer tells how far moving data to or from a remote has come. The last one of a
// transfer has Ended set.
type Transfer struct {
	Time          time.Time
	Verb          string // what is done: "push", "fetch"
	Remote        string
	Objects, Of   int   // how many are done, of how many
	Bytes, OfSize int64 // the same
	Ended         bool
}

// Forecast is how long commands that are yet to run are likely to take.
type Forecast struct {
	Sum     time.Duration // one stage after the other
	Chain   time.Duration // along the longest chain: no number of jobs makes it shorter
	Unknown int           // stages of which it is not known; they are counted as nothing
}

// RunFinished is the last event of a run.
type RunFinished struct {
	Time     time.Time
	Duration time.Duration
	Counts   map[Status]int // stages with a command only
	Dry      bool
	Shortest time.Duration // what it could have taken with stages side by side; 0 when hardly less
	Forecast *Forecast     // of a dry run; nil when nothing is known
	Err      error
}

func (RunStarted) event()    {}
func (StagePlanned) event()  {}
func (StageStarted) event()  {}
func (StageRetrying) event() {}
func (OutputLine) event()    {}
func (StageFinished) event() {}
func (Warning) event()       {}
func (Transfer) event()      {}
func (RunFinished) event()   {}

// Log is a Sink that keeps every event, for tests.
type Log []Event

// Emit appends the event.
func (l *Log) Emit(e Event) { *l = append(*l, e) }

// Discard is a Sink that drops every event.
var Discard Sink = discard{}

type discard struct{}

func (discard) Emit(Event) {}

// Tee returns a Sink that hands each event to several, in order.
func Tee(sinks ...Sink) Sink { return tee(sinks) }

type tee []Sink

func (t tee) Emit(e Event) {
	for _, sink := range t {
		sink.Emit(e)
	}
}
