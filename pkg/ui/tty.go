package ui

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"flow/pkg/event"
)

// TTY is a Sink for a terminal: what Text says scrolls by as it would without it, and
// below stand a few lines that show what runs. One goroutine paints, at most ten times a
// second, each time in one piece. Close it before anything else is written there.
type TTY struct {
	term  io.Writer
	size  func() (width, height int)
	now   func() time.Time
	style Style
	clean bool // the commands' stdout goes to the terminal, too

	mu      sync.Mutex // held for all below
	text    Text       // writes to pending
	pending bytes.Buffer
	view    View
	painter painter

	stop    chan struct{}
	stopped chan struct{}
}

// frame is the time between two paintings.
const frame = 100 * time.Millisecond

// mostPending is how many bytes may wait for the next painting.
const mostPending = 1 << 20

// NewTTY returns a face on a terminal. What commands print to stdout goes to out, or to
// the terminal if out is one. The text says how the rest is told; its Out and Err are not
// used.
func NewTTY(out io.Writer, terminal *os.File, text Text) *TTY {
	file, isFile := out.(*os.File)
	t := newTTY(terminal, text, func() (int, int) {
		width, height, err := term.GetSize(int(terminal.Fd()))
		if err != nil {
			return 0, 0
		}
		return width, height
	}, time.Now)
	t.clean = isFile && IsTerminal(file)
	if !t.clean {
		t.text.Out = out
	}
	ticker := time.NewTicker(frame)
	resized, ignore := onResize()
	go func() {
		defer ticker.Stop()
		defer ignore()
		t.run(ticker.C, resized)
	}()
	return t
}

func newTTY(terminal io.Writer, text Text, size func() (int, int), now func() time.Time) *TTY {
	t := &TTY{term: terminal, size: size, now: now, style: text.Style, text: text, stop: make(chan struct{}), stopped: make(chan struct{})}
	t.text.Out, t.text.Err, t.text.Live = &t.pending, &t.pending, false
	return t
}

// Emit takes note of an event; the next painting shows it.
func (t *TTY) Emit(e event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.view = t.view.After(e)
	if line, is := e.(event.OutputLine); is && (t.clean || line.Stderr) {
		line.Text = Clean(line.Text, t.style.colour) // it must not move what stands below
		e = line
	}
	t.text.Emit(e)
	if t.pending.Len() > mostPending {
		t.paint()
	}
}

// run paints when it is time.
func (t *TTY) run(ticks <-chan time.Time, resized <-chan os.Signal) {
	defer close(t.stopped)
	for {
		select {
		case <-ticks:
		case <-resized:
		case <-t.stop:
			return
		}
		t.mu.Lock()
		t.paint()
		t.mu.Unlock()
	}
}

// paint writes what is new in one piece.
func (t *TTY) paint() {
	width, height := t.size()
	lines := t.view.Lines(Screen{Width: width, Height: height, Now: t.now(), Style: t.style})
	if frame := t.painter.paint(t.pending.String(), lines, width); frame != "" {
		_, _ = io.WriteString(t.term, frame) // a terminal that is gone stops no run
	}
	t.pending.Reset()
}

// Close takes the lines away and writes what is left to say.
func (t *TTY) Close() {
	close(t.stop)
	<-t.stopped
	t.mu.Lock()
	defer t.mu.Unlock()
	t.view = View{}
	t.paint()
}
