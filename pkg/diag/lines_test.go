package diag

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLines_show(t *testing.T) {
	lines := NewLines([]byte("\ufeffa: 1\r\nbé: {c: d}\rlast"))
	require.Equal(t, 3, lines.Len())
	require.Equal(t, "a: 1", lines.Line(1))
	require.Empty(t, lines.Line(0))
	require.Empty(t, lines.Line(4))
	problem := At(Pos{File: "f", Line: 2, Col: 6}, "x")
	lines.Show(problem)
	require.Equal(t, "bé: {c: d}", problem.Line)
	require.Equal(t, 1, problem.Width)
	problem = At(Pos{File: "f", Line: 3, Col: 1}, "x")
	lines.Show(problem)
	require.Equal(t, 4, problem.Width)
	problem = At(Pos{File: "f", Line: 9, Col: 1}, "x")
	lines.Show(problem)
	require.Empty(t, problem.Line)
}

// TestLines_huge: what was refused for its size is not shown.
func TestLines_huge(t *testing.T) {
	require.Empty(t, NewLines(make([]byte, maxText+1)).Line(1))
	problem := At(Pos{File: "f", Line: 1, Col: 1}, "x")
	NewLines([]byte(strings.Repeat("x", 2000))).Show(problem)
	require.Empty(t, problem.Line)
}
