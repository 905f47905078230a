// Package runs is the history of runs: what each one ran from, did and left.
//
// A run is a folder below .flow/runs, named by its id:
//
//	<id>/run.json         the record (see Run); written at the start and whole at the end
//	<id>/label.json       tags and notes that people gave it, and when (see label.go)
//	<id>/from.json        the remote that it came from, and its logs there; none for a run that was made here
//	<id>/lock             held by the process that runs; so a run that is no longer held and has not ended was killed
//	<id>/logs/<key>       what a stage printed (see log.go), with <key>.1, <key>.2 … where it goes on
//	times                 how long stages took lately
//	index                 the records of ended runs once more, to be read fast (see index.go)
//	removed               the ids of runs that a person removed
//	guard                 held while times are written and old runs removed
//
// The record never changes after its end, so that it can be copied anywhere.
package runs

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"flow/pkg/digest"
	"flow/pkg/event"
)

// State says how far a run has come.
type State string

// The states of a run.
const (
	Running     State = "running"
	OK          State = "ok"
	Failed      State = "failed"
	Interrupted State = "interrupted" // a person stopped it
	Lost        State = "lost"        // it was killed: nobody wrote its end
	Saved       State = "saved"       // it ran nothing: it keeps the workspace as it was before another run was applied
)

// Run is one run.
type Run struct {
	ID      string    `json:"id"` // sorts by time: 20261126-190501-4f2a, in UTC
	Name    string    `json:"name"`
	State   State     `json:"state"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Error   string    `json:"error,omitempty"`
	Origin
	Git    *Git    `json:"git,omitempty"`    // nil where there is no git
	Stages []Stage `json:"stages,omitempty"` // in the order in which they ended
	Params Values  `json:"params,omitempty"`
	// Metrics holds those that the run left, without those of stages that failed.
	Metrics Values `json:"metrics,omitempty"`
	Kept
	Label `json:"-"`
	// From tells where the run came from; nil for one that was made here.
	From *From `json:"-"`
}

// Origin is who started a run, where, and with which words.
type Origin struct {
	User     string   `json:"user,omitempty"`
	Host     string   `json:"host,omitempty"`
	PID      int      `json:"pid,omitempty"`
	Targets  []string `json:"targets,omitempty"`
	Settings []string `json:"set,omitempty"` // values that params had instead of those in their files: key=value
}

// Who names the person and the machine: "ada@lab".
func (o Origin) Who() string { return strings.Trim(o.User+"@"+o.Host, "@") }

// Git is what git said when the run began.
type Git struct {
	Commit string `json:"commit,omitempty"` // "" before the first commit
	Branch string `json:"branch,omitempty"` // "" when none is checked out
	Dirty  bool   `json:"dirty"`            // something differed from the commit
}

// Kept names what is in the cache for the run to be had back.
type Kept struct {
	Lock     digest.ID `json:"lock,omitzero"`     // the text of pipeline.lock as the run left it; zero: there was none
	Snapshot digest.ID `json:"snapshot,omitzero"` // the tree of code and config that it ran from
	Left     []Left    `json:"left_out,omitempty"`
	// Held is what outs and data sources held, where that is not what the lock says.
	Held []Out `json:"held,omitempty"`
}

// Left is a file that is in no snapshot.
type Left struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	Why  string `json:"why"`
}

// Stage is what became of one stage.
type Stage struct {
	Name    string         `json:"name"`
	Source  bool           `json:"source,omitempty"` // a data source
	Status  event.Status   `json:"status"`
	Started time.Time      `json:"started,omitzero"`
	Ended   time.Time      `json:"ended,omitzero"` // zero: it was running when the record was written
	Reasons []event.Reason `json:"reasons,omitempty"`
	Because string         `json:"because,omitempty"` // skipped: the stage that failed; restored: where from
	Action  string         `json:"action,omitempty"`  // the run cache's key
	Usage   *Usage         `json:"usage,omitempty"`
	Error   string         `json:"error,omitempty"`
	Log     *Log           `json:"log,omitempty"`
	Outs    []Out          `json:"outs,omitempty"`
}

// Took returns how long a stage took, its commands if they were measured.
func (s *Stage) Took() time.Duration {
	if s.Usage != nil && s.Usage.Wall > 0 {
		return time.Duration(s.Usage.Wall * float64(time.Second))
	}
	if s.Started.IsZero() || s.Ended.IsZero() {
		return 0
	}
	return s.Ended.Sub(s.Started)
}

// Usage is what the commands of a stage took; times are in seconds, sizes in bytes.
type Usage struct {
	Wall     float64 `json:"wall"`
	CPU      float64 `json:"cpu"`
	MaxRSS   int64   `json:"max_rss"`
	Read     int64   `json:"read"` // -1: nobody counted
	Written  int64   `json:"written"`
	Attempts int     `json:"attempts"`
	Code     int     `json:"code"`
	Signal   string  `json:"signal,omitempty"`
}

// Log tells of a stage's log.
type Log struct {
	Key   string `json:"key"`   // the name of its file
	Lines int64  `json:"lines"` // that the stage printed
	Bytes int64  `json:"bytes"`
	Cut   int64  `json:"cut,omitempty"` // bytes that are left out of the middle
}

// Out is a path with what it held.
type Out struct {
	Path string
	digest.Content
}

type outJSON struct {
	Path  string    `json:"path"`
	Hash  digest.ID `json:"hash,omitzero"`
	Mode  string    `json:"mode"`
	Size  int64     `json:"size"`
	Files int       `json:"nfiles,omitempty"`
}

// MarshalJSON writes the content as the lock does.
func (o Out) MarshalJSON() ([]byte, error) {
	return json.Marshal(outJSON{Path: o.Path, Hash: o.ID, Mode: o.Mode.String(), Size: o.Size, Files: o.Files})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Out) UnmarshalJSON(text []byte) error {
	var told outJSON
	if err := json.Unmarshal(text, &told); err != nil {
		return err
	}
	mode, err := digest.ParseMode(told.Mode)
	if err != nil {
		return fmt.Errorf("out %q: %w", told.Path, err)
	}
	*o = Out{Path: told.Path, Content: digest.Content{ID: told.Hash, Mode: mode, Size: told.Size, Files: told.Files}}
	return nil
}

// Stage returns what became of a stage.
func (r *Run) Stage(name string) (*Stage, bool) {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			return &r.Stages[i], true
		}
	}
	return nil, false
}

// Took returns how long a run took; of one that runs, how long it has been running.
func (r *Run) Took(now time.Time) time.Duration {
	switch {
	case !r.Ended.IsZero():
		return r.Ended.Sub(r.Started)
	case r.State == Running:
		return now.Sub(r.Started)
	}
	return 0
}

// Tagged reports whether a run has a tag.
func (r *Run) Tagged(tag string) bool {
	for _, has := range r.Tags {
		if has == tag {
			return true
		}
	}
	return false
}

// FileChange is a file that two runs don't have alike.
type FileChange struct {
	Path  string `json:"path"`
	State string `json:"state"` // added, modified, deleted
}
