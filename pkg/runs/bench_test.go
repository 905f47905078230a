package runs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/document"
	"flow/pkg/event"
	"flow/pkg/values"
)

// fill makes a history of ended runs of eight stages each.
func fill(b *testing.B, n int) *History {
	b.Helper()
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		at := noon.Add(time.Duration(i) * time.Minute)
		run := &Run{ID: at.Format(idTime) + fmt.Sprintf("-%04x", i&0xffff), State: OK, Started: at, Ended: at.Add(time.Minute),
			Origin: Origin{User: "ada", Host: "lab", PID: 7}, Git: &Git{Commit: digest.Sum([]byte(at.String())).Hex()[:40], Branch: "main"},
			Kept:   Kept{Lock: digest.Sum([]byte{1}), Snapshot: digest.Sum([]byte{2})},
			Params: Values{"params.yaml": {}}, Metrics: Values{"metrics.json": {}}}
		run.Name = baseName(run.ID)
		for k := range 10 {
			run.Params["params.yaml"][fmt.Sprint("train.p", k)] = values.Value{Kind: document.Int, Text: fmt.Sprint(r.IntN(100))}
			run.Metrics["metrics.json"][fmt.Sprint("m", k)] = values.Value{Kind: document.Float, Text: fmt.Sprint(r.Float64())}
		}
		for k := range 8 {
			run.Stages = append(run.Stages, Stage{Name: fmt.Sprint("stage", k), Status: event.Ran, Started: at, Ended: at.Add(time.Second),
				Reasons: []event.Reason{{Kind: event.ParamChanged, Subject: "params.yaml", Was: "1", Is: "2"}}, Action: run.Git.Commit,
				Usage: &Usage{Wall: 1, CPU: 1, MaxRSS: 1 << 20}, Log: &Log{Key: fmt.Sprint("stage", k), Lines: 10, Bytes: 100},
				Outs: []Out{{Path: fmt.Sprint("out", k), Content: digest.Content{ID: digest.Sum([]byte{byte(k)}), Mode: digest.File, Size: 9}}}})
		}
		text, err := json.Marshal(run)
		require.NoError(b, err)
		folder := filepath.Join(dir, ".flow", "runs", run.ID)
		require.NoError(b, os.MkdirAll(folder, 0o755))
		require.NoError(b, os.WriteFile(filepath.Join(folder, "run.json"), text, 0o644))
		if i%10 == 0 {
			require.NoError(b, os.WriteFile(filepath.Join(folder, "label.json"), []byte(`[{"tag":"t","at":"2026-11-26T12:00:00Z"}]`), 0o644))
		}
	}
	folders, err := filepath.Glob(filepath.Join(dir, ".flow", "runs", "*"))
	require.NoError(b, err)
	for _, folder := range folders { // as if it was a while ago
		require.NoError(b, os.Chtimes(folder, noon, noon))
	}
	root, err := disk.OpenRoot(dir)
	require.NoError(b, err)
	b.Cleanup(func() { root.Close() })
	return Open(root, ".flow")
}

func BenchmarkHistory(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		h := fill(b, n)
		b.Run(fmt.Sprint("list/", n), func(b *testing.B) {
			for b.Loop() {
				all, err := h.List()
				require.NoError(b, err)
				require.Len(b, all, n)
			}
		})
		b.Run(fmt.Sprint("latest/", n), func(b *testing.B) {
			for b.Loop() {
				_, err := h.Find(Latest)
				require.NoError(b, err)
			}
		})
	}
}
