package stages

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

const whole = `# every key
data:
  - raw.csv
  - {path: images, desc: pictures, frozen: true}
env: {A: 1, B: two}
shell: sh -c
params: [other.yaml]
metrics: [summary.json]
plots:
  - curve.csv
  - roc.csv: {x: fpr, y: tpr, title: ROC}
stages:
  prepare:
    cmd: python prepare.py
    desc: cleans
    wdir: sub
    deps: [prepare.py, ../raw.csv]
    params: [a.b, {more.toml: [x, y]}, {whole.json: null}]
    outs:
      - clean
      - model: {cache: false, persist: true, push: false, remote: r, desc: d}
    env: {B: 3}
  train:
    cmd: [one, two]
    shell: [bash, -c]
    metrics: [{metrics.json: {cache: false, direction: {acc: higher, loss: lower}}}]
    plots: [{p.csv: {x: epoch, y: loss, header: false}}]
    frozen: true
    always_changed: true
    timeout: 1h30m
    retries: {times: 2, wait: 1d}
    resources: {cpu: 2, memory: 4GiB, gpu: 1, licence: 3}
    meta: {who: me}
  test: {cmd: x, retries: 2, timeout: 2d1h, resources: {memory: 512 MB}}
`

func TestParse_everyKey(t *testing.T) {
	p, err := Parse("pipeline.yaml", []byte(whole), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"data:raw.csv", "data:images", "prepare", "train", "test"}, p.Names())

	prepare, _ := p.Stage("prepare")
	require.Equal(t, "sub", prepare.Wdir)
	require.Equal(t, "sub/prepare.py", prepare.Deps[0].Path)
	require.Equal(t, "raw.csv", prepare.Deps[1].Path)
	require.Equal(t, []EnvVar{{"A", "1"}, {"B", "3"}}, prepare.Env)
	require.Equal(t, []string{"sh", "-c"}, prepare.Shell)
	var params []string
	for _, param := range prepare.Params {
		params = append(params, param.File+":"+param.Key)
	}
	require.Equal(t, []string{"sub/more.toml:x", "sub/more.toml:y", "sub/params.yaml:a.b", "sub/whole.json:"}, params)
	require.Equal(t, "sub/model", prepare.Outs[1].Path)
	require.False(t, prepare.Outs[1].Cache)
	require.True(t, prepare.Outs[1].Persist)

	train, _ := p.Stage("train")
	require.Equal(t, []string{"one", "two"}, train.Cmd)
	require.Equal(t, "lower", train.Outs[0].Direction["loss"])
	require.Equal(t, "epoch", train.Outs[1].Plot.X[0].Field)
	require.True(t, train.Frozen)
	require.True(t, train.AlwaysChanged)

	graph, err := p.Graph()
	require.NoError(t, err)
	require.Equal(t, []string{"data:raw.csv"}, graph.Parents("prepare"))
}

func TestParse_mistakes(t *testing.T) {
	for name, test := range map[string]struct{ text, place, says string }{
		"unknown key":      {"stages:\n  a: {cmd: x, depz: [y]}\n", "2:15", `"depz"`},
		"unknown top key":  {"stagez:\n", "1:1", `"stagez"`},
		"no cmd":           {"stages:\n  a: {deps: [y]}\n", "2:3", "has no cmd"},
		"empty cmd":        {"stages:\n  a: {cmd: ''}\n", "2:12", "cmd is empty"},
		"cmd is a map":     {"stages:\n  a: {cmd: {x: y}}\n", "2:12", "cmd must be a text"},
		"deps is no list":  {"stages:\n  a: {cmd: x, deps: y}\n", "2:21", "deps must be a list"},
		"stages is a list": {"stages: [a]\n", "1:9", "stages must be a mapping"},
		"outside":          {"stages:\n  a: {cmd: x, outs: [../y]}\n", "2:22", "outside the project"},
		"absolute":         {"stages:\n  a: {cmd: x, outs: [/etc/passwd]}\n", "2:22", "absolute"},
		"wdir outside":     {"stages:\n  a: {cmd: x, wdir: ../..}\n", "2:21", "outside the project"},
		"into .git":        {"stages:\n  a: {cmd: x, outs: [.git/hooks/x]}\n", "2:22", "can't be used"},
		"into .flow":       {"stages:\n  a: {cmd: x, outs: [.flow/config]}\n", "2:22", "can't be used"},
		"own out":          {"stages:\n  a: {cmd: x, deps: [y/z], outs: [y]}\n", "2:22", "depends on its own out"},
		"two owners":       {"stages:\n  a: {cmd: x, outs: [y]}\n  b: {cmd: x, outs: [./z/../y]}\n", "3:22", "is also an out of"},
		"twice":            {"stages:\n  a: {cmd: x, outs: [y, y]}\n", "2:25", "declared twice"},
		"overlap":          {"stages:\n  a: {cmd: x, outs: [y]}\n  b: {cmd: x, outs: [y/z]}\n", "3:22", "lies inside"},
		"source is an out": {"data: [y]\nstages:\n  a: {cmd: x, outs: [y]}\n", "3:22", "also an out"},
		"cycle":            {"stages:\n  a: {cmd: x, deps: [c], outs: [b]}\n  b: {cmd: x, deps: [b], outs: [c]}\n", "2:3", "in a circle: a → b → a"},
		"bad name":         {"stages:\n  a/b: {cmd: x}\n", "2:3", "belong to paths"},
		"frozen is a text": {"stages:\n  a: {cmd: x, frozen: maybe}\n", "2:23", "true or false"},
		"direction":        {"stages:\n  a: {cmd: x, metrics: [{m: {direction: up}}]}\n", "2:41", "no direction"},
		"flag of an out":   {"stages:\n  a: {cmd: x, outs: [{y: {cach: false}}]}\n", "2:27", `"cach"`},
		"url":              {"stages:\n  a: {cmd: x, deps: ['s3://b/k']}\n", "2:22", "is a URL"},
		"foreach with cmd": {"stages:\n  a: {foreach: [1], cmd: x}\n", "2:3", "without do"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("pipeline.yaml", []byte(test.text), nil)
			require.Error(t, err)
			var places []string
			for _, problem := range diag.All(err) {
				places = append(places, fmt.Sprintf("%d:%d %s", problem.Pos.Line, problem.Pos.Col, problem.Msg))
				require.NotEmpty(t, problem.Line, "the line itself is shown: %v", problem)
			}
			require.True(t, strings.HasPrefix(places[0], test.place+" "), "%v", places)
			require.Contains(t, places[0], test.says)
		})
	}
}

func TestParse_allMistakesAtOnce(t *testing.T) {
	_, err := Parse("pipeline.yaml", []byte("stages:\n  a: {cmdd: x}\n  b: {cmd: x, outs: [../y]}\n"), nil)
	require.Len(t, diag.All(err), 3)
}

func TestParse_empty(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "stages:\n", "stages: {}\n"} {
		p, err := Parse("pipeline.yaml", []byte(text), nil)
		require.NoError(t, err, "%q", text)
		require.Empty(t, p.Stages)
	}
}

// FuzzParse: no text makes the loader panic, every mistake has a place in it, and what
// is read in part has no more stages than what is read as a whole.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(partly)
	f.Add("stages:\n  a: {cmd: x, outs: [../y], depz: 1}\n")
	f.Add("artifacts: {a: {path: x, labels: [1]}}\nplots: [{p: {x: {a: b}, y: {c: [d, e]}}}]\npipelines: {a: [b]}\n")
	f.Add("stages: {a: {map: {over: 'd/*', batch: 2}, cmd: 'x ${map.path}', outs: ['o/${map.stem}'], retries: {times: 1}, timeout: 1d}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("pipeline.yaml", []byte(text), nil)
		for _, problem := range diag.All(err) {
			requirePlace(t, problem, text)
		}
		part, partErr := ParseWith(Options{Partial: true}, "pipeline.yaml", []byte(text), nil)
		if err == nil {
			require.NoError(t, partErr)
			require.Empty(t, part.Broken)
			require.Equal(t, p.Names(), part.Names())
		}
		if partErr != nil {
			return
		}
		require.Equal(t, err != nil, len(part.Broken) > 0)
		for _, broken := range part.Broken {
			for _, problem := range broken.Problems {
				requirePlace(t, problem, text)
			}
			require.NotEmpty(t, part.Obstacles([]string{broken.Name}, nil))
		}
		_, err = part.Graph()
		require.NoError(t, err)
	})
}

// requirePlace holds a mistake to a place in the only file.
func requirePlace(t *testing.T, problem *diag.Error, text string) {
	t.Helper()
	require.Equal(t, "pipeline.yaml", problem.Pos.File, "%v", problem)
	require.Positive(t, problem.Pos.Line, "%v", problem)
	require.Positive(t, problem.Pos.Col, "%v", problem)
	require.LessOrEqual(t, problem.Pos.Line, lineBreaks(text)+1)
	require.LessOrEqual(t, problem.Pos.Col, len([]rune(text))+1)
	require.NotContains(t, problem.Msg+problem.Hint, "\n")
}

// lineBreaks counts what YAML ends a line with.
func lineBreaks(text string) int {
	count := 1
	for _, r := range text {
		if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) {
			count++
		}
	}
	return count
}

func BenchmarkParse_10000Stages(b *testing.B) {
	text := []byte(manyStages(10000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		p, err := Parse("pipeline.yaml", text, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Graph(); err != nil {
			b.Fatal(err)
		}
	}
}

// manyStages is ten layers of stages, each reading one out of the layer above.
func manyStages(n int) string {
	var text strings.Builder
	text.WriteString("stages:\n")
	for i := range n {
		fmt.Fprintf(&text, "  s%d:\n    cmd: cat in > out\n    deps:\n    - src%d\n", i, i)
		if i >= n/10 {
			fmt.Fprintf(&text, "    - out%d\n", i-n/10)
		}
		fmt.Fprintf(&text, "    outs:\n    - out%d\n", i)
	}
	return text.String()
}
