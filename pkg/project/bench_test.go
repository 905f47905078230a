package project

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/engine"
)

// BenchmarkPlan_nothingToDo is what `flow repro` and `flow status` do when nothing changed,
// from opening the project on: 1,000 stages in ten layers.
func BenchmarkPlan_nothingToDo(b *testing.B) {
	const stages = 1000
	dir := b.TempDir()
	var text strings.Builder
	text.WriteString("stages:\n")
	for i := range stages {
		dep := fmt.Sprintf("out/%d", i-stages/10)
		if i < stages/10 {
			dep = fmt.Sprintf("in/%d", i)
			put(b, dir, dep, fmt.Sprintln(i))
		}
		put(b, dir, fmt.Sprintf("out/%d", i), fmt.Sprintln(i))
		fmt.Fprintf(&text, "  s%d:\n    cmd: cp %s out/%d\n    deps: [%s]\n    outs: [out/%d]\n", i, dep, i, dep, i)
	}
	put(b, dir, "pipeline.yaml", text.String())
	open := func() (*Project, *engine.Engine) {
		p, err := Open(dir)
		require.NoError(b, err)
		e, err := p.Engine()
		require.NoError(b, err)
		return p, e
	}
	p, e := open()
	require.NoError(b, p.Prepare())
	_, err := e.Commit(b.Context(), engine.CommitOptions{})
	require.NoError(b, err)
	p.Remember()
	b.ReportAllocs()
	for b.Loop() {
		_, e := open()
		plan, err := e.Plan(b.Context(), engine.Options{})
		require.NoError(b, err)
		require.True(b, plan.Fresh())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/stages, "ns/stage")
}
