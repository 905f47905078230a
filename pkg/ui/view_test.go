package ui

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/event"
)

// aRun is events of a run, from its start on.
func aRun() []event.Event {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	return []event.Event{
		event.RunStarted{Time: noon, Stages: 12},
		event.StageFinished{Time: noon, Stage: "raw.csv", Status: event.Fresh, Source: true},
		event.StageStarted{Time: noon, Stage: "train", Expected: 4 * time.Minute},
		event.StageStarted{Time: at(58), Stage: "preprocess-a-long-name@de"},
		event.OutputLine{Stage: "train", Text: "epoch 1: loss 0.9"},
		event.OutputLine{Stage: "train", Text: "epoch 2:\repoch 2: loss 0.4312, accuracy 0.91, which is more than was to be hoped for on such data"},
		event.OutputLine{Stage: "train", Text: "  "},
		event.OutputLine{Stage: "preprocess-a-long-name@de", Text: "\x1b[31m读取数据\x1b[0m ✓"},
		event.StageFinished{Time: at(60), Stage: "lint", Status: event.Failed, Err: errors.New("x")},
	}
}

func viewAfter(events ...event.Event) View {
	var v View
	for _, e := range events {
		v = v.After(e)
	}
	return v
}

func TestView_lines(t *testing.T) {
	v := viewAfter(aRun()...)
	now := noon.Add(80*time.Second + 700*time.Millisecond)
	for width, want := range map[int]string{
		200: `
train                      1m20s of ~4m00s  epoch 2: loss 0.4312, accuracy 0.91, which is more than was to be hoped for on such data
preprocess-a-long-name@de  22s              读取数据 ✓
2 of 12 done, 2 running, 8 to go, 1 failed`,
		80: `
train                      1m20s of ~4m00s  epoch 2: loss 0.4312, accuracy 0.9…
preprocess-a-long-name@de  22s              读取数据 ✓
2 of 12 done, 2 running, 8 to go, 1 failed`,
		40: `
train          1m20s  epoch 2: loss 0.…
preprocess-a…  22s    读取数据 ✓
2 of 12 done, 2 running, 8 to go, 1 fa…`,
		20: `
train   1m20s  epo…
prepr…  22s    读…
2 of 12 done, 2 ru…`,
		9: "\n",
	} {
		lines := v.Lines(Screen{Width: width, Height: 24, Now: now})
		require.Equal(t, want, "\n"+strings.Join(lines, "\n"), "at %d columns", width)
		for _, line := range lines {
			require.Less(t, TextWidth(line), width)
		}
	}
	coloured := v.Lines(Screen{Width: 40, Height: 24, Now: now, Style: Style{colour: true}})
	plain := v.Lines(Screen{Width: 40, Height: 24, Now: now})
	for i, line := range coloured {
		require.Equal(t, plain[i], Clean(line, false))
	}
}

func TestView_states(t *testing.T) {
	screen := Screen{Width: 80, Height: 24, Now: noon.Add(65 * time.Second)}
	lines := func(events ...event.Event) string { return strings.Join(viewAfter(events...).Lines(screen), "\n") }
	require.Empty(t, lines(), "before a run")
	require.Empty(t, lines(event.RunStarted{Time: noon, Stages: 3}), "nothing runs")
	start := []event.Event{event.RunStarted{Time: noon, Stages: 1}, event.StageStarted{Time: noon, Stage: "a", Expected: time.Minute}}
	require.Equal(t, "a  1m05s of ~1m00s\n0 of 1 done, 1 running", lines(start...))
	retry := event.StageRetrying{Time: noon, Stage: "a", Attempt: 2, Of: 3, Wait: 10 * time.Second}
	require.Equal(t, "a  1m05s of ~1m00s  waits 10s for attempt 2 of 3\n0 of 1 done, 1 running", lines(append(start, retry)...))
	require.Equal(t, "a  1m05s of ~1m00s  hello\n0 of 1 done, 1 running", lines(append(start, retry, event.OutputLine{Stage: "a", Text: "hello"})...))
	require.Empty(t, lines(append(start, event.StageFinished{Time: noon, Stage: "a", Status: event.Ran})...))
	require.Empty(t, lines(append(start, event.RunFinished{Time: noon})...))
}

// TestView_isAValue: a view does not change when the next one is made.
func TestView_isAValue(t *testing.T) {
	screen := Screen{Width: 80, Height: 24, Now: noon}
	var v View
	for _, e := range aRun() {
		before := fmt.Sprint(v.Lines(screen))
		_ = v.After(e)
		require.Equal(t, before, fmt.Sprint(v.Lines(screen)))
		v = v.After(e)
	}
}

func TestView_manyRunning(t *testing.T) {
	var v View
	for i := range 30 {
		v = v.After(event.StageStarted{Time: noon, Stage: fmt.Sprint("s", i)})
	}
	lines := v.Lines(Screen{Width: 80, Height: 12, Now: noon})
	require.Len(t, lines, 6)
	require.Equal(t, "s0  0s", lines[0])
	require.Equal(t, "and 26 stages more", lines[4])
	require.Empty(t, v.Lines(Screen{Width: 80, Height: 3, Now: noon}), "a screen too low for anything")
}

// glass is a terminal that knows as much as the painter needs. Rows that left it at the
// top are kept, as a terminal's scrollback does.
type glass struct {
	width, height int
	rows          [][]rune
	row, col      int
	writes        int
}

func (g *glass) Write(p []byte) (int, error) {
	g.writes++
	text := []rune(string(p))
	for i := 0; i < len(text); i++ {
		switch r := text[i]; r {
		case '\r':
			g.col = 0
		case '\n':
			g.row, g.col = g.row+1, 0
			g.reach()
		case '\x1b':
			number := 0
			for i += 2; text[i] >= '0' && text[i] <= '9'; i++ {
				number = 10*number + int(text[i]-'0')
			}
			g.order(text[i], number)
		default:
			if g.col == g.width {
				g.row, g.col = g.row+1, 0
			}
			g.reach()
			for len(g.rows[g.row]) <= g.col {
				g.rows[g.row] = append(g.rows[g.row], ' ')
			}
			g.rows[g.row][g.col] = r
			g.col++
		}
	}
	return len(p), nil
}

func (g *glass) reach() {
	for len(g.rows) <= g.row {
		g.rows = append(g.rows, nil)
	}
}

func (g *glass) order(order rune, number int) {
	g.reach()
	switch order {
	case 'A':
		g.row = max(g.row-number, len(g.rows)-g.height, 0)
	case 'K':
		g.rows[g.row] = g.rows[g.row][:min(g.col, len(g.rows[g.row]))]
	case 'J':
		g.rows[g.row] = g.rows[g.row][:min(g.col, len(g.rows[g.row]))]
		g.rows = g.rows[:g.row+1]
	case 'm':
	default:
		panic(fmt.Sprintf("the terminal doesn't know %q", order))
	}
}

// resize makes the terminal narrower or wider; lines that are too long wrap, as most
// terminals do it.
func (g *glass) resize(width int) {
	var rows [][]rune
	row := g.row
	for i, line := range g.rows {
		for len(line) > width {
			rows, line = append(rows, line[:width]), line[width:]
			if i < g.row {
				row++
			}
		}
		rows = append(rows, line)
	}
	g.rows, g.row, g.width = rows, row, width
}

func (g *glass) String() string {
	var lines []string
	for _, row := range g.rows {
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// paced is a TTY on a glass whose clock the test holds.
type paced struct {
	*TTY
	glass *glass
	now   time.Time
}

func newPaced(width int) *paced {
	p := &paced{glass: &glass{width: width, height: 24}, now: noon}
	p.TTY = newTTY(p.glass, Text{}, func() (int, int) { return p.glass.width, p.glass.height }, func() time.Time { return p.now })
	p.clean = true
	go p.run(nil, nil)
	return p
}

// tick lets the painter paint, at a time.
func (p *paced) tick(after time.Duration) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = noon.Add(after)
	p.paint()
	return p.glass.String()
}

func TestTTY_showsAndClears(t *testing.T) {
	p := newPaced(60)
	p.Emit(event.RunStarted{Time: noon, Stages: 2})
	p.Emit(event.StageStarted{Time: noon, Stage: "a", Cmd: []string{"work"}})
	p.Emit(event.OutputLine{Stage: "a", Text: "one"})
	require.Equal(t, "a runs\n> work\none\na  0s  one\n0 of 2 done, 1 running, 1 to go", p.tick(0))
	require.Equal(t, "a runs\n> work\none\na  1s  one\n0 of 2 done, 1 running, 1 to go", p.tick(time.Second))
	p.Emit(event.OutputLine{Stage: "a", Text: "two\x1b[2J\x1b[H, which clears nothing"})
	p.Emit(event.StageFinished{Time: noon, Stage: "a", Status: event.Ran, Duration: 2 * time.Second})
	p.Emit(event.StageStarted{Time: noon, Stage: "b", Cmd: []string{"more"}})
	require.Equal(t, "a runs\n> work\none\ntwo, which clears nothing\na ran in 2s\nb runs\n> more\nb  2s\n1 of 2 done, 1 running", p.tick(2*time.Second))
	p.Emit(event.StageFinished{Time: noon, Stage: "b", Status: event.Ran, Duration: time.Second})
	p.Emit(event.RunFinished{Time: noon, Duration: 3 * time.Second, Counts: map[event.Status]int{event.Ran: 2}})
	p.Close()
	require.Equal(t, "a runs\n> work\none\ntwo, which clears nothing\na ran in 2s\nb runs\n> more\nb ran in 1s\n2 stages: 2 ran, 3s", p.glass.String())
}

// TestTTY_writesOnlyWhatChanged: when nothing is new, nothing is written; each painting
// is one write.
func TestTTY_writesOnlyWhatChanged(t *testing.T) {
	p := newPaced(60)
	p.Emit(event.RunStarted{Time: noon, Stages: 2})
	p.Emit(event.StageStarted{Time: noon, Stage: "a", Cmd: []string{"work"}})
	p.tick(0)
	require.Equal(t, 1, p.glass.writes)
	for range 5 {
		p.tick(900 * time.Millisecond)
	}
	require.Equal(t, 1, p.glass.writes)
	p.tick(time.Second)
	require.Equal(t, 2, p.glass.writes)
	for i := range 1000 {
		p.Emit(event.OutputLine{Stage: "a", Text: fmt.Sprint("line ", i)})
	}
	p.tick(time.Second)
	require.Equal(t, 3, p.glass.writes)
	p.Close()
	text := p.glass.String()
	require.Equal(t, 1002, strings.Count(text, "\n")+1, "all is in the scrollback")
	require.True(t, strings.HasSuffix(text, "line 999"))
}

func TestTTY_resized(t *testing.T) {
	p := newPaced(80)
	p.Emit(event.RunStarted{Time: noon, Stages: 2})
	p.Emit(event.StageStarted{Time: noon, Stage: "a-stage-of-some-name", Cmd: []string{"work"}, Expected: time.Minute})
	p.Emit(event.OutputLine{Stage: "a-stage-of-some-name", Text: "a line of words that is long enough to be wrapped"})
	above := "a-stage-of-some-name runs\n> work\na line of words that is long enough to be wrapped\n"
	require.Equal(t, above+"a-stage-of-some-name  0s of ~1m00s  a line of words that is long enough to be …\n0 of 2 done, 1 running, 1 to go", p.tick(0))
	p.mu.Lock()
	p.glass.resize(55)
	p.mu.Unlock()
	require.Equal(t, above+"a-stage-of-some-n…  0s  a line of words that is long …\n0 of 2 done, 1 running, 1 to go", p.tick(0))
	p.mu.Lock()
	p.glass.resize(100)
	p.mu.Unlock()
	require.Equal(t, above+"a-stage-of-some-name  1s of ~1m00s  a line of words that is long enough to be wrapped\n0 of 2 done, 1 running, 1 to go", p.tick(time.Second))
	p.Close()
	require.Equal(t, strings.TrimSuffix(above, "\n"), p.glass.String())
}

// TestTTY_paintsByItself: a tick or another size is enough.
func TestTTY_paintsByItself(t *testing.T) {
	p := newPaced(60)
	ticks, resized := make(chan time.Time), make(chan os.Signal)
	more := newTTY(p.glass, Text{}, p.size, time.Now)
	go more.run(ticks, resized)
	more.Emit(event.Warning{Text: "first"})
	ticks <- noon
	resized <- nil // when it is taken, the painting before is done
	more.mu.Lock()
	require.Equal(t, "note: first", p.glass.String())
	more.mu.Unlock()
	more.Close()
}

// TestTTY_pipedOut: what commands print goes where stdout goes, as it is.
func TestTTY_pipedOut(t *testing.T) {
	var out bytes.Buffer
	g := &glass{width: 60, height: 24}
	p := newTTY(g, Text{}, func() (int, int) { return 60, 24 }, func() time.Time { return noon })
	p.text.Out = &out
	go p.run(nil, make(chan os.Signal))
	p.Emit(event.OutputLine{Stage: "a", Text: "\x1b[31mred\x1b[0m"})
	p.Emit(event.OutputLine{Stage: "a", Stderr: true, Text: "\x1b[2Jtold"})
	p.Close()
	require.Equal(t, "\x1b[31mred\x1b[0m\n", out.String())
	require.Equal(t, "told", g.String())
}

func TestForecast(t *testing.T) {
	for want, f := range map[string]event.Forecast{
		"about 12m00s, with -j not below 7m00s":              {Sum: 12 * time.Minute, Chain: 7 * time.Minute},
		"about 7m00s":                                        {Sum: 7 * time.Minute, Chain: 7 * time.Minute},
		"about 7m00s, and what 1 stage takes that never ran": {Sum: 7 * time.Minute, Chain: 7 * time.Minute, Unknown: 1},
		"about 8m00s, with -j not below 7m00s, and what 3 stages take that never ran": {Sum: 8 * time.Minute, Chain: 7 * time.Minute, Unknown: 3},
	} {
		require.Equal(t, want, Forecast(f))
	}
	var out bytes.Buffer
	text := &Text{Out: &out, Err: &out}
	text.Emit(event.StagePlanned{Stage: "train", Status: event.WouldRun, Expected: 7 * time.Minute, Reasons: []event.Reason{{Kind: event.NeverRun}}})
	text.Emit(event.RunFinished{Dry: true, Counts: map[event.Status]int{event.WouldRun: 1}, Forecast: &event.Forecast{Sum: 7 * time.Minute, Chain: 7 * time.Minute}})
	require.Equal(t, "train would run (about 7m00s): never run\n1 stage: 1 would run\nabout 7m00s\n", out.String())
}
