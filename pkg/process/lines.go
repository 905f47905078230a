package process

import (
	"bytes"
	"sync"
	"time"
)

// maxLine is the size in bytes of the pieces that longer lines are cut into.
const maxLine = 64 << 10

// promptAfter is how long the unfinished line of a command that may ask for something waits
// for its end.
const promptAfter = 200 * time.Millisecond

// lines is a writer that passes on what it gets line by line, without newlines.
// All else passes as it is.
type lines struct {
	emit func(line string)
	asks bool // an unfinished line after which nothing comes is passed on, too

	mu     sync.Mutex
	part   []byte      // the unfinished line, shorter than maxLine
	cut    bool        // a piece of the unfinished line was passed on already
	prompt *time.Timer // runs while there is an unfinished line
}

// newLines returns one writer for each stream of a command, which may ask for input; output
// is never called twice at the same time.
func newLines(output func(stderr bool, line string), asks bool) (stdout, stderr *lines) {
	var busy sync.Mutex
	stream := func(isErr bool) *lines {
		return &lines{asks: asks, emit: func(line string) {
			busy.Lock()
			defer busy.Unlock()
			if output != nil {
				output(isErr, line)
			}
		}}
	}
	return stream(false), stream(true)
}

// Write passes on the lines that end in p, and the full pieces. It never fails.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := len(p)
	for len(p) > 0 {
		room := p[:min(len(p), maxLine-len(l.part))]
		if end := bytes.IndexByte(room, '\n'); end >= 0 {
			l.finish(room[:end])
			p = p[end+1:]
			continue
		}
		l.part = append(l.part, room...)
		p = p[len(room):]
		if len(l.part) == maxLine {
			l.pass()
			l.cut = true
		}
	}
	if l.asks && len(l.part) > 0 {
		if l.prompt == nil {
			l.prompt = time.AfterFunc(promptAfter, l.ask)
		} else {
			l.prompt.Reset(promptAfter)
		}
	}
	return size, nil
}

// ask passes on what looks like a question; the rest of its line is one for itself.
func (l *lines) ask() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.pass()
		l.cut = true
	}
}

// finish ends a line. One that was cut right before its newline has no more
// piece.
func (l *lines) finish(rest []byte) {
	switch {
	case len(l.part) > 0:
		l.part = append(l.part, rest...)
		l.pass()
	case len(rest) > 0 || !l.cut:
		l.emit(string(rest))
	}
	l.cut = false
}

// Flush passes on a last line that no newline ended.
func (l *lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.prompt != nil {
		l.prompt.Stop()
	}
	if len(l.part) > 0 {
		l.pass()
	}
}

func (l *lines) pass() {
	l.emit(string(l.part))
	l.part = l.part[:0]
}
