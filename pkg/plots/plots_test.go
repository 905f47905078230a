package plots

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/stages"
)

// FuzzReadTable: no file makes it panic, each row fits the columns, and what was read is
// drawn.
func FuzzReadTable(f *testing.F) {
	f.Add("a.csv", "x,y\n1,2\n", true)
	f.Add("a.tsv", "1\t\"2\n", false)
	f.Add("a.json", `{"a": {"b": [{"x": NaN}, {"x": 1, "y": null}]}, "c": [{"z": []}]}`, true)
	f.Add("a.yaml", "- {a: 1, b: x}\n- {b: 2}\n", true)
	f.Add("a.toml", "[[a]]\nx = 1\n", true)
	f.Fuzz(func(t *testing.T, name, content string, header bool) {
		if len(content) > 4096 {
			return
		}
		table, err := ReadTable(name, []byte(content), header)
		if err != nil {
			return
		}
		for _, row := range table.Rows {
			require.LessOrEqual(t, len(row), len(table.Columns))
		}
		for _, template := range Templates() {
			plot := stages.Plot{ID: name, Path: name, Template: template[0], Header: header}
			for _, figure := range Figures([]Source{{Revision: "r", Plot: plot, Files: []File{{Path: name, Content: []byte(content)}}}}) {
				if drawn := figure.Chart(); drawn != nil {
					require.True(t, strings.HasSuffix(drawn.Picture(400).SVG(), "</svg>\n"))
					drawn.Sketch(60)
				}
			}
		}
	})
}

func figuresOf(t *testing.T, plot stages.Plot, files map[string]string) []*Figure {
	t.Helper()
	source := Source{Plot: plot}
	for name, content := range files {
		source.Files = append(source.Files, File{Path: name, Content: []byte(content)})
	}
	return Figures([]Source{source})
}

// TestFigures_dvclive: the files of DVCLive are drawn as it means them.
func TestFigures_dvclive(t *testing.T) {
	plot := stages.Plot{ID: LivePlots, Path: LivePlots, Header: true}
	curve := figuresOf(t, plot, map[string]string{"dvclive/plots/metrics/train/loss.tsv": "step\tloss\n0\t0.5\n1\t0.25\n"})[0]
	require.Equal(t, "dvclive/plots/metrics/train/loss.tsv", curve.ID)
	require.Equal(t, "step", curve.Series[0].XField)
	require.Equal(t, "loss", curve.Series[0].Field)
	confusion := figuresOf(t, plot, map[string]string{"dvclive/plots/sklearn/confusion_matrix.json": `[{"actual": "0", "predicted": "1"}]`})[0]
	require.Equal(t, "confusion", confusion.Template)
	require.Equal(t, "True label", confusion.XLabel)
	roc := figuresOf(t, plot, map[string]string{"dvclive/plots/sklearn/roc.json": `{"roc": [{"fpr": 0, "tpr": 0.1, "threshold": 2}]}`})[0]
	require.Equal(t, "tpr", roc.Series[0].Field)
	require.Empty(t, roc.Faults)
}

// TestNames_asFewWordsAsWillDo tells series apart by what differs.
func TestNames_asFewWordsAsWillDo(t *testing.T) {
	both := Figure{Series: []Series{{Revision: "a", File: "x/p/1.csv", Field: "l"}, {Revision: "b", File: "x/p/1.csv", Field: "l"}}}
	require.Equal(t, []string{"a", "b"}, both.names())
	files := Figure{Series: []Series{{Revision: "a", File: "x/p/1.csv", Field: "l"}, {Revision: "a", File: "x/q/1.csv", Field: "l"}}}
	require.Equal(t, []string{"p/1.csv", "q/1.csv"}, files.names())
	one := Figure{Series: []Series{{Revision: "a", File: "1.csv", Field: "l"}}}
	require.Equal(t, []string{""}, one.names())
}

// Where no column is declared, all revisions are drawn by the one that is the last of the
// first list of the first revision; a revision without it by its own. A point that lacks
// it is a gap, also in JSON.
func TestFigures_undeclaredColumn(t *testing.T) {
	plot := stages.Plot{ID: "p.json", Path: "p.json", Header: true}
	source := func(rev, text string) Source {
		return Source{Revision: rev, Plot: plot, Files: []File{{Path: "p.json", Content: []byte(text)}}}
	}
	figures := Figures([]Source{
		source("one", `{"points": [{"a": 1, "loss": 2}, {"a": 2}], "more": [{"z": 1}]}`),
		source("two", `[{"loss": 3, "a": 1}]`),
		source("three", `[{"b": 3}]`),
	})
	require.Len(t, figures, 1)
	require.Empty(t, figures[0].Faults)
	var fields []string
	for _, series := range figures[0].Series {
		fields = append(fields, series.Field)
	}
	require.Equal(t, []string{"loss", "loss", "b"}, fields)
	told, err := json.Marshal(Numbers(figures[0].Series[0].Y))
	require.NoError(t, err)
	require.JSONEq(t, `[2, null]`, string(told))
}
