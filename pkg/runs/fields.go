package runs

import (
	"strconv"
	"strings"
	"time"

	"flow/pkg/document"
	"flow/pkg/event"
	"flow/pkg/values"
)

// Fields returns what can be asked of a run, by key: its Facts, and params.KEY, metrics.KEY
// and stages.NAME.KEY.
func (r *Run) Fields(now time.Time) []values.Leaf {
	f := fields(r.Facts(now))
	f.all("params.", r.Params.Flat())
	f.all("metrics.", r.Metrics.Flat())
	for i := range r.Stages {
		f.stage(&r.Stages[i])
	}
	return f
}

// Facts returns what can be asked of every run, by key: id, name, state, … Times are
// seconds.
func (r *Run) Facts(now time.Time) []values.Leaf {
	f := make(fields, 0, 24)
	f.text("id", r.ID)
	f.text("name", r.Name)
	f.text("state", string(r.State))
	f.text("started", r.Started.Local().Format(time.DateTime))
	if !r.Ended.IsZero() {
		f.text("ended", r.Ended.Local().Format(time.DateTime))
	}
	f.number("took", r.Took(now).Seconds())
	by, remote := "", ""
	if r.From != nil {
		by, remote = r.Who(), r.From.Remote
	}
	f.text("by", by)
	f.text("remote", remote)
	f.text("user", r.User)
	f.text("host", r.Host)
	if r.Git != nil {
		f.text("commit", r.Git.Commit)
		f.text("branch", r.Git.Branch)
		f.truth("dirty", r.Git.Dirty)
	}
	f.text("tags", strings.Join(r.Tags, " "))
	f.text("note", r.Note)
	f.text("error", r.Error)
	f.text("did", r.Did())
	f.text("targets", strings.Join(r.Targets, " "))
	return f
}

type fields []values.Leaf

func (f *fields) add(key string, value values.Value) {
	*f = append(*f, values.Leaf{Key: key, Value: value})
}

func (f *fields) text(key, text string) {
	f.add(key, values.Value{Kind: document.String, Text: text})
}

func (f *fields) truth(key string, yes bool) {
	f.add(key, values.Value{Kind: document.Bool, Text: strconv.FormatBool(yes)})
}

func (f *fields) number(key string, x float64) {
	value, err := values.ParseJSONText(strconv.FormatFloat(x, 'f', -1, 64))
	if err == nil {
		f.add(key, value)
	}
}

func (f *fields) all(prefix string, leaves []values.Leaf) {
	for _, leaf := range leaves {
		f.add(prefix+leaf.Key, leaf.Value)
	}
}

func (f *fields) stage(s *Stage) {
	prefix := "stages." + s.Name + "."
	f.text(prefix+"status", string(s.Status))
	f.number(prefix+"took", s.Took().Seconds())
	if s.Usage != nil {
		f.number(prefix+"cpu", s.Usage.CPU)
		f.number(prefix+"memory", float64(s.Usage.MaxRSS))
	}
}

// done is the order in which a run's stages are counted.
var done = []struct {
	status event.Status
	word   string
}{
	{event.Ran, "ran"}, {event.Restored, "restored"}, {event.Updated, "saved"}, {event.Failed, "failed"}, {event.Skipped, "skipped"},
	{StageRunning, "running"}, {event.Fresh, "up to date"},
}

// Did counts what a run's stages did: "2 ran, 1 failed".
func (r *Run) Did() string {
	counts := map[event.Status]int{}
	for i := range r.Stages {
		if !r.Stages[i].Source {
			counts[r.Stages[i].Status]++
		}
	}
	var parts []string
	for _, one := range done {
		if n := counts[one.status]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+one.word)
		}
	}
	return strings.Join(parts, ", ")
}
