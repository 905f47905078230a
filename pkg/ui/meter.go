package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"flow/pkg/event"
)

// meter is the one line that tells how far a transfer has come. It is written over, and
// gone when the transfer ends.
type meter struct {
	began time.Time
	what  string // the verb and remote that it is about
	shown bool
}

// show writes the line anew.
func (m *meter) show(w io.Writer, e event.Transfer) {
	if e.Ended {
		m.clear(w)
		m.what = ""
		return
	}
	if what := e.Verb + " " + e.Remote; what != m.what {
		m.what, m.began = what, e.Time
	}
	text := moved(e, e.Time.Sub(m.began))
	if width := Width(w); width > 0 {
		text = Cut(text, width-1)
	}
	io.WriteString(w, "\r\x1b[K"+text)
	m.shown = true
}

// clear takes the line away, so that another can stand there.
func (m *meter) clear(w io.Writer) {
	if m.shown {
		io.WriteString(w, "\r\x1b[K")
		m.shown = false
	}
}

// enough is how long a transfer must have gone on for its rate to tell anything.
const enough = time.Second

// moved says how far a transfer has come: bytes and objects, the rate, and the time that
// is left if it goes on like this.
func moved(e event.Transfer, took time.Duration) string {
	parts := []string{fmt.Sprintf("%s %s: %d of %s", e.Verb, e.Remote, e.Objects, Count(e.Of, "object"))}
	if e.OfSize > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s", Bytes(min(e.Bytes, e.OfSize)), Bytes(e.OfSize)))
	} else if e.Bytes > 0 {
		parts = append(parts, Bytes(e.Bytes))
	}
	if took >= enough && e.Bytes > 0 {
		rate := float64(e.Bytes) / took.Seconds()
		parts = append(parts, Bytes(int64(rate))+"/s")
		if left := e.OfSize - e.Bytes; left > 0 {
			parts = append(parts, Duration(time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))+" left")
		}
	}
	return strings.Join(parts, ", ")
}
