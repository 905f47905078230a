package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"flow/pkg/event"
	"flow/pkg/stages"
)

// longestBackoff bounds the pause before a retry, unless the stage asks for more.
const longestBackoff = 10 * time.Minute

// run makes attempts until one goes well or no retry is left. Before each the outs are
// as they were.
func (w *work) run(ctx context.Context, a *attempt) (*result, error) {
	w.tell(event.StageStarted{Time: time.Now(), Stage: w.step.Stage.Title(), Cmd: w.step.Stage.Cmd, Reasons: w.step.Reasons,
		Expected: w.e.expected(w.step.Stage)})
	effort := w.step.Stage.Effort
	if short := w.e.lacks(w.step.Stage); len(short) > 0 {
		return nil, short.Err()
	}
	for try := 0; ; try++ {
		if w.usage != nil {
			w.usage.Attempts++
		}
		r, err := w.attempt(ctx, a)
		failed := commandFailed(err)
		if failed == nil || effort.Retries == 0 {
			return r, err
		}
		if try == effort.Retries || ctx.Err() != nil {
			failed.Msg += fmt.Sprintf(", in attempt %d of %d", try+1, effort.Retries+1)
			return r, err
		}
		wait := backoff(effort.Backoff, try)
		w.tell(event.StageRetrying{Time: time.Now(), Stage: w.step.Stage.Title(), Attempt: try + 2, Of: effort.Retries + 1, Wait: wait, Err: failed})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
		a.outs = nil
	}
}

// commandFailed returns the failure of a command whose outs are back in place; any
// other failure is nil: trying again would not help, or not be safe.
func commandFailed(err error) *StageError {
	failed, is := err.(*StageError)
	if !is || failed.Outcome == nil {
		return nil
	}
	return failed
}

// backoff is the pause after so many tries beyond the first: doubled each time.
func backoff(first time.Duration, try int) time.Duration {
	wait := first
	for range try {
		if wait >= longestBackoff {
			return wait
		}
		wait = min(2*wait, max(first, longestBackoff))
	}
	return wait
}

// used adds what a script took.
func (w *work) used(outcome Outcome) {
	if w.usage == nil {
		w.usage = &event.Usage{Attempts: 1}
	}
	u := w.usage
	u.Wall, u.CPU = u.Wall+outcome.Wall, u.CPU+outcome.CPU
	u.MaxRSS = max(u.MaxRSS, outcome.MaxRSS)
	u.Read, u.Written = counted(u.Read, outcome.Read), counted(u.Written, outcome.Written)
	u.Code, u.Signal = outcome.Code, outcome.Signal
}

// counted adds bytes, if all of them were counted.
func counted(sum, more int64) int64 {
	if sum < 0 || more < 0 {
		return -1
	}
	return sum + more
}

// env is the environment that the stage's commands get over flow's own.
func (w *work) env() []string {
	env := append(w.e.stageEnv(w.step.Stage), w.grant.env(0)...)
	if w.e.RunID != "" {
		env = append(env, "FLOW_RUN="+w.e.RunID)
	}
	return env
}

// expected is how long a stage's commands are likely to take; 0 where nobody knows.
func (e *Engine) expected(stage *stages.Stage) time.Duration {
	if e.Expected == nil || stage.Source {
		return 0
	}
	return e.Expected(stage.Name)
}

// budget is the time that the scripts of one attempt share.
type budget struct{ ends time.Time }

func newBudget(timeout time.Duration) budget {
	if timeout == 0 {
		return budget{}
	}
	return budget{ends: time.Now().Add(timeout)}
}

// left is what the next script may take; 0 means that there is no bound.
func (b budget) left() time.Duration {
	if b.ends.IsZero() {
		return 0
	}
	return max(time.Until(b.ends), time.Nanosecond)
}

// briefly writes a time without the units that are zero: 2h, 1h30m.
func briefly(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
