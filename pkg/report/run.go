package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"flow/pkg/chart"
	"flow/pkg/event"
	"flow/pkg/page"
	"flow/pkg/picture"
	"flow/pkg/runs"
	"flow/pkg/ui"
)

// ends is how a stage of a run is shown by what became of it.
var ends = map[event.Status]struct {
	role picture.Role
	sign string
}{
	event.Ran: {picture.Fresh, "✓"}, event.Restored: {picture.Get, "↺"}, event.Updated: {picture.Get, "+"}, event.Failed: {picture.Failed, "✗"},
	event.Skipped: {picture.May, "–"}, event.Fresh: {picture.Fresh, "·"},
}

// runPart tells of the run that left what the report is of: when each of its stages ran,
// and what that took.
func (r *Report) runPart() part {
	if r.Run == nil {
		return part{}
	}
	facts := r.runFacts()
	table, numbers := resources(r.Run)
	nodes := []page.Node{page.Element("p", nil, page.Text(facts))}
	if line := timeline(r.Run, time.Now()); len(line.Spans) > 0 {
		nodes = append(nodes, page.Class("figure", "card", page.Chart(line)))
	}
	md := plain(facts) + "\n"
	if len(table.Rows) > 0 {
		nodes = append(nodes, shortened(len(table.Rows), page.Table(table.Header, table.Rows, numbers...)))
		md += "\n" + table.Markdown()
	}
	return part{title: "Run", node: page.Join(nodes...), md: md}
}

// runFacts says in a sentence which run it was.
func (r *Report) runFacts() string {
	run := r.Run
	words := []string{fmt.Sprintf("%s (%s): %s", run.Name, run.ID, run.State)}
	if took := run.Took(time.Now()); took > 0 {
		words = append(words, "took "+ui.Duration(took))
	}
	words = append(words, "began "+run.Started.UTC().Format("2006-01-02 15:04 UTC"))
	if run.Git != nil && run.Git.Commit != "" {
		at := "at " + run.Git.Commit[:min(10, len(run.Git.Commit))]
		if run.Git.Dirty {
			at += " with changes"
		}
		words = append(words, at)
	}
	fresh := 0
	for i := range run.Stages {
		if run.Stages[i].Status == event.Fresh {
			fresh++
		}
	}
	if fresh > 0 {
		words = append(words, ui.Count(fresh, "stage")+" up to date")
	}
	return strings.Join(words, ", ")
}

// timeline shows when the stages of a run began and ended.
func timeline(run *runs.Run, now time.Time) *chart.Timeline {
	line := &chart.Timeline{Title: "When stages ran"}
	for i := range run.Stages {
		stage := &run.Stages[i]
		if stage.Started.IsZero() || stage.Status == event.Fresh || stage.Status == event.Skipped {
			continue
		}
		how, ended := ends[stage.Status], stage.Ended
		span := chart.Span{Name: stage.Name, Role: how.role, From: stage.Started.Sub(run.Started).Seconds(), Text: how.sign + " " + ui.Duration(stage.Took())}
		if ended.IsZero() && run.State == runs.Running {
			ended, span.Role, span.Dash = now, picture.Active, []float64{8, 3}
			span.Text = "▶ " + ui.Duration(now.Sub(stage.Started))
		}
		if ended.IsZero() {
			continue // the run was killed, and nobody knows when
		}
		span.To = ended.Sub(run.Started).Seconds()
		span.Tip = stage.Name + ": " + string(stage.Status) + "\n" + ui.Reasons(stage.Reasons)
		line.Spans = append(line.Spans, span)
	}
	return longestOf(line)
}

// drawn is how many stages a timeline shows.
const drawn = 40

// longestOf keeps the stages that took longest, in their order, where there are many.
func longestOf(line *chart.Timeline) *chart.Timeline {
	if len(line.Spans) <= drawn {
		return line
	}
	took := func(s chart.Span) float64 { return s.To - s.From }
	byLength := slices.Clone(line.Spans)
	slices.SortStableFunc(byLength, func(a, b chart.Span) int { return cmp.Compare(took(b), took(a)) })
	least := took(byLength[drawn-1])
	line.Title = fmt.Sprintf("When stages ran: the %d longest of %d", drawn, len(line.Spans))
	kept := line.Spans[:0]
	for _, span := range line.Spans {
		if took(span) >= least && len(kept) < drawn {
			kept = append(kept, span)
		}
	}
	line.Spans = kept
	return line
}

// resources is what the stages of a run took, and which columns are numbers.
func resources(run *runs.Run) (table ui.Table, numbers []int) {
	table.Header = []string{"Stage", "Status", "Took", "CPU", "Cores", "Memory", "Read", "Written", "Why"}
	for i := range run.Stages {
		stage := &run.Stages[i]
		if stage.Status == event.Fresh {
			continue
		}
		row := []string{stage.Name, strings.TrimSpace(ends[stage.Status].sign + " " + string(stage.Status)), ui.Duration(stage.Took()), "", "", "", "", "", ui.Reasons(stage.Reasons)}
		switch stage.Status {
		case event.Skipped:
			row[2], row[8] = "", "because of "+stage.Because
		case event.Failed:
			row[8] = stage.Error
		}
		if use := stage.Usage; use != nil {
			row[3], row[5] = ui.Duration(time.Duration(use.CPU*float64(time.Second))), ui.Bytes(use.MaxRSS)
			if use.Wall > 0 {
				row[4] = fmt.Sprintf("%.1f", use.CPU/use.Wall)
			}
			if use.Read >= 0 {
				row[6], row[7] = ui.Bytes(use.Read), ui.Bytes(use.Written)
			}
		}
		table.Rows = append(table.Rows, row)
	}
	return table, []int{2, 3, 4, 5, 6, 7}
}
