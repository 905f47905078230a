package engine

import (
	"fmt"
	"strings"

	"flow/pkg/event"
)

// InterruptedError says where a run was when it was stopped.
type InterruptedError struct {
	Stages []string // that were running
	Done   int      // stages that had ended well
	Total  int      // stages that were selected
	Err    error    // the context's
}

// Error says what was running and what is kept.
func (e *InterruptedError) Error() string {
	where := ""
	if len(e.Stages) > 0 {
		where = " in stage " + strings.Join(e.Stages, ", ")
		if len(e.Stages) > 1 {
			where = " in stages " + strings.Join(e.Stages, ", ")
		}
	}
	return fmt.Sprintf("interrupted%s; %d of %d stages done and saved", where, e.Done, e.Total)
}

// Unwrap returns the context's error.
func (e *InterruptedError) Unwrap() error { return e.Err }

// interrupted tells where the run was.
func (r *run) interrupted(err error) error {
	told := &InterruptedError{Stages: r.cut, Err: err}
	for status, count := range r.counts {
		told.Total += count
		switch status {
		case event.Fresh, event.Ran, event.Restored, event.Updated:
			told.Done += count
		}
	}
	return told
}
