package engine_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
)

// growth is some work on n stages: what it costs is counted, never timed.
type growth struct {
	name string
	most float64 // for each stage
	work func(t *testing.T, n int) (cost float64)
}

// TestGrowth holds the cost of a stage, and that ten times as many stages cost ten
// times as much: what grows faster is a run that nobody waits for at 10,000 stages.
func TestGrowth(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs hundreds of stages")
	}
	for _, g := range []growth{
		{"allocations: load a pipeline", 95, func(t *testing.T, n int) float64 {
			text := []byte(flatPipeline(n))
			return allocations(t, func() error {
				_, err := stages.Parse("pipeline.yaml", text, os.ReadFile)
				return err
			})
		}},
		{"allocations: read a compiled pipeline", 13, func(t *testing.T, n int) float64 {
			pipeline, err := stages.Parse("pipeline.yaml", []byte(flatPipeline(n)), os.ReadFile)
			require.NoError(t, err)
			data, err := pipeline.MarshalBinary()
			require.NoError(t, err)
			return allocations(t, func() error { return new(stages.Pipeline).UnmarshalBinary(data) })
		}},
		{"allocations: read a lock", 2, func(t *testing.T, n int) float64 {
			w := grown(t, n)
			text, err := os.ReadFile(w.path(lock.Name))
			require.NoError(t, err)
			return allocations(t, func() error {
				_, err := lock.Decode(lock.Name, text)
				return err
			})
		}},
		{"allocations: plan, nothing to do", 26, func(t *testing.T, n int) float64 {
			e := grown(t, n).open()
			return allocations(t, func() error {
				plan, err := e.Plan(context.Background(), everything)
				require.True(t, plan.Fresh())
				return err
			})
		}},
		{"changes and syncs of the disk: first run", 40, func(t *testing.T, n int) float64 {
			f := &fragile{t: t, fsys: disk.NewCrashing(), pipeline: flatPipeline(n)}
			for i := range n {
				file, err := f.fsys.Open(fmt.Sprint("in", i), os.O_CREATE|os.O_WRONLY, 0o644)
				require.NoError(t, err)
				_, err = fmt.Fprintln(file, i)
				require.NoError(t, err)
			}
			before := f.fsys.Calls()
			_, err := f.repro()
			require.NoError(t, err)
			return float64(f.fsys.Calls() - before)
		}},
	} {
		t.Run(g.name, func(t *testing.T) {
			const n = 20
			few, many := g.work(t, n), g.work(t, 10*n)
			t.Logf("%.0f for %d stages, %.0f for %d: %.1f for one more", few, n, many, 10*n, (many-few)/(9*n))
			require.LessOrEqual(t, (many-few)/(9*n), g.most, "for each stage")
			require.LessOrEqual(t, many, 12*few, "it grows faster than the stages")
		})
	}
}

// flatPipeline is stages that each copy a file.
func flatPipeline(n int) string {
	var text strings.Builder
	text.WriteString("stages:\n")
	for i := range n {
		fmt.Fprintf(&text, "  s%d: {cmd: in%d > out%d, deps: [in%d], outs: [out%d]}\n", i, i, i, i, i)
	}
	return text.String()
}

// grown is a world in which such a pipeline has run.
func grown(t *testing.T, n int) *world {
	files := map[string]string{"pipeline.yaml": flatPipeline(n)}
	for i := range n {
		files[fmt.Sprint("in", i)] = fmt.Sprintln(i)
	}
	w := newWorld(t, files)
	var log event.Log
	require.NoError(t, w.open().Repro(context.Background(), engine.Options{Jobs: 8}, &log))
	return w
}

func allocations(t *testing.T, do func() error) float64 {
	return testing.AllocsPerRun(3, func() { require.NoError(t, do()) })
}
