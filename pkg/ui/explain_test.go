package ui

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

// TestExplain_long: a line of any length, and a mistake of any width anywhere in it, is
// shown in a few lines that fit.
func TestExplain_long(t *testing.T) {
	for _, size := range []int{0, 1, longestLine - 1, longestLine, longestLine + 1, 10_000} {
		for _, at := range []int{0, 1, longestLine - 1, longestLine, longestLine + 1, 9_999, 20_000} {
			for _, width := range []int{0, 1, longestLine, longestLine + 1, 100_000_000} {
				problem := diag.At(diag.Pos{File: "f", Line: 1, Col: at + 1}, "x").WithHint("mend it")
				problem.Line, problem.Width = strings.Repeat("é", size), width
				for line := range strings.Lines(Explain(problem, Style{})) {
					require.Less(t, len([]rune(line)), 2*longestLine+40, "size %d, at %d, width %d", size, at, width)
				}
			}
		}
	}
}
