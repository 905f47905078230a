//go:build unix

package crashtest

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// newWatch starts `flow watch` in a world and waits until it waits.
func newWatch(t *testing.T, pipeline string, args ...string) (*world, *running) {
	t.Helper()
	w := newWorld(t)
	w.write("pipeline.yaml", pipeline)
	w.write("input.txt", "one\n")
	w.write("data/deep/a.txt", "a\n")
	r := w.command("sh", append([]string{"-c", `exec "$FLOW" watch "$@" 2> mark-said`, "sh"}, args...)...).start()
	w.waits(1)
	return w, r
}

// waits returns when flow watch has begun to wait for so many times.
func (w *world) waits(times int) {
	w.t.Helper()
	w.until("it waits", func() bool { return strings.Count(w.read("mark-said"), "waiting for a change of ") >= times })
}

const watched = `stages:
  first: {cmd: "echo first >> .runs; cat input.txt data/deep/* > a.txt", deps: [input.txt, data], outs: [a.txt]}
  second: {cmd: "echo second >> .runs; cat a.txt > b.txt", deps: [a.txt], params: [lr], outs: [b.txt]}
`

func TestWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("params.yaml", "lr: 1\n")
	w.write("pipeline.yaml", watched)
	w.write("input.txt", "one\n")
	w.write("data/deep/a.txt", "a\n")
	r := w.command("sh", "-c", `exec "$FLOW" watch 2> mark-said`).start()
	w.waits(1)
	require.Equal(t, map[string]int{"first": 1, "second": 1}, w.runs())
	require.Contains(t, w.read("mark-said"), "waiting for a change of data, input.txt, params.yaml, pipeline.yaml; Ctrl-C ends it\n")

	w.write("input.txt", "two\n")
	w.waits(2)
	require.Equal(t, "two\na\n", w.read("b.txt"))
	w.write("data/deep/new.txt", "new\n") // in a folder of a dep
	w.waits(3)
	require.Equal(t, "two\na\nnew\n", w.read("b.txt"))
	w.write("params.yaml.new", "lr: 2\n") // as editors do it
	require.NoError(t, syscall.Rename(w.path("params.yaml.new"), w.path("params.yaml")))
	w.waits(4)
	require.Equal(t, map[string]int{"first": 3, "second": 4}, w.runs())

	w.write("pipeline.yaml", watched+"  third: {cmdd: x}\n")
	w.waits(5)
	require.Contains(t, w.read("mark-said"), `stage "third" has an unknown key "cmdd"`)
	w.write("pipeline.yaml", watched+"  third: {cmd: \"cp b.txt c.txt\", deps: [b.txt], outs: [c.txt]}\n")
	w.waits(6)
	require.Equal(t, w.read("b.txt"), w.read("c.txt"))
	w.write("input.txt", "two\n") // the same again: nothing runs
	w.waits(7)
	require.Equal(t, map[string]int{"first": 3, "second": 4}, w.runs())

	r.signal(syscall.SIGINT)
	require.Equal(t, 0, r.wait().code)
	w.fine("status", "-q")
}

// TestWatch_duringARun: a change during a run makes one more run, also when there were
// many; what a stage writes makes none.
func TestWatch_duringARun(t *testing.T) {
	t.Parallel()
	w, r := newWatch(t, `stages:
  slow:
    cmd: |
      echo slow >> .runs
      cat input.txt > a.txt
      touch mark-started
      while [ -e mark-hold ]; do sleep 0.02; done
    deps: [input.txt]
    outs: [a.txt]
  other: {cmd: "echo other >> .runs; cp other.txt b.txt", deps: [other.txt, a.txt], outs: [b.txt]}
`)
	require.Contains(t, w.read("mark-said"), "other.txt", "it waits for what is not there yet, too")
	w.write("other.txt", "1\n")
	w.waits(2)
	require.Equal(t, map[string]int{"slow": 1, "other": 1}, w.runs())
	w.remove("mark-started")
	w.write("mark-hold", "")
	w.write("input.txt", "two\n")
	w.until("it runs", func() bool { return w.exists("mark-started") })
	for range 20 {
		w.write("other.txt", "2\n")
	}
	w.remove("mark-hold")
	w.until("it runs once more, or finds nothing to do", func() bool { return w.read("b.txt") == "2\n" })
	w.until("it waits", func() bool { return strings.HasSuffix(w.read("mark-said"), "Ctrl-C ends it\n") })
	require.LessOrEqual(t, w.runs()["other"], 3)
	require.Equal(t, 2, w.runs()["slow"])
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.wait().code)
}

// TestWatch_failure: a stage that fails, and a run that is stopped, end nothing but the
// run.
func TestWatch_failure(t *testing.T) {
	t.Parallel()
	w, r := newWatch(t, `stages:
  a: {cmd: "grep -v bad input.txt > a.txt", deps: [input.txt], outs: [a.txt]}
  b: {cmd: "touch mark-started; until [ -e mark-go ]; do sleep 0.02; done; cp slow.txt b.txt", deps: [slow.txt], outs: [b.txt]}
`, "a")
	w.write("input.txt", "bad\n")
	w.waits(2)
	require.Contains(t, w.read("mark-said"), `stage "a": the command ended with exit code 1`)
	require.Equal(t, "one\n", w.read("a.txt"))
	w.write("input.txt", "good\n")
	w.waits(3)
	require.Equal(t, "good\n", w.read("a.txt"))
	w.write("slow.txt", "not a target\n")
	r.signal(syscall.SIGINT)
	require.Equal(t, 0, r.wait().code)

	w.remove("mark-said")
	r = w.command("sh", "-c", `exec "$FLOW" watch 2> mark-said`).start()
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	r.signal(syscall.SIGINT)
	require.Equal(t, 0, r.wait().code)
	require.Contains(t, w.read("mark-said"), "interrupted in stage b; 1 of 2 stages done and saved")
	w.nobodyLeft()
}

// TestWatch_newFolder: a pipeline file that comes into a new folder is seen, whether the
// folder comes with it or before it; so is one that goes.
func TestWatch_newFolder(t *testing.T) {
	t.Parallel()
	w, r := newWatch(t, watched)
	w.write("params.yaml", "lr: 1\n")
	w.until("it has run", func() bool { return w.exists("b.txt") })
	for _, dir := range []string{"new", "new/deeper", "other/very/deep"} {
		w.write(dir+"/pipeline.yaml", "stages: {here: {cmd: pwd > here.txt, outs: [here.txt]}}\n")
		w.until("the stage in "+dir+" has run", func() bool { return w.exists(dir + "/here.txt") })
	}
	require.NoError(t, os.Mkdir(w.path("empty"), 0o755))
	w.write("elsewhere/pipeline.yaml.new", "stages: {here: {cmd: pwd > here.txt, outs: [here.txt]}}\n")
	require.NoError(t, syscall.Rename(w.path("elsewhere/pipeline.yaml.new"), w.path("empty/pipeline.yaml")))
	w.until("the stage in the folder that was empty has run", func() bool { return w.exists("empty/here.txt") })
	require.NoError(t, syscall.Rename(w.path("other"), w.path("moved")))
	w.until("the stage has run where its folder is now", func() bool { return strings.Contains(w.read("moved/very/deep/here.txt"), "/moved/") })
	w.until("it waits", func() bool { return strings.HasSuffix(w.read("mark-said"), "Ctrl-C ends it\n") })
	r.signal(syscall.SIGINT)
	require.Equal(t, 0, r.wait().code)
	w.fine("status", "-q")
}
