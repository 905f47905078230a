package runs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/document"
	"flow/pkg/values"
)

// full makes a value of which nothing is zero, so that a field that the codec forgets is
// seen.
func full(v reflect.Value, r *rand.Rand) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(r.Int64N(1<<32), r.Int64N(1e9)).In(time.FixedZone("", 3600*r.IntN(3)))))
		return
	case v.Type() == reflect.TypeFor[Values]():
		v.Set(reflect.ValueOf(Values{"f": {"k": values.Value{Kind: document.Float, Text: fmt.Sprint(r.Float64())}}, "g": {"a": values.Value{Kind: document.Null, Text: "null"}}}))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		full(v.Elem(), r)
	case reflect.Struct:
		for i := range v.NumField() {
			full(v.Field(i), r)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		full(v.Index(0), r)
		full(v.Index(1), r)
	case reflect.Array:
		for i := range v.Len() {
			full(v.Index(i), r)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", r.IntN(20)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(r.Float64() + 1)
	case reflect.Uint8:
		v.SetUint(uint64(1 + r.IntN(255)))
	default:
		v.SetInt(1 + r.Int64N(100))
	}
}

// norm makes times comparable, whatever zone they are told in.
func norm(t *testing.T, run *Run) string {
	t.Helper()
	for i := range run.Held { // modes of chance have no name in JSON
		run.Held[i].Mode = 'f'
	}
	for i := range run.Stages {
		for j := range run.Stages[i].Outs {
			run.Stages[i].Outs[j].Mode = 'f'
		}
	}
	text, err := json.Marshal(struct {
		*Run
		Label Label
		From  *From
	}{run, run.Label, run.From})
	require.NoError(t, err)
	return string(text)
}

func TestCodec_holdsAllOfARun(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	e := &encoder{}
	var want []*Run
	for range 20 {
		run := &Run{}
		full(reflect.ValueOf(run).Elem(), r)
		want = append(want, run, &Run{ID: "empty"})
		e.run(run)
		e.run(&Run{ID: "empty"})
	}
	d := &decoder{text: string(e.text)}
	for i := range want {
		require.Equal(t, norm(t, want[i]), norm(t, d.run()))
	}
	require.False(t, d.bad)
	require.Equal(t, len(d.text), d.at)
	for range 2000 { // whatever it reads, it ends
		text := []byte(e.text[:r.IntN(len(e.text))])
		if len(text) > 0 {
			text[r.IntN(len(text))] ^= byte(1 << r.IntN(8))
		}
		d := &decoder{text: string(text)}
		for d.at < len(d.text) && !d.bad {
			d.run()
		}
	}
}

func TestHistory_index(t *testing.T) {
	h, dir := openHistory(t)
	folder := filepath.Join(dir, ".flow", "runs")
	var ids []string
	for i := range stale + 20 {
		at := noon.Add(time.Duration(i) * time.Minute)
		run := &Run{ID: at.Format(idTime) + "-0000", State: OK, Started: at, Ended: at.Add(time.Second), Name: "a-b"}
		require.NoError(t, h.Put(run))
		ids = append(ids, run.ID)
	}
	requireListed := func(n int) []*Run {
		t.Helper()
		all, err := h.List()
		require.NoError(t, err)
		require.Len(t, all, n)
		return all
	}
	requireListed(len(ids))
	require.NoFileExists(t, filepath.Join(folder, indexFile), "what has just changed may change again")
	old := func(id string) { // as if it was a while ago
		at := time.Unix(1700000000, 0)
		require.NoError(t, os.Chtimes(filepath.Join(folder, id), at, at))
	}
	for _, id := range ids {
		old(id)
	}
	requireListed(len(ids))
	require.FileExists(t, filepath.Join(folder, indexFile))

	// What is in the index is not read again.
	require.NoError(t, os.WriteFile(filepath.Join(folder, ids[0], "run.json"), []byte("no record"), 0o644))
	old(ids[0])
	first := requireListed(len(ids))[len(ids)-1]
	require.Equal(t, ids[0], first.ID)

	// A label, a run that is gone and one that is new are seen at once.
	require.NoError(t, h.SetLabel(t.Context(), ids[5], func(l *Label) { l.Note = "seen" }))
	require.NoError(t, h.Remove(t.Context(), ids[6]))
	at := noon.Add(100 * time.Hour)
	require.NoError(t, h.Put(&Run{ID: at.Format(idTime) + "-0000", State: OK, Started: at, Ended: at, Name: "a-b"}))
	all := requireListed(len(ids))
	require.Equal(t, at.Format(idTime)+"-0000", all[0].ID)
	require.Equal(t, "seen", all[len(all)-6].Note)

	// A damaged index is none.
	text, err := os.ReadFile(filepath.Join(folder, indexFile))
	require.NoError(t, err)
	text[len(text)/2] ^= 1
	require.NoError(t, os.WriteFile(filepath.Join(folder, indexFile), text, 0o644))
	requireListed(len(ids) - 1) // the first one's record was overwritten above
	require.NoError(t, os.WriteFile(filepath.Join(folder, indexFile), nil, 0o644))
	requireListed(len(ids) - 1)
}
