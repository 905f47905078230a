//go:build unix

package crashtest

import (
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pipelineText is four stages: a folder with all kinds of files, a file in a folder,
// a folder that is kept between runs, and a metric that git keeps.
const pipelineText = `stages:
  fetch:
    cmd: |
      echo fetch >> .runs
      mkdir -p raw/deep/er raw/empty
      for i in 1 2 3 4 5 6; do seq $i 40 400 | sed "s/^/$(cat input.txt) /" > raw/deep/er/f$i; done
      seq 1 LINES | sed "s/^/$(cat input.txt) /" > raw/big.txt
      echo 'echo hi' > raw/tool
      chmod +x raw/tool
      ln -s deep/er raw/link
    deps: [input.txt]
    outs: [raw]
  clean:
    cmd: |
      echo clean >> .runs
      cat raw/big.txt raw/deep/er/* > data/clean.txt
      cat params.yaml >> data/clean.txt
    deps: [raw]
    params: [clean.k]
    outs: [data/clean.txt]
  train:
    cmd: |
      echo train >> .runs
      mkdir -p model
      cat data/clean.txt > model/blob
      cksum < data/clean.txt > model/weights
    deps: [data/clean.txt]
    outs:
      - model: {persist: true}
  test:
    cmd: |
      echo test >> .runs
      cksum < model/blob > report.txt
      printf '{"sum": %s}\n' "$(cut -d' ' -f1 report.txt)" > metrics.json
    deps: [model]
    outs: [report.txt]
    metrics:
      - metrics.json: {cache: false}
`

var stageNames = []string{"fetch", "clean", "train", "test"}

var outNames = []string{"raw", "data/clean.txt", "model", "report.txt", "metrics.json"}

// base is a project of which runs are known to the byte.
type base struct {
	old    *world // brought up to date once; the dep has changed since
	new    snapshot
	lock   string
	took   time.Duration // the uninterrupted run from old to new
	before snapshot      // what old holds
}

// bases keeps what many tests start from. Nobody changes it once it is made.
var bases struct {
	dir          string
	small, large struct {
		sync.Once
		base *base
	}
}

// small is a project of some kilobytes.
func small(t testing.TB) *base {
	bases.small.Do(func() { bases.small.base = newBase(t, "small", 400) })
	require.NotNil(t, bases.small.base, "the base could not be made")
	return bases.small.base
}

// large is a project of some megabytes.
func large(t testing.TB) *base {
	bases.large.Do(func() { bases.large.base = newBase(t, "large", 120_000) })
	require.NotNil(t, bases.large.base, "the base could not be made")
	return bases.large.base
}

func newBase(t testing.TB, name string, lines int) *base {
	dir, err := filepath.EvalSymlinks(bases.dir)
	require.NoError(t, err)
	w := &world{t: t, dir: filepath.Join(dir, name)}
	w.write("pipeline.yaml", strings.ReplaceAll(pipelineText, "LINES", strconv.Itoa(lines)))
	w.write("params.yaml", "clean:\n  k: 1\n")
	w.write("input.txt", "one\n")
	w.write(".git/HEAD", "ref: refs/heads/main\n")
	w.fine("repro")
	w.fine("status", "-q")
	w.write("input.txt", "two\n")
	w.remove(runsFile)
	b := &base{old: w, before: w.snapshot()}
	straight := w.copy(t)
	began := time.Now()
	straight.fine("repro")
	b.took = time.Since(began)
	straight.fine("status", "-q")
	straight.fine("fsck")
	b.new, b.lock = straight.snapshot(), straight.read("pipeline.lock")
	return b
}

// cold returns the project as it was cloned: nothing has run yet.
func (b *base) cold(t testing.TB) *world {
	w := b.old.copy(t)
	w.remove(append([]string{".flow", "pipeline.lock", ".gitignore", "data"}, outNames...)...)
	return w
}

// heals checks that one repro makes all as if nothing had happened.
func (b *base) heals(w *world) {
	w.t.Helper()
	e := w.flow("repro")
	require.Equal(w.t, 0, e.code, "repro after the crash: %s", e)
	b.whole(w)
}

// whole checks that a world is as an uninterrupted run leaves it.
func (b *base) whole(w *world) {
	w.t.Helper()
	w.holds(b.new, "the workspace is not that of an uninterrupted run")
	require.Equal(w.t, b.lock, w.read("pipeline.lock"))
	w.fine("status", "-q")
	w.fine("fsck")
	w.nobodyLeft()
	require.Empty(w.t, w.attempts(), "attempts are left")
	require.False(w.t, w.exists(".flow/journal"), "the journal is left")
	require.Empty(w.t, w.litter(), "unfinished files are left among the person's own")
}

// attempts lists what is left of attempts.
func (w *world) attempts() []string {
	left, err := filepath.Glob(w.path(".flow/tmp/attempt/*"))
	require.NoError(w.t, err)
	return left
}
