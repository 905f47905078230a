package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/stages"
)

func TestRepro_globDeps(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "stages:\n  join:\n    cmd: src/a.py src/sub/b.py > all\n    deps: ['src/**/*.py']\n    outs: [all]\n",
		"src/a.py":      "a\n", "src/sub/b.py": "b\n", "src/notes.txt": "-",
		".flowignore": "hidden/\n", "src/hidden/x.py": "x\n",
	})
	w.repro(everything, "join")
	require.Contains(t, w.read("pipeline.lock"), "src/sub/b.py:")
	require.NotContains(t, w.read("pipeline.lock"), "hidden")
	w.write("src/notes.txt", "other")
	w.repro(everything)
	w.write("src/c.py", "c\n")
	w.repro(everything, "join")
	require.Equal(t, []string{"new dep src/c.py"}, w.reasons("join"))
	w.remove("src/c.py")
	w.repro(everything)
	require.Equal(t, event.Restored, w.ended()["join"])
	require.Equal(t, []string{"dep removed: src/c.py"}, w.reasons("join"))
}

func TestRepro_globDepsOfAStage(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": `stages:
  join:
    cmd: parts/1.txt parts/2.txt > all
    deps: ["parts/*.txt"]
    outs: [all]
  split:
    cmd: |
      raw > parts/1.txt
      tail raw > parts/2.txt
    deps: [raw]
    outs: ["parts/*.txt"]
`,
		"raw": "1\n2\n",
	})
	w.git = true
	w.repro(everything, "split", "join")
	require.Equal(t, "1\n2\n2\n", w.read("all"))
	require.Equal(t, "/*.txt\n", w.read("parts/.gitignore"))
	w.repro(everything)
	w.remove("parts/1.txt")
	w.repro(everything)
	require.Equal(t, event.Restored, w.ended()["split"])
	require.Equal(t, "1\n2\n", w.read("parts/1.txt"))

	w.write("pipeline.yaml", `stages:
  join: {cmd: parts/1.txt > all, deps: ["parts/*.txt"], outs: [all]}
  split: {cmd: raw > parts/1.txt, deps: [raw], outs: ["parts/*.txt"]}
`)
	w.repro(everything, "split", "join")
	require.NoFileExists(t, w.path("parts/2.txt"))
	w.repro(everything)

	w.write("parts/3.txt", "mine")
	w.repro(everything)
	require.Equal(t, []string{"new out parts/3.txt"}, w.reasons("split"))
	require.NoFileExists(t, w.path("parts/3.txt"))
	require.Contains(t, w.warnings(), "parts/3.txt holds what no stage made; it is kept in the cache")
}

func TestRepro_globFailureBringsBack(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "stages:\n  split:\n    cmd: |\n      raw > parts/1.txt\n    deps: [raw]\n    outs: ['parts/*.txt']\n", "raw": "1\n",
	})
	w.repro(everything, "split")
	w.write("pipeline.yaml", "stages:\n  split:\n    cmd: |\n      raw > parts/2.txt\n      fail\n    deps: [raw]\n    outs: ['parts/*.txt']\n")
	_, err := w.try(everything)
	require.ErrorContains(t, err, "exit code 3")
	require.Equal(t, "1\n", w.read("parts/1.txt"))
	require.Contains(t, w.read(".flow/failed/split/log"), "it failed")
}

func TestRepro_globThatMatchesNothing(t *testing.T) {
	w := newWorld(t, map[string]string{"pipeline.yaml": "stages:\n  a: {cmd: x > out, deps: ['src/*.py'], outs: [out]}\n"})
	_, err := w.try(everything)
	require.ErrorContains(t, err, "no file matches the dep src/*.py")
}

func TestRepro_globOverWhatComesLater(t *testing.T) {
	w := newWorld(t, map[string]string{"pipeline.yaml": `stages:
  a: {cmd: x/m.v1/raw > out, deps: ['x/**/raw'], outs: [out]}
  b: {cmd: src > x/m.v1/raw, deps: [src], outs: [x/m.v1]}
`, "src": "1\n", "x/raw": "0\n", "x/m.v1/raw": "0\n"})
	_, err := w.try(everything)
	require.ErrorContains(t, err, `the dep x/**/raw matches x/m.v1/raw, which "b" makes`)
}

func TestRepro_optionalOut(t *testing.T) {
	w := newWorld(t, map[string]string{
		"pipeline.yaml": "stages:\n  a:\n    cmd: raw > out\n    deps: [raw]\n    outs: [out, {extra: {optional: true}}]\n", "raw": "1\n",
	})
	w.repro(everything, "a")
	require.NotContains(t, w.read("pipeline.lock"), "extra")
	w.repro(everything)
	w.write("pipeline.yaml", "stages:\n  a:\n    cmd: |\n      raw > out\n      raw > extra\n    deps: [raw]\n    outs: [out, {extra: {optional: true}}]\n")
	w.repro(everything, "a")
	w.remove("extra")
	w.repro(everything)
	require.Equal(t, "1\n", w.read("extra"))
}

const tempPipeline = `stages:
  make: {cmd: raw > big, deps: [raw], outs: [{big: {temp: true}}]}
  one: {cmd: big p1 > out1, deps: [big, p1], outs: [out1]}
  two: {cmd: big p2 > out2, deps: [big, p2], outs: [out2]}
`

func TestRepro_tempOut(t *testing.T) {
	w := newWorld(t, map[string]string{"pipeline.yaml": tempPipeline, "raw": "1\n", "p1": "x\n", "p2": "y\n"})
	w.repro(everything, "make", "one", "two")
	require.NoFileExists(t, w.path("big"))
	w.repro(everything) // all is up to date without it
	require.Equal(t, event.Fresh, w.ended()["make"])

	w.write("p2", "z\n")
	w.repro(everything, "make", "two")
	require.Equal(t, []string{"out big is missing"}, w.reasons("make"))
	require.Equal(t, event.Fresh, w.ended()["one"])
	require.NoFileExists(t, w.path("big"))

	w.remove("out1") // restored from the cache: big is not needed
	w.repro(everything)
	require.Equal(t, event.Restored, w.ended()["one"])
}

func TestRepro_tempOutStaysForAFailure(t *testing.T) {
	w := newWorld(t, map[string]string{"pipeline.yaml": tempPipeline, "raw": "1\n", "p1": "x\n"})
	w.write("p2", "y\n")
	w.write("pipeline.yaml", w.read("pipeline.yaml")+"  three: {cmd: fail, deps: [big], outs: [out3]}\n")
	_, err := w.try(engine.Options{KeepGoing: true})
	require.Error(t, err)
	require.FileExists(t, w.path("big"))
	w.repro(engine.Options{Selection: engine.Selection{Targets: []string{"one"}}})
	require.FileExists(t, w.path("big"), "others, which are not asked for, may need it")
}

// probed opens an engine whose deps outside the project are in a map.
func (w *world) probed(outside map[string]string, options engine.Options) ([]string, error) {
	w.runner.ran, w.log = nil, nil
	e := w.open()
	e.Probe = func(_ context.Context, dep stages.Dep, _ engine.Command) (digest.Content, error) {
		text, found := outside[dep.Path]
		if !found {
			return digest.Content{}, errors.New("nobody answers")
		}
		return digest.Content{ID: digest.Sum([]byte(text)), Mode: digest.File}, nil
	}
	err := e.Repro(context.Background(), options, &w.log)
	return w.runner.ran, err
}

func TestRepro_depsOutsideTheProject(t *testing.T) {
	w := newWorld(t, map[string]string{"raw": "1\n", "pipeline.yaml": `stages:
  a:
    cmd: raw > out
    deps: [raw, {cmd: "psql -c 'select 1'"}, {env: SEED}, {exe: python3}, "https://example.org/x.csv"]
    outs: [out]
`})
	outside := map[string]string{"cmd:psql -c 'select 1'": "1", "env:SEED": "7", "exe:python3": "ELF", "https://example.org/x.csv": "v1"}
	for _, change := range []string{"", "env:SEED", "cmd:psql -c 'select 1'", "exe:python3", "https://example.org/x.csv"} {
		if change != "" {
			outside[change] += "+"
		}
		ran, err := w.probed(outside, everything)
		require.NoError(t, err)
		require.Equal(t, []string{"a"}, ran)
		if change != "" {
			require.Len(t, w.reasons("a"), 1)
			require.Contains(t, w.reasons("a")[0], "dep "+change+" changed")
		}
		ran, err = w.probed(outside, everything)
		require.NoError(t, err)
		require.Empty(t, ran)
	}
	delete(outside, "env:SEED")
	_, err := w.probed(outside, everything)
	require.ErrorContains(t, err, "the dep env:SEED can't be told: nobody answers")
}
