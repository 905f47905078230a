package difftest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dvcProject is a project that DVC itself makes, and what is then done to it.
type dvcProject struct {
	name  string
	files map[string]string // an executable one's name ends with *
	git   bool
	steps [][]string // words of DVC; "write", NAME, TEXT; "rm", NAME
	links bool       // the files are links, which a copy has to make anew
	stale bool       // what the steps leave is not up to date
	param [2]string  // a text of params.yaml and what takes its place, to run what depends on it
}

var dvcProjects = []dvcProject{
	{
		name: "files, dirs, params, metrics, groups and subfolders", git: true,
		files: map[string]string{
			"params.yaml":    "train: {lr: 0.1, epochs: 3.0, sizes: [1, 2]}\nnames: [us, uk]\nopts: {small: {n: 1}, large: {n: 2}}\n",
			"conf.json":      `{"seed": 7, "deep": {"a": 1e-5}}`,
			"data/raw.csv":   "a,b\n1,2\n",
			"images/1.txt":   "one",
			"images/é/2.txt": "two\r\n",
			"empty.txt":      "",
			"src/run.sh*":    "#!/bin/sh\ncat \"$@\"\n",
			".dvcignore":     "*.tmp\n",
			"images/x.tmp":   "not seen",
			"dvc.yaml": `# the pipeline
vars: [{tag: v1}]
stages:
  prepare:    # first
    cmd: echo prepare >> $FLOW_DIFF_LOG && mkdir -p data/prepared/deep && src/run.sh data/raw.csv > data/prepared/a && cp src/run.sh data/prepared/deep/run
    deps: [data/raw.csv, src/run.sh, src]
    outs:
      - data/prepared
  train:
    desc: it trains
    cmd: |
      echo train >> $FLOW_DIFF_LOG
      cat data/prepared/a params.yaml | tee model.txt > /dev/null; chmod +x model.txt

      echo '{"acc": 0.5}' > metrics.json
    deps:
      - data/prepared
      - empty.txt
    params: [train.lr, train.epochs, train.sizes, {conf.json: null}]
    outs:
      - model.txt: {desc: the model}
    metrics:
      - metrics.json: {cache: false}
  clean:
    foreach: ${names}
    do:
      cmd: echo clean@${item} >> $FLOW_DIFF_LOG && cat images/1.txt > "clean-${item}-${tag}.txt"
      deps: [images]
      outs:
        - clean-${item}-${tag}.txt
  grid:
    matrix:
      m: [cnn, {k: 1}]
      n: [1, 2]
    cmd:
      - echo grid@${key} >> $FLOW_DIFF_LOG
      - cat model.txt > grid-${key}.txt
    deps: [model.txt]
    outs: ["grid-${key}.txt"]
  each:
    foreach: ${opts}
    do:
      wdir: sub
      cmd: echo each@${key} >> $FLOW_DIFF_LOG && echo ${item.n} > each-${key}.txt && cat ../data/raw.csv >> each-${key}.txt
      deps: [../data/raw.csv]
      params: [{../params.yaml: ["opts.${key}.n"]}]
      outs: ["each-${key}.txt"]
  kept:
    cmd: echo kept >> $FLOW_DIFF_LOG && cat data/raw.csv >> kept.txt
    deps: [data/raw.csv]
    outs: [{kept.txt: {persist: true}}]
  still:
    cmd: echo still >> $FLOW_DIFF_LOG && cat empty.txt > still.txt
    deps: [empty.txt]
    outs: [still.txt]
`,
			"sub/dvc.yaml": `stages:
  s1:
    cmd: echo s1 >> $FLOW_DIFF_LOG && cp ../model.txt copy.txt
    deps: [../model.txt]
    outs: [copy.txt]
  prepare:
    cmd: echo sub-prepare >> $FLOW_DIFF_LOG; cat < data.txt > out.txt
    deps: [data.txt]
    outs: [out.txt]
`,
			"sub/data.txt": "data\n",
		},
		steps: [][]string{
			{"add", "-q", "data/raw.csv", "images", "empty.txt"}, {"add", "-q", "sub/data.txt"}, {"repro", "-P"},
			{"sed", "dvc.yaml", "  still:", "  still:\n    frozen: true"}, {"write", "empty.txt", ""},
			{"write", "params.yaml", "train: {lr: 0.2, epochs: 3.0, sizes: [1, 2]}\nnames: [us, uk]\nopts: {small: {n: 1}, large: {n: 2}}\n"},
			{"repro", "-P"},
		},
		param: [2]string{"lr: 0.2", "lr: 0.3"},
	},
	{
		name: "without git, numbers in other words, what is no longer declared",
		files: map[string]string{
			"params.yaml": "a: 1\nb: 2\n", "in.txt": "in\n", "gone.txt": "gone\n",
			"dvc.yaml": `stages:
  a:
    cmd: echo a >> $FLOW_DIFF_LOG && cat in.txt > a.txt && cp in.txt b.txt
    deps: [in.txt, gone.txt]
    params: [a, b]
    outs: [a.txt, b.txt]
  b:
    cmd: echo b >> $FLOW_DIFF_LOG && cat a.txt > c.txt
    deps: [a.txt]
    params: [b]
    outs: [c.txt]
`,
		},
		steps: [][]string{
			{"repro", "-q"},
			{"write", "params.yaml", "a: 1.0\nb: 2\n"},
			{"write", "dvc.yaml", `stages:
  a:
    cmd: echo a >> $FLOW_DIFF_LOG && cat in.txt > a.txt && cp in.txt b.txt
    deps: [in.txt]
    params: [a]
    outs: [a.txt]
  b:
    cmd: echo b >> $FLOW_DIFF_LOG && cat a.txt > c.txt
    deps: [a.txt]
    params: [b]
    outs: [c.txt]
`},
		},
		param: [2]string{"b: 2", "b: 3"},
	},
	{
		name: "stale in many ways", stale: true,
		files: map[string]string{
			"params.yaml": "p: 1\nq: 1\n", "in.txt": "in\n", "code.sh*": "cat in.txt\n", "data.txt": "data\n",
			"dvc.yaml": `stages:
  param: {cmd: 'echo param >> $FLOW_DIFF_LOG && cat in.txt > param.txt', deps: [in.txt], params: [p], outs: [param.txt]}
  code: {cmd: 'echo code >> $FLOW_DIFF_LOG && ./code.sh > code.txt', deps: [code.sh, in.txt], outs: [code.txt]}
  edited: {cmd: 'echo edited >> $FLOW_DIFF_LOG && cat in.txt > edited.txt', deps: [in.txt], outs: [edited.txt]}
  removed: {cmd: 'echo removed >> $FLOW_DIFF_LOG && cat in.txt > removed.txt', deps: [in.txt], outs: [removed.txt]}
  metric: {cmd: 'echo metric >> $FLOW_DIFF_LOG && echo 1 > metric.yaml', deps: [in.txt], metrics: [{metric.yaml: {cache: false}}]}
  always: {cmd: 'echo always >> $FLOW_DIFF_LOG && cat in.txt > always.txt', deps: [in.txt], always_changed: true, outs: [always.txt]}
  callback: {cmd: 'echo callback >> $FLOW_DIFF_LOG'}
  reworded: {cmd: 'echo reworded >> $FLOW_DIFF_LOG && cat in.txt > reworded.txt', deps: [in.txt], outs: [reworded.txt]}
  fresh: {cmd: 'echo fresh >> $FLOW_DIFF_LOG && cat in.txt > fresh.txt', deps: [in.txt], params: [q], outs: [fresh.txt]}
`,
		},
		steps: [][]string{
			{"add", "-q", "data.txt"}, {"repro", "-q"},
			{"write", "params.yaml", "p: 2\nq: 1\n"}, {"write", "code.sh", "cat in.txt in.txt\n"}, {"write", "edited.txt", "by hand\n"},
			{"rm", "removed.txt"}, {"rm", "metric.yaml"}, {"write", "data.txt", "other data\n"}, {"sed", "dvc.yaml", "in.txt > reworded", "./in.txt > reworded"},
			{"sed", "dvc.yaml", "  fresh:", "  new: {cmd: 'echo new >> $FLOW_DIFF_LOG && cat in.txt > new.txt', deps: [in.txt], outs: [new.txt]}\n  fresh:"},
		},
		param: [2]string{"q: 1", "q: 2"},
	},
	{
		name: "symbolic links into the cache", links: true,
		files: map[string]string{
			"params.yaml": "p: 1\n", "d/a": "a\n", "d/deep/b": "b\n", "in.txt": "in\n",
			"dvc.yaml": "stages:\n  a:\n    cmd: echo a >> $FLOW_DIFF_LOG && cat in.txt d/a params.yaml > a.txt\n    deps: [in.txt, d]\n    params: [p]\n    outs: [a.txt]\n",
		},
		steps: [][]string{{"config", "cache.type", "symlink"}, {"add", "-q", "d", "in.txt"}, {"repro"}},
		param: [2]string{"p: 1", "p: 2"},
	},
	{
		name: "hard links to the cache", git: true,
		files: map[string]string{
			"params.yaml": "p: 1\n", "d/a": "a\n", "d/deep/b": "b\n", "in.txt": strings.Repeat("0123456789abcdef\n", 100_000),
			"dvc.yaml": "stages:\n  a:\n    cmd: echo a >> $FLOW_DIFF_LOG && cat in.txt d/a params.yaml > a.txt\n    deps: [in.txt, d]\n    params: [p]\n    outs: [a.txt]\n",
		},
		steps: [][]string{{"config", "cache.type", "hardlink,copy"}, {"add", "-q", "d", "in.txt"}, {"repro"}},
		param: [2]string{"p: 1", "p: 2"},
	},
	{
		name: "the first formats: a cache without files/md5, digests of texts without carriage returns",
		files: map[string]string{
			"in.txt": "a\r\nb\r\n", "dvc.yaml": "stages:\n  a:\n    cmd: echo a >> $FLOW_DIFF_LOG && cp in.txt a.txt\n    deps: [in.txt]\n    outs: [a.txt]\n",
			"params.yaml": "p: 1\n", "a.txt": "a\r\nb\r\n",
			"dvc.lock": "schema: '2.0'\nstages:\n  a:\n    cmd: echo a >> $FLOW_DIFF_LOG && cp in.txt a.txt\n    deps:\n    - path: in.txt\n      md5: dd8c6a395b5dd36c56d23275028f526c\n      size: 6\n    outs:\n    - path: a.txt\n      md5: dd8c6a395b5dd36c56d23275028f526c\n      size: 6\n",
			".dvc/cache/dd/8c6a395b5dd36c56d23275028f526c": "a\r\nb\r\n",
		},
		param: [2]string{"p: 1", "p: 2"},
	},
}

func (p dvcProject) make(t *testing.T, s *side) {
	t.Helper()
	for name, text := range p.files {
		bare, exec := strings.CutSuffix(name, "*")
		require.NoError(t, s.write(bare, text, true))
		if exec {
			require.NoError(t, os.Chmod(filepath.Join(s.dir, bare), 0o755))
		}
	}
	words := []string{"init", "-q"}
	if p.git {
		out, err := exec.Command("git", "init", "-q", s.dir).CombinedOutput()
		require.NoError(t, err, "%s", out)
	} else {
		words = append(words, "--no-scm")
	}
	if _, err := os.Stat(filepath.Join(s.dir, ".dvc")); err == nil {
		words = append(words, "-f")
		saved := filepath.Join(s.dir, "..", "cache")
		require.NoError(t, os.Rename(filepath.Join(s.dir, ".dvc", "cache"), saved))
		defer func() { require.NoError(t, os.Rename(saved, filepath.Join(s.dir, ".dvc", "cache"))) }()
	}
	ignored := p.files[".dvcignore"]
	must(t, s, words...)
	if ignored != "" {
		require.NoError(t, s.write(".dvcignore", ignored, true))
	}
	for _, step := range p.steps {
		switch step[0] {
		case "write":
			require.NoError(t, s.write(step[1], step[2], true))
		case "rm":
			require.NoError(t, s.remove(step[1]))
		case "sed":
			require.NoError(t, sed(s.dir, step[1], step[2], step[3]))
		default:
			must(t, s, step...)
		}
	}
}
