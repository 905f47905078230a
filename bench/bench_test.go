package main

import (
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBench_everyRowDoesItsWork runs each workload once, tiny, with the tools that are
// there: a row whose check fails is an error.
func TestBench_everyRowDoesItsWork(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds flow")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are for a Unix shell")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	b, err := newBench(options{runs: 1, folder: t.TempDir()})
	require.NoError(t, err)
	for _, w := range workloads {
		t.Run(w.Name, func(t *testing.T) {
			table, err := b.workload(w, min(5, w.Size))
			require.NoError(t, err)
			if len(table.Rows) == 0 {
				t.Skipf("needs what is missing: %v", table.Missing)
			}
			require.Equal(t, "flow", table.Rows[0].Tool)
			require.InDelta(t, 1, table.Rows[0].Ratio, 0)
		})
	}
}

func TestSplitWords(t *testing.T) {
	require.Equal(t, []string{"sh", "-c", "a && b", "c"}, splitWords("sh -c 'a && b' c"))
}

func TestContenders_theOtherFlow(t *testing.T) {
	b := &bench{options: options{against: "other"}}
	who := b.contenders(Workload{Who: []Contender{{Tool: "flow", Reset: "mkdir out && flow init --quiet", Run: "flow repro --quiet"}}})
	require.Equal(t, "mkdir out && flow-against init --quiet", who[1].Reset)
	require.Equal(t, "flow-against repro --quiet", who[1].Run)
	require.Equal(t, "flow repro --quiet", who[0].Run)
}

func TestSizes(t *testing.T) {
	b := &bench{options: options{scale: 0.5}}
	require.Equal(t, []int{500}, b.sizes(Workload{Size: 1000}))
	require.Equal(t, []int{0}, b.sizes(Workload{}))
	b.grow = true
	require.Equal(t, []int{7, 31, 125, 500}, b.sizes(Workload{Size: 1000}))
	require.Equal(t, []int{2}, b.sizes(Workload{Size: 4}))
}
