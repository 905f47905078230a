package stages

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

// columnsText is an axis as file:field.
func columnsText(columns []Column) []string {
	var texts []string
	for _, column := range columns {
		texts = append(texts, column.File+":"+column.Field)
	}
	return texts
}

func TestParse_plotAxes(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		path  string
		x, y  []string
		files []string
	}{
		"a path":             {"- p.csv", "p.csv", nil, nil, []string{"p.csv"}},
		"a field":            {"- p.csv: {x: e, y: l}", "p.csv", []string{":e"}, []string{":l"}, []string{"p.csv"}},
		"several fields":     {"- p.csv: {y: [l, m]}", "p.csv", nil, []string{":l", ":m"}, []string{"p.csv"}},
		"files":              {"- ROC: {x: f, y: {a.json: t, b.json: [t, u]}}", "", []string{":f"}, []string{"a.json:t", "b.json:t", "b.json:u"}, []string{"a.json", "b.json"}},
		"x of another file":  {"- ROC: {x: {x.csv: f}, y: {a.csv: t}}", "", []string{"x.csv:f"}, []string{"a.csv:t"}, []string{"a.csv", "x.csv"}},
		"x beside the path":  {"- p.csv: {x: {x.csv: f}, y: t}", "p.csv", []string{"x.csv:f"}, []string{":t"}, []string{"p.csv", "x.csv"}},
		"a mapping of plots": {"  ROC: {y: {d/../a.csv: t}}", "", nil, []string{"a.csv:t"}, []string{"a.csv"}},
		"no name of a path":  {"- 'a/../../b: what?': {y: {a.csv: t}}", "", nil, []string{"a.csv:t"}, []string{"a.csv"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(File, []byte("plots:\n"+test.text+"\n"), nil)
			require.NoError(t, err)
			require.Len(t, p.Plots, 1)
			plot := p.Plots[0]
			require.Equal(t, test.path, plot.Path)
			require.Equal(t, test.x, columnsText(plot.X))
			require.Equal(t, test.y, columnsText(plot.Y))
			require.Equal(t, test.files, plot.Files())
		})
	}
}

func TestParse_artifacts(t *testing.T) {
	p, err := Parse("sub/pipeline.yaml", []byte("artifacts:\n  cv-model: {path: m.bin, desc: d, type: model, labels: [a, 1], meta: {x: [1]}}\n  b: {path: ../b}\n"), nil)
	require.NoError(t, err)
	require.Len(t, p.Artifacts, 2)
	first := p.Artifacts[0]
	require.Equal(t, "cv-model sub/m.bin d model [a 1]", fmt.Sprint(first.ID, " ", first.Path, " ", first.Desc, " ", first.Type, " ", first.Labels))
	require.Equal(t, []string{"x"}, first.Meta.Keys())
	require.Equal(t, "b", p.Artifacts[1].Path)
}

func TestParse_artifactsFilledIn(t *testing.T) {
	p, err := Parse(File, []byte("vars: [{n: net, d: out}]\nartifacts: {'${n}': {path: '${d}/m', type: '${n}'}}\n"), nil)
	require.NoError(t, err)
	require.Equal(t, "net out/m net", fmt.Sprint(p.Artifacts[0].ID, " ", p.Artifacts[0].Path, " ", p.Artifacts[0].Type))
}

func TestParse_plotAndArtifactMistakes(t *testing.T) {
	for text, says := range map[string]string{
		"artifacts: [a]":                                     "1:12 artifacts must be a mapping, not a list",
		"artifacts: {a: x}":                                  "1:16 artifact a must be a mapping, not a text",
		"artifacts: {a: {type: model}}":                      "1:13 artifact a has no path",
		"artifacts: {a: {path: ../x}}":                       `1:23 path of artifact a "../x" lies outside the project`,
		"artifacts: {a: {path: x, label: [y]}}":              `1:26 artifact a has an unknown key "label"`,
		"artifacts: {a: {path: x, labels: y}}":               "1:34 labels must be a list, not a text",
		"artifacts: {a: {path: x, labels: [[y]]}}":           "1:35 a label must be a text, not a list",
		"artifacts: {a: {path: x, type: [y]}}":               "1:32 type must be a text, not a list",
		"artifacts: {a: {path: x, desc: {}}}":                "1:32 desc must be a text, not a mapping",
		"plots: [{p: {x: [a]}}]":                             "1:17 x must be a text, not a list",
		"plots: [{p: {y: []}}]":                              "1:17 y is empty",
		"plots: [{p: {y: {}}}]":                              "1:17 y is empty",
		"plots: [{p: {y: {a: [[b]]}}}]":                      "1:22 y must be a text, not a list",
		"plots: [{p: {y: {../a: b}}}]":                       `1:18 file of y "../a" lies outside the project`,
		"plots: [{p: word}]":                                 "1:13 plot p must be a mapping, not a text",
		"plots: [{../p: {y: a}}]":                            `1:10 plot "../p" lies outside the project`,
		"stages: {a: {cmd: x, plots: [{p: {y: [a]}}]}}":      "1:38 y must be a text, not a list",
		"stages: {a: {cmd: x, outs: [{p: {type: [a]}}]}}":    "1:40 type must be a text, not a list",
		"stages: {a: {cmd: x, metrics: [{p: {labels: a}}]}}": "1:45 labels must be a list, not a text",
	} {
		t.Run(text, func(t *testing.T) {
			_, err := Parse(File, []byte(text), nil)
			problems := diag.All(err)
			require.NotEmpty(t, problems)
			require.Equal(t, says, fmt.Sprintf("%d:%d %s", problems[0].Pos.Line, problems[0].Pos.Col, problems[0].Msg))
			require.NotEmpty(t, problems[0].Line)
		})
	}
}
