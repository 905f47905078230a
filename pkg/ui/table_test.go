package ui

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

func TestTable_alignsWideRunesAndTamesControls(t *testing.T) {
	table := Table{Header: []string{"Path", "Value"}, Rows: [][]string{{"日本", "1"}, {"e\u0301", "2"}, {"a\x1b[31m", "x\ny"}}}
	require.Equal(t, "Path    Value\n日本    1\ne\u0301       2\na\uFFFD[31m  x y\n", table.Text(Style{}))
	require.Equal(t, "| a\\|b |\n|------|\n| 1    |\n", Table{Header: []string{"a|b"}, Rows: [][]string{{"1"}}}.Markdown())
}

func TestExplain_placeCaretHint(t *testing.T) {
	mistake := diag.At(diag.Pos{File: "p.yaml", Line: 12, Col: 5}, "it is wrong").WithHint("mend it")
	mistake.Line, mistake.Width = "a:\t\tdepz\x1b", 4
	require.Equal(t, "p.yaml:12:5: it is wrong\n  12 | a:  depz\uFFFD\n     |     ^^^^ mend it\n", Explain(mistake, Style{}))
	mistake.Hint = ""
	require.Equal(t, "p.yaml:12:5: it is wrong\n  12 | a:  depz\uFFFD\n     |     ^^^^\n", Explain(mistake, Style{}))
	require.Equal(t, "error: one\nerror: two\n", Explain(errors.Join(errors.New("one"), errors.New("two")), Style{}))
}

func TestTable_fits(t *testing.T) {
	table := Table{Header: []string{"id", "name", "note"}, Rows: [][]string{
		{"1", "東京東京東京東京", strings.Repeat("long ", 20)},
		{"2", "b", "short"},
	}}
	for _, columns := range []int{30, 40, 60, 79, 200} {
		text := table.Fit(columns).Text(Style{})
		widest := 0
		for line := range strings.Lines(text) {
			widest = max(widest, TextWidth(strings.TrimSuffix(line, "\n")))
		}
		require.LessOrEqual(t, widest, columns, text)
		require.Contains(t, text, "short")
		require.Contains(t, text, "b  ")
	}
	require.Equal(t, table, table.Fit(0))
	require.Equal(t, table, table.Fit(200))
	require.Equal(t, "id  name     note\n1   東京東…  long lo…\n2   b        short\n", table.Fit(4).Text(Style{}), "no narrower than that")
	table.Whole = []string{"name"}
	require.Equal(t, "id  name              note\n1   東京東京東京東京  long lo…\n2   b                 short\n", table.Fit(4).Text(Style{}), "a whole column stays")
	require.Equal(t, 2+2+16+2+100, table.Width())
}
