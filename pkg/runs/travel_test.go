package runs

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
)

// Whoever says what first and whoever hears of it first: in the end all say the same.
func TestLabels_mergeAlike(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		sets := make([]marks, 3)
		for i := range sets {
			for range r.IntN(6) {
				label := sets[i].label()
				switch r.IntN(3) {
				case 0:
					label.Tags = append(label.Tags, fmt.Sprint("t", r.IntN(3)))
				case 1:
					label.Tags = nil
				default:
					label.Note = fmt.Sprint("note ", r.IntN(3))
				}
				at := noon.Add(time.Duration(r.IntN(3)) * time.Second)
				sets[i] = sets[i].set(label, at, fmt.Sprint("who", i))
				require.Equal(t, len(label.Tags) > 0, len(sets[i].label().Tags) > 0, "what was set is what is read")
			}
		}
		a, b, c := sets[0], sets[1], sets[2]
		require.Equal(t, a.merge(b).merge(c), c.merge(b.merge(a)))
		require.Equal(t, a.merge(b), a.merge(b).merge(a).merge(b))
		text, err := a.merge(c).encode()
		require.NoError(t, err)
		back, err := decodeMarks(text)
		require.NoError(t, err)
		require.Equal(t, a.merge(c).label(), back.label())
	}
}

func TestLabels_fromElsewhere(t *testing.T) {
	h, dir := openHistory(t)
	id := record(t, h, noon, ran(noon, "a", time.Second)...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".flow", "runs", id, "label.json"), []byte(`{"tags":["old"],"note":"before"}`), 0o644))
	got, err := h.Read(id)
	require.NoError(t, err)
	require.Equal(t, Label{Tags: []string{"old"}, Note: "before"}, got.Label, "as earlier versions wrote it")

	future, err := json.Marshal(marks{{Tag: "ever", At: time.Now().Add(48 * time.Hour)}, {Tag: "latest", At: noon}, {Tag: "a\x1b[2J", At: noon}, {Tag: "fine", At: noon},
		{Note: strings.Repeat("x", maxNote+1), At: noon}})
	require.NoError(t, err)
	changed, err := h.MergeLabels(t.Context(), id, [][]byte{future, []byte("no JSON"), nil})
	require.NoError(t, err)
	require.True(t, changed)
	got, err = h.Read(id)
	require.NoError(t, err)
	require.Equal(t, Label{Tags: []string{"fine", "old"}, Note: "before"}, got.Label)
	changed, err = h.MergeLabels(t.Context(), id, [][]byte{future})
	require.NoError(t, err)
	require.False(t, changed)
}

func TestReadRecord_refusesWhatNoRunLeft(t *testing.T) {
	h, _ := openHistory(t)
	id := record(t, h, noon, ran(noon, "a", time.Second)...)
	text, err := h.Record(id)
	require.NoError(t, err)
	run, err := ReadRecord(id, text)
	require.NoError(t, err)

	for name, edit := range map[string]func(run map[string]any){
		"another id":         func(run map[string]any) { run["id"] = "20261126-120001-0000" },
		"no id":              func(run map[string]any) { run["id"] = "../../x" },
		"it still runs":      func(run map[string]any) { run["state"] = "running" },
		"it was saved":       func(run map[string]any) { run["state"] = "saved" },
		"it has not ended":   func(run map[string]any) { delete(run, "ended") },
		"a name that moves":  func(run map[string]any) { run["name"] = "a-b\x1b[2J" },
		"it holds a way out": func(run map[string]any) { run["held"] = []any{map[string]any{"path": "../x", "mode": "file"}} },
		"it holds git's": func(run map[string]any) {
			run["held"] = []any{map[string]any{"path": ".git/hooks/pre-commit", "mode": "exec"}}
		},
		"it holds flow's": func(run map[string]any) {
			run["held"] = []any{map[string]any{"path": ".flow/config.local", "mode": "file"}}
		},
		"an out is absolute": func(run map[string]any) {
			run["stages"].([]any)[0].(map[string]any)["outs"] = []any{map[string]any{"path": "/etc/x", "mode": "file"}}
		},
		"a mode that is none": func(run map[string]any) { run["held"] = []any{map[string]any{"path": "x", "mode": "device"}} },
		"a log with a way out": func(run map[string]any) {
			run["stages"].([]any)[0].(map[string]any)["log"] = map[string]any{"key": "../../x"}
		},
		"no mapping": func(run map[string]any) { run["params"] = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			var record map[string]any
			require.NoError(t, json.Unmarshal(text, &record))
			record = maps.Clone(record)
			edit(record)
			changed, err := json.Marshal(record)
			require.NoError(t, err)
			_, err = ReadRecord(id, changed)
			require.Error(t, err)
			require.Error(t, h.Adopt(id, changed, From{Remote: "evil"}))
		})
	}
	_, err = ReadRecord(id, []byte(strings.Repeat("[", 1<<20)))
	require.Error(t, err)

	for name, files := range map[string][]LogFile{
		"way out": {{Name: "../x"}}, "another stage's": {{Name: "b"}}, "no number": {{Name: "a.x"}}, "too large": {{Name: "a", Size: 1 << 40}},
		"less than nothing": {{Name: "a", Size: -1}}, "flow's own": {{Name: "a./../../lock"}},
	} {
		list, err := json.Marshal(files)
		require.NoError(t, err)
		_, err = ReadLogList(run, list)
		require.Error(t, err, name)
	}
	list, err := json.Marshal([]LogFile{{Name: "a", Hash: digest.Sum(nil), Size: 3}, {Name: "a.12"}})
	require.NoError(t, err)
	_, err = ReadLogList(run, list)
	require.NoError(t, err)
}

// Runs of others don't push out those that were made here, and the other way round.
func TestHistory_adoptedRuns(t *testing.T) {
	h, _ := openHistory(t)
	other, _ := openHistory(t)
	var here, there []string
	for i := range 4 {
		at := noon.Add(time.Duration(i) * time.Hour)
		here = append(here, record(t, h, at, ran(at, "a", time.Second)...))
		run := record(t, other, at.Add(time.Minute), ran(at.Add(time.Minute), "a", time.Second)...)
		text, err := other.Record(run)
		require.NoError(t, err)
		require.NoError(t, h.Adopt(run, text, From{Remote: "store"}))
		there = append(there, run)
	}
	latest, err := h.Find(Latest)
	require.NoError(t, err)
	require.Equal(t, here[3], latest.ID, "not the one of somebody else")
	run, err := h.Find(there[0])
	require.NoError(t, err)
	require.Equal(t, "store", run.From.Remote)
	require.NoError(t, h.Prune(2))
	left, err := h.IDs()
	require.NoError(t, err)
	require.Equal(t, []string{there[3], here[3], there[2], here[2]}, left)

	require.NoError(t, h.Remove(t.Context(), there[3]))
	removed, err := h.Removed()
	require.NoError(t, err)
	require.Equal(t, map[string]bool{there[3]: true}, removed)
	require.NoError(t, h.Forgive(t.Context(), there[3]))
	removed, err = h.Removed()
	require.NoError(t, err)
	require.Empty(t, removed)
}
