package ui

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"flow/pkg/event"
)

// Text is a Sink that writes lines for people: what stages print goes where they
// printed it, what flow says goes to the second stream. Errors of the streams are
// kept and stop nothing.
type Text struct {
	Out, Err io.Writer
	Style    Style
	Quiet    bool // only what fails
	Verbose  bool // also what is up to date
	Names    bool // put the stage's name before each line that it prints
	Live     bool // Err is a terminal, on which a line may be written over

	meter meter
}

// Emit writes what the event has to say.
func (t *Text) Emit(e event.Event) {
	if moved, is := e.(event.Transfer); is {
		if t.Live && !t.Quiet {
			t.meter.show(t.Err, moved)
		}
		return
	}
	t.meter.clear(t.Err)
	switch e := e.(type) {
	case event.StagePlanned:
		t.planned(e)
	case event.StageStarted:
		t.started(e)
	case event.StageRetrying:
		t.retrying(e)
	case event.OutputLine:
		t.output(e)
	case event.StageFinished:
		t.finished(e)
	case event.Warning:
		t.warning(e)
	case event.RunFinished:
		t.summary(e)
	}
}

func (t *Text) say(format string, args ...any) {
	if !t.Quiet {
		fmt.Fprintf(t.Err, format+"\n", args...)
	}
}

var plannedWords = map[event.Status]string{
	event.WouldRun: "would run", event.MayRun: "may run", event.WouldGet: "would be restored", event.Fresh: "is up to date", event.Missing: "is missing", event.Updated: "would be recorded as it is",
	event.WouldSave: "would be saved, as its command had ended",
}

// planned is the answer of a dry run, so it goes to the first stream.
func (t *Text) planned(e event.StagePlanned) {
	if e.Status == event.Fresh && !t.Verbose || t.Quiet {
		return
	}
	fmt.Fprintf(t.Out, "%s %s%s%s\n", t.Style.Bold(e.Stage), plannedWords[e.Status], t.Style.Dim(About(e.Expected)), because(e.Reasons))
}

// About says how long something is likely to take, behind a space; "" where that is
// not known.
func About(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " (about " + Duration(d) + ")"
}

// Forecast says how long commands are likely to take.
func Forecast(f event.Forecast) string {
	text := "about " + Duration(f.Sum)
	if f.Chain < f.Sum {
		text += ", with -j not below " + Duration(f.Chain)
	}
	if f.Unknown > 0 {
		text += fmt.Sprintf(", and what %s", Count(f.Unknown, "stage")) + map[bool]string{true: " takes", false: " take"}[f.Unknown == 1] + " that never ran"
	}
	return text
}

func because(reasons []event.Reason) string {
	if len(reasons) == 0 {
		return ""
	}
	return ": " + Reasons(reasons)
}

// shownReasons is how many reasons a line holds before it counts the rest.
const shownReasons = 5

// Reasons writes reasons on one line.
func Reasons(reasons []event.Reason) string {
	var parts []string
	for i, reason := range reasons {
		if i == shownReasons && len(reasons) > shownReasons+1 {
			parts = append(parts, fmt.Sprintf("and %d more", len(reasons)-i))
			break
		}
		parts = append(parts, reason.String())
	}
	return strings.Join(parts, "; ")
}

func (t *Text) started(e event.StageStarted) {
	t.say("%s runs%s", t.Style.Bold(e.Stage), because(e.Reasons))
	for _, script := range e.Cmd {
		for _, line := range strings.Split(script, "\n") {
			t.say("%s", t.Style.Dim("> "+line))
		}
	}
}

func (t *Text) retrying(e event.StageRetrying) {
	t.say("%s %v", t.Style.Yellow("note:"), e.Err)
	t.say("%s is tried again in %s, attempt %d of %d", t.Style.Bold(e.Stage), Duration(e.Wait), e.Attempt, e.Of)
}

func (t *Text) output(e event.OutputLine) {
	if t.Quiet {
		return
	}
	to := t.Out
	if e.Stderr {
		to = t.Err
	}
	if t.Names {
		io.WriteString(to, t.Style.Cyan(e.Stage)+" | ")
	}
	io.WriteString(to, e.Text+"\n")
}

func (t *Text) finished(e event.StageFinished) {
	name := t.Style.Bold(e.Stage)
	switch e.Status {
	case event.Fresh:
		if t.Verbose {
			t.say("%s is up to date", name)
		}
	case event.Ran:
		what := ""
		if e.Detail != "" {
			what = " for " + e.Detail
		}
		t.say("%s %s%s in %s", name, t.Style.Green("ran"), what, Duration(e.Duration))
	case event.Restored:
		t.say("%s %s from %s%s", name, t.Style.Green("restored"), e.Detail, because(e.Reasons))
	case event.Updated:
		what := "saved to the cache"
		switch {
		case e.Source:
			what = "recorded"
		case e.Detail != "":
			what = "saved " + e.Detail
		}
		t.say("%s %s%s", name, t.Style.Green(what), because(e.Reasons))
	case event.Failed:
		if !isStopped(e.Err) {
			if t.Quiet {
				fmt.Fprint(t.Err, LastLines(e.Err))
			}
			fmt.Fprint(t.Err, Explain(e.Err, t.Style))
		}
	case event.Skipped:
		t.say("%s %s because of %s", name, t.Style.Yellow("skipped"), e.Because)
	}
}

// LastLines returns the end of what a stage that failed printed, where its error knows,
// for faces that have not shown it.
func LastLines(err error) string {
	var failed interface{ LastLines() []string }
	if !errors.As(err, &failed) {
		return ""
	}
	var b strings.Builder
	for _, line := range failed.LastLines() {
		b.WriteString("  | " + Clean(line, false) + "\n")
	}
	return b.String()
}

func (t *Text) warning(e event.Warning) {
	who := ""
	if e.Stage != "" && !strings.Contains(e.Text, e.Stage) {
		who = e.Stage + ": "
	}
	fmt.Fprintf(t.Err, "%s %s%s\n", t.Style.Yellow("note:"), who, e.Text)
	if e.Hint != "" {
		fmt.Fprintf(t.Err, "  %s\n", e.Hint)
	}
}

// summed is the order in which a summary counts.
var summed = []struct {
	status event.Status
	word   string
}{
	{event.Ran, "ran"}, {event.Restored, "restored"}, {event.Updated, "saved"}, {event.Fresh, "up to date"}, {event.Failed, "failed"}, {event.Skipped, "skipped"},
	{event.WouldRun, "would run"}, {event.WouldGet, "would be restored"}, {event.WouldSave, "would be saved"}, {event.MayRun, "may run"},
}

func (t *Text) summary(e event.RunFinished) {
	total, parts := 0, []string{}
	for _, s := range summed {
		if count := e.Counts[s.status]; count > 0 {
			total += count
			parts = append(parts, fmt.Sprintf("%d %s", count, s.word))
		}
	}
	if total == 0 {
		if e.Err == nil {
			t.say("no stages")
		}
		return
	}
	if !e.Dry {
		parts = append(parts, Duration(e.Duration))
	}
	t.say("%s: %s", Count(total, "stage"), strings.Join(parts, ", "))
	if e.Forecast != nil {
		t.say("%s", t.Style.Dim(Forecast(*e.Forecast)))
	}
	if e.Shortest > 0 {
		t.say("%s", t.Style.Dim("some of them don't wait for each other: with -j it could have taken "+Duration(e.Shortest)))
	}
}

// isStopped reports whether an error only says that a person stopped the run.
func isStopped(err error) bool { return errors.Is(err, errStopped) }

// Buffered returns a writer that gathers small writes; flush it before the process
// ends and before anything else writes to the same stream.
func Buffered(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 64<<10) }
