package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/dag"
	"flow/pkg/event"
	"flow/pkg/ui"
)

// TestMarkdown_fitsAComment: of a report that is too long for a comment, the longest parts
// are left out and the rest is told.
func TestMarkdown_fitsAComment(t *testing.T) {
	r := &Report{Project: "p_*", Old: "a", New: "b", Metrics: ui.Table{Header: []string{"Path", "Metric", "a", "b"}, Rows: [][]string{{"m", "k|<b>", "1", "2"}}}}
	for i := range 3000 {
		r.Outs = append(r.Outs, Out{Path: fmt.Sprintf("out-%d", i), Stage: "s", Content: "1234", From: []string{"dep"}})
	}
	text := r.Markdown()
	require.Less(t, len(text), 64<<10)
	require.Contains(t, text, "# p\\_\\*: b against a\n")
	require.Contains(t, text, `k\|<b>`)
	require.Contains(t, text, "too long for a comment")
	require.Contains(t, r.HTML(), "out-2999")
}

// TestGraph_statesHaveSigns: no state is told by its colour alone, and no two alike.
func TestGraph_statesHaveSigns(t *testing.T) {
	signs, words := map[string]bool{}, map[string]bool{}
	for _, l := range looks {
		require.NotEmpty(t, l.sign)
		require.False(t, signs[l.sign] || words[l.word], l.word)
		signs[l.sign], words[l.word] = true, true
	}
	graph, err := dag.Build([]string{"a"}, nil)
	require.NoError(t, err)
	g := &Graph{Title: "T", Graph: graph, Nodes: map[string]Node{"a": {Title: "</svg><script>", State: event.Fresh}}}
	require.Contains(t, g.Picture().SVG(), "✓ up to date")
	require.NotContains(t, strings.TrimSuffix(g.Picture().SVG(), "</svg>\n"), "</svg>")
}
