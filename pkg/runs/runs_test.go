package runs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/document"
	"flow/pkg/event"
	"flow/pkg/values"
)

// code is a Source with a fixed answer.
type code struct{ err error }

func (c code) Begin(context.Context) (Begun, error) {
	return Begun{Git: &Git{Branch: "main"}, Snapshot: digest.Sum([]byte("code"))}, c.err
}

func (c code) End(_ context.Context, run *Run) error {
	run.Metrics = Values{"m.json": {"loss": {Kind: document.Float, Text: "NaN"}, "acc": {Kind: document.Float, Text: "0.5"}}}
	return nil
}

func (code) Close() {}

func openHistory(t *testing.T) (*History, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	require.NoError(t, root.MkdirAll(".flow", 0o755))
	return Open(root, ".flow"), dir
}

// record runs a recorder over events and returns the run's id.
func record(t *testing.T, h *History, at time.Time, events ...event.Event) string {
	t.Helper()
	id := NewID(at)
	r := NewRecorder(h, id, nil, code{})
	for _, e := range events {
		r.Emit(e)
	}
	require.NoError(t, r.Close())
	return id
}

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func ran(at time.Time, stage string, took time.Duration) []event.Event {
	return []event.Event{
		event.RunStarted{Time: at},
		event.StageStarted{Time: at, Stage: stage, Reasons: []event.Reason{{Kind: event.NeverRun}}},
		event.OutputLine{Stage: stage, Text: "out"},
		event.OutputLine{Stage: stage, Stderr: true, Text: "err"},
		event.StageFinished{Time: at.Add(took), Stage: stage, Status: event.Ran, Usage: &event.Usage{Wall: took, MaxRSS: 7},
			Outs: []event.Out{{Path: "o", Content: digest.Content{ID: digest.Sum([]byte("o")), Mode: digest.Dir, Size: 3, Files: 2}}}},
		event.RunFinished{Time: at.Add(took)},
	}
}

func TestRecorder_keepsWhatHappened(t *testing.T) {
	h, _ := openHistory(t)
	id := record(t, h, noon, ran(noon, "train", time.Minute)...)
	run, err := h.Find("latest")
	require.NoError(t, err)
	require.Equal(t, id, run.ID)
	require.Equal(t, OK, run.State)
	require.Equal(t, time.Minute, run.Took(time.Now()))
	require.Equal(t, "main", run.Git.Branch)
	require.Equal(t, digest.Sum([]byte("code")), run.Snapshot)
	stage, found := run.Stage("train")
	require.True(t, found)
	require.Equal(t, &Log{Key: "train", Lines: 2, Bytes: 12}, stage.Log)
	require.Equal(t, int64(7), stage.Usage.MaxRSS)
	require.Equal(t, []Out{{Path: "o", Content: digest.Content{ID: digest.Sum([]byte("o")), Mode: digest.Dir, Size: 3, Files: 2}}}, stage.Outs)
	require.Equal(t, values.Value{Kind: document.Float, Text: "NaN"}, run.Metrics["m.json"]["loss"])
	require.Equal(t, []Line{{Text: "out"}, {Stderr: true, Text: "err"}}, readLog(t, h, id, "train"))
	require.Equal(t, time.Minute, Open(h.root, ".flow").Expected("train"))
}

func readLog(t *testing.T, h *History, id, stage string) []Line {
	t.Helper()
	var lines []Line
	require.NoError(t, h.Log(id, stage).Read(func(line Line) error {
		lines = append(lines, line)
		return nil
	}))
	return lines
}

func TestRecorder_nothingDoneIsNoRun(t *testing.T) {
	h, dir := openHistory(t)
	record(t, h, noon, event.RunStarted{Time: noon}, event.StageFinished{Stage: "a", Status: event.Fresh}, event.RunFinished{Time: noon})
	require.NoDirExists(t, filepath.Join(dir, ".flow", "runs"))
}

func TestRecorder_endsBadly(t *testing.T) {
	h, _ := openHistory(t)
	failed := errors.New("exit code 1")
	record(t, h, noon, event.StageFinished{Stage: "a", Status: event.Failed, Err: failed}, event.RunFinished{Time: noon, Err: failed})
	record(t, h, noon.Add(time.Second), event.StageStarted{Stage: "a"}, event.RunFinished{Time: noon, Err: errors.Join(context.Canceled)})
	all, err := h.List()
	require.NoError(t, err)
	require.Len(t, all, 2)
	states := map[State]bool{all[0].State: true, all[1].State: true}
	require.Equal(t, map[State]bool{Failed: true, Interrupted: true}, states)

	r := NewRecorder(h, NewID(noon), nil, code{err: errors.New("no git")})
	r.Emit(event.StageStarted{Stage: "a"})
	require.ErrorContains(t, r.Close(), "no git")
}

func TestHistory_aRunThatNobodyHoldsIsLost(t *testing.T) {
	h, _ := openHistory(t)
	run := &Run{ID: NewID(noon), State: Running, Started: noon}
	w, err := h.begin(run)
	require.NoError(t, err)
	got, err := h.Read(run.ID)
	require.NoError(t, err)
	require.Equal(t, Running, got.State)
	active, err := h.Active()
	require.NoError(t, err)
	require.Equal(t, run.ID, active.ID)
	require.ErrorContains(t, h.Remove(t.Context(), run.ID), "is going on")

	require.NoError(t, w.lock.Unlock()) // as the kernel does when the process dies
	got, err = h.Read(run.ID)
	require.NoError(t, err)
	require.Equal(t, Lost, got.State)
	active, err = h.Active()
	require.NoError(t, err)
	require.Nil(t, active)
}

func TestHistory_damagedRecordsAreLeftOut(t *testing.T) {
	h, dir := openHistory(t)
	good := record(t, h, noon, ran(noon, "a", time.Second)...)
	for i, text := range []string{"", "{", `{"id": "other"}`, "\x00\x00"} {
		bad := filepath.Join(dir, ".flow", "runs", fmt.Sprintf("20261126-13000%d-0000", i))
		require.NoError(t, os.MkdirAll(bad, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(bad, "run.json"), []byte(text), 0o644))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, ".flow", "runs", "20261126-140000-0000"), 0o755))
	all, err := h.List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, good, all[0].ID)
}

func TestHistory_find(t *testing.T) {
	h, _ := openHistory(t)
	_, err := h.Find("latest")
	require.ErrorContains(t, err, "no run yet")
	var ids []string
	for i := range 3 {
		at := noon.Add(time.Duration(i) * time.Hour)
		ids = append(ids, record(t, h, at, ran(at, "a", time.Second)...))
	}
	require.NoError(t, h.SetLabel(context.Background(), ids[0], func(l *Label) { l.Tags, l.Note = []string{"base", "base", "a"}, "x" }))
	first, err := h.Read(ids[0])
	require.NoError(t, err)
	require.Equal(t, Label{Tags: []string{"a", "base"}, Note: "x"}, first.Label)
	for ref, want := range map[string]int{
		"latest": 2, "latest~1": 1, "latest~2": 0, "base": 0, ids[1]: 1, ids[1][:12]: 1, ids[2][16:]: 2, first.Name: 0,
	} {
		run, err := h.Find(ref)
		require.NoError(t, err, ref)
		require.Equal(t, ids[want], run.ID, ref)
	}
	for ref, want := range map[string]string{
		"latest~3": "only 3 runs", "20261126": "3 runs have an id", "nobody": `no run "nobody"`, "": `no run ""`, "latest~x": "no run", "../x": "no run",
	} {
		_, err := h.Find(ref)
		require.ErrorContains(t, err, want, ref)
	}
	_, err = h.Find("nobody")
	require.ErrorIs(t, err, ErrNoRun)
}

func TestHistory_prune(t *testing.T) {
	h, _ := openHistory(t)
	var ids []string
	for i := range 5 {
		at := noon.Add(time.Duration(i) * time.Hour)
		ids = append(ids, record(t, h, at, ran(at, "a", time.Duration(i)*time.Second)...))
	}
	require.NoError(t, h.SetLabel(context.Background(), ids[0], func(l *Label) { l.Tags = []string{"keep"} }))
	require.NoError(t, h.Prune(2))
	left, err := h.IDs()
	require.NoError(t, err)
	require.Equal(t, []string{ids[4], ids[3], ids[0]}, left)
	require.Equal(t, 2*time.Second, Open(h.root, ".flow").Expected("a"), "the median of the last five")
}

func TestNames_differ(t *testing.T) {
	require.Len(t, strings.Fields(adjectives), 64)
	require.Len(t, strings.Fields(nouns), 64)
	id := NewID(noon)
	require.True(t, IsID(id))
	require.Equal(t, baseName(id), nameOf(id, nil))
	require.Equal(t, baseName(id), nameOf(id, []string{id}))
	twin := id
	for n := 0; baseName(twin) != baseName(id) || twin == id; n++ {
		twin = fmt.Sprintf("20261126-130000-%04x", n&0xffff)
		if n > 0xffff {
			t.Skip("no twin")
		}
	}
	require.Equal(t, baseName(id)+"-2", nameOf(id, []string{twin}))
	require.Less(t, NewID(noon), NewID(noon.Add(2*time.Millisecond)))
	for _, bad := range []string{"", "20261126-120000", "20261126-120000-xyzw", "20261326-120000-0000", "20261126-120000-00000"} {
		require.False(t, IsID(bad), bad)
	}
}

func TestLog_keepsStartAndEnd(t *testing.T) {
	h, dir := openHistory(t)
	logs := h.Dir("20261126-120000-0000") + "/logs"
	require.NoError(t, h.root.MkdirAll(logs, 0o755))
	w := newLogWriter(h.root, logs, "Train/it")
	w.head = 1000
	reader := h.Log("20261126-120000-0000", "Train/it")
	require.False(t, reader.Exists())
	var got []string
	read := func() {
		require.NoError(t, reader.Read(func(line Line) error {
			got = append(got, line.Text)
			return nil
		}))
	}
	for i := range 10 {
		require.NoError(t, w.write([]byte(fmt.Sprintf("1 line %04d\n", i)), 1))
	}
	read()
	require.Len(t, got, 10)
	for i := 10; i < 1000; i++ {
		require.NoError(t, w.write([]byte(fmt.Sprintf("1 line %04d\n", i)), 1))
	}
	require.NoError(t, w.close())
	read()
	require.Equal(t, "line 0000", got[0])
	require.Equal(t, "line 0999", got[len(got)-1])
	cut := 0
	for i, text := range got {
		if strings.Contains(text, "left out") {
			cut = i
		}
	}
	require.Equal(t, fmt.Sprintf("line %04d", cut-1), got[cut-1], "the start is whole")
	require.Equal(t, int64(1000), w.told.Lines)
	require.Equal(t, w.told.Bytes-w.told.Cut, sizeBelow(t, filepath.Join(dir, logs)))
	require.LessOrEqual(t, sizeBelow(t, filepath.Join(dir, logs)), int64(2000))

	require.NoError(t, w.write([]byte("2 "+strings.Repeat("x", 5000)+"\n"), 1), "a line longer than a part")
	read()
	require.Len(t, got[len(got)-1], 5000)
}

func sizeBelow(t *testing.T, dir string) int64 {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var size int64
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		size += info.Size()
	}
	return size
}

func TestLogKey_isAName(t *testing.T) {
	seen := map[string]bool{}
	for _, stage := range []string{"train", "Train", "grid@a-1", "a/b", "a_b", "..", "x.1", strings.Repeat("y", 300), strings.Repeat("y", 299)} {
		key := logKey(stage)
		require.NoError(t, disk.CheckName(key), stage)
		require.NotContains(t, key, ".")
		require.False(t, seen[strings.ToLower(key)], stage)
		seen[strings.ToLower(key)] = true
	}
}
