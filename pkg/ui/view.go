package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flow/pkg/event"
)

// View is what is to be said of a run at one moment, on the lines of a terminal that are
// written over: which stages run, since when and what they printed last, and how many
// are left. It is a value: After makes the next one, Lines draws it.
type View struct {
	total   int // stages and data sources that were selected
	ended   int
	failed  int
	running []runningStage // in the order in which they started
	moved   event.Transfer // the last that was told; its Of is 0 when none is under way
	began   time.Time      // when that transfer was told first
}

type runningStage struct {
	name     string
	since    time.Time
	expected time.Duration // 0: unknown
	last     string        // the last line that it printed
	retry    string        // what it waits for before the next attempt
}

// Screen is where a View is drawn, and when.
type Screen struct {
	Width, Height int
	Now           time.Time
	Style         Style
}

// After returns the view after an event.
func (v View) After(e event.Event) View {
	switch e := e.(type) {
	case event.RunStarted:
		if !e.Dry {
			v.total = e.Stages
		}
	case event.StageStarted:
		v.running = append(slices.Clone(v.running), runningStage{name: e.Stage, since: e.Time, expected: e.Expected})
	case event.StageRetrying:
		v.running = v.changed(e.Stage, func(r *runningStage) {
			r.retry = fmt.Sprintf("waits %s for attempt %d of %d", Duration(e.Wait), e.Attempt, e.Of)
		})
	case event.OutputLine:
		if line := strings.TrimSpace(Clean(e.Text, false)); line != "" {
			v.running = v.changed(e.Stage, func(r *runningStage) { r.last, r.retry = line, "" })
		}
	case event.StageFinished:
		v.ended++
		if e.Status == event.Failed {
			v.failed++
		}
		v.running = slices.DeleteFunc(slices.Clone(v.running), func(r runningStage) bool { return r.name == e.Stage })
	case event.Transfer:
		if v.moved.Of == 0 || v.moved.Verb != e.Verb || v.moved.Remote != e.Remote {
			v.began = e.Time
		}
		v.moved = e
		if e.Ended {
			v.moved = event.Transfer{}
		}
	case event.RunFinished:
		return View{}
	}
	return v
}

// changed returns the running stages with one of them changed.
func (v View) changed(name string, change func(*runningStage)) []runningStage {
	running := slices.Clone(v.running)
	for i := range running {
		if running[i].name == name {
			change(&running[i])
		}
	}
	return running
}

// narrow is below how many columns a stage's line leaves out how long it took before.
const narrow = 60

// Lines draws the view: a line for each stage that runs, as far as there is room, and
// one that counts; before them how far data has come. None is as wide as the screen, or
// the terminal would wrap it.
func (v View) Lines(s Screen) []string {
	if s.Width < 10 || s.Height < 4 {
		return nil
	}
	var lines []string
	if v.moved.Of > 0 {
		lines = append(lines, s.Style.Dim(Cut(moved(v.moved, v.moved.Time.Sub(v.began)), s.Width-1)))
	}
	if len(v.running) == 0 {
		return lines
	}
	shown := v.running[:min(len(v.running), max(1, s.Height/2-2))]
	names, times := 0, 0
	for _, r := range shown {
		names = max(names, TextWidth(r.name))
		times = max(times, TextWidth(r.time(s)))
	}
	names = min(names, s.Width/3)
	for _, r := range shown {
		lines = append(lines, r.line(s, names, times))
	}
	if more := len(v.running) - len(shown); more > 0 {
		lines = append(lines, Cut(fmt.Sprintf("and %s more", Count(more, "stage")), s.Width-1))
	}
	return append(lines, v.count(s))
}

func (r runningStage) line(s Screen, names, times int) string {
	name, clock := Cut(r.name, names), r.time(s)
	said := r.last
	if r.retry != "" {
		said = r.retry
	}
	room := s.Width - 1 - names - 2 - times - 2
	line := s.Style.Bold(name) + pad(name, names) + "  " + s.Style.Cyan(clock)
	if said = Cut(said, room); room < 1 || said == "" {
		return line
	}
	return line + pad(clock, times) + "  " + s.Style.Dim(said)
}

// time says for how long a stage has been running, and how long it took last time.
func (r runningStage) time(s Screen) string {
	text := clock(s.Now.Sub(r.since))
	if r.expected > 0 && s.Width >= narrow {
		text += " of ~" + clock(r.expected)
	}
	return text
}

// count says how many stages are done, and how many wait.
func (v View) count(s Screen) string {
	parts := []string{fmt.Sprintf("%d of %d done", v.ended, v.total), fmt.Sprintf("%d running", len(v.running))}
	if waiting := v.total - v.ended - len(v.running); waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d to go", waiting))
	}
	if v.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", v.failed))
	}
	return s.Style.Dim(Cut(strings.Join(parts, ", "), s.Width-1))
}

// clock writes a time in whole seconds, so that it changes once a second.
func clock(d time.Duration) string {
	if d < time.Second {
		return "0s"
	}
	return Duration(d.Truncate(time.Second))
}

func pad(text string, columns int) string {
	return strings.Repeat(" ", max(0, columns-TextWidth(text)))
}
