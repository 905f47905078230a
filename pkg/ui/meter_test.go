package ui

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/event"
)

// The progress of a transfer is one line that is written over, and only on a terminal.
func TestText_transfer(t *testing.T) {
	first := event.Transfer{Time: noon, Verb: "push", Remote: "store", Objects: 1, Of: 8, Bytes: 1_000_000, OfSize: 5_000_000}
	later := first
	later.Time, later.Bytes, later.Objects = noon.Add(2*time.Second), 3_000_000, 4
	ended := later
	ended.Ended = true

	var out, log bytes.Buffer
	pipe := &Text{Out: &out, Err: &log}
	for _, e := range []event.Event{first, later, ended} {
		pipe.Emit(e)
	}
	require.Empty(t, log.String())

	live := &Text{Out: &out, Err: &log, Live: true}
	for _, e := range []event.Event{first, later, event.Warning{Text: "look"}, ended} {
		live.Emit(e)
	}
	require.Equal(t, "\r\x1b[Kpush store: 1 of 8 objects, 1.0 MB of 5.0 MB"+
		"\r\x1b[Kpush store: 4 of 8 objects, 3.0 MB of 5.0 MB, 1.5 MB/s, 1s left"+
		"\r\x1b[Knote: look\n", log.String())
	require.Empty(t, out.String())
}

// Under a run on a terminal the transfer is a line above the stages, as long as it goes on.
func TestView_transfer(t *testing.T) {
	screen := Screen{Width: 60, Height: 20, Now: noon}
	moving := event.Transfer{Time: noon, Verb: "fetch", Remote: "store", Objects: 1, Of: 8, Bytes: 1_000_000, OfSize: 5_000_000}
	v := View{}.After(event.RunStarted{Time: noon, Stages: 2}).After(moving)
	require.Equal(t, []string{"fetch store: 1 of 8 objects, 1.0 MB of 5.0 MB"}, v.Lines(screen))
	v = v.After(event.StageStarted{Time: noon, Stage: "train"})
	require.Len(t, v.Lines(screen), 3)
	moving.Ended = true
	require.Len(t, v.After(moving).Lines(screen), 2)
}
