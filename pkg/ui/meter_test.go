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
	moved := event.Transfer{Time: noon, Verb: "push", Remote: "store", Objects: 1, Of: 8, Bytes: 1_000_000, OfSize: 5_000_000}
	later := moved
	later.Time, later.Bytes, later.Objects = noon.Add(2*time.Second), 3_000_000, 4
	ended := later
	ended.Ended = true

	var out, log bytes.Buffer
	pipe := &Text{Out: &out, Err: &log}
	for _, e := range []event.Event{moved, later, ended} {
		pipe.Emit(e)
	}
	require.Empty(t, log.String())

	live := &Text{Out: &out, Err: &log, Live: true}
	for _, e := range []event.Event{moved, later, event.Warning{Text: "look"}, ended} {
		live.Emit(e)
	}
	require.Equal(t, "\r\x1b[Kpush store: 1 of 8 objects, 1.0 MB of 5.0 MB"+
		"\r\x1b[Kpush store: 4 of 8 objects, 3.0 MB of 5.0 MB, 1.5 MB/s, 1s left"+
		"\r\x1b[Knote: look\n", log.String())
	require.Empty(t, out.String())
}
