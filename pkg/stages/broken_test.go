package stages

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

// parsePartly reads a pipeline whose first file is text, and tells what is broken: by
// name, what it may make, and how many problems it has.
func parsePartly(t *testing.T, text string, more ...Source) (*Pipeline, map[string]string) {
	t.Helper()
	p, err := ParseAll(Options{Partial: true}, append([]Source{{File, []byte(text)}}, more...), folder{"params.yaml": "x: 1\n"}.read)
	require.NoError(t, err)
	broken := map[string]string{}
	for _, b := range p.Broken {
		broken[b.Name] = strings.Join(b.Outs, " ")
		require.NotEmpty(t, b.Problems)
		for _, problem := range b.Problems {
			require.NotEmpty(t, problem.Line, "%v", problem)
		}
	}
	return p, broken
}

const partly = `
pipelines: {all: [good, template], fine: [good, other]}
stages:
  good: {cmd: x, outs: [a]}
  template: {cmd: 'x ${nothing}', outs: [b, 'c-${nothing}.csv', '${nothing}']}
  group: {foreach: [1, 2], do: {wdir: d, cmd: 'x ${item.y}', outs: ['${item}.csv', {plain: {cache: false}}]}}
  key: {cmdd: x, outs: [e]}
  readsTemplate: {cmd: x, deps: [b/inner], outs: [f]}
  readsPattern: {cmd: x, deps: [c-1.csv], outs: [g]}
  readsGroup: {cmd: x, deps: [d/1.csv], outs: [h]}
  below: {cmd: x, deps: [f], outs: [i]}
  other: {cmd: 'x ${x}', deps: [a, raw.csv], outs: [j]}
`

func TestParse_partly(t *testing.T) {
	p, broken := parsePartly(t, partly)
	require.Equal(t, map[string]string{"template": "b c-*.csv", "group": "d/*.csv d/plain", "key": "e"}, broken)
	require.Equal(t, []string{"good", "readsTemplate", "readsPattern", "readsGroup", "below", "other"}, p.Names())
	graph, err := p.Graph()
	require.NoError(t, err)

	for target, places := range map[string]string{
		"good": "", "other": "", "fine": "",
		"template": "5:22 5:48 5:66", "group": "6:50", "group@1": "6:50", "key": "7:3 7:9",
		"readsTemplate": "5:22 5:48 5:66", "readsPattern": "5:22 5:48 5:66", "readsGroup": "6:50", "below": "5:22 5:48 5:66", "all": "5:22 5:48 5:66",
	} {
		var told []string
		names := p.Named(target)
		if len(names) > 0 {
			names = graph.Upstream(names...)
		}
		for _, problem := range p.Obstacles([]string{target}, names) {
			told = append(told, strings.TrimPrefix(problem.Pos.String(), File+":"))
		}
		require.Equal(t, places, strings.Join(told, " "), target)
	}
	require.Len(t, p.Obstacles(nil, nil), 6, "everything is asked for")

	_, err = ParseAll(Options{}, []Source{{File, []byte(partly)}}, folder{"params.yaml": "x: 1\n"}.read)
	require.Len(t, diag.All(err), 6, "without Partial, all of it is an error")
}

// TestParse_partlyFiles: a file that can't be read takes out its own stages only.
func TestParse_partlyFiles(t *testing.T) {
	p, broken := parsePartly(t, "stages:\n  good: {cmd: x, deps: [raw.csv], outs: [a]}\n  reads: {cmd: x, deps: [bad/out], outs: [b]}\n",
		Source{"bad/pipeline.yaml", []byte("stages: [\n")},
		Source{"odd/pipeline.yaml", []byte("plotz: []\npipelines: {p: [a]}\nstages:\n  a: {cmd: x, outs: [o]}\n")},
		Source{"fine/pipeline.yaml", []byte("stages:\n  a: {cmd: x, outs: [o]}\n")})
	require.Equal(t, map[string]string{"bad/pipeline.yaml": "", "odd/pipeline.yaml": ""}, broken)
	require.Equal(t, []string{"good", "reads", "fine/pipeline.yaml:a"}, p.Names())
	require.Empty(t, p.Obstacles([]string{"good"}, []string{"good"}))
	require.Len(t, p.Obstacles([]string{"reads"}, []string{"reads"}), 1)
	require.Len(t, p.Obstacles([]string{"odd/pipeline.yaml"}, nil), 1)
	require.Len(t, p.Obstacles([]string{"odd/pipeline.yaml:a"}, nil), 1)
}

// TestParse_partlyNot: what is wrong with the only file as a whole stays an error.
func TestParse_partlyNot(t *testing.T) {
	for _, text := range []string{"stages: [", "plotz: []\nstages: {a: {cmd: x}}\n", "vars: [nothing.yaml]\nstages: {a: {cmd: x}}\n",
		"stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o]}\n"} {
		_, err := ParseAll(Options{Partial: true}, []Source{{File, []byte(text)}}, nil)
		require.Error(t, err, text)
	}
}
