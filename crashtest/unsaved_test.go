//go:build linux

package crashtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// savingText has stages whose commands count how often they run: outs of all kinds, a
// pattern, one command for each of several files, and a stage without outs.
const savingText = `stages:
  all:
    cmd: |
      echo all >> .runs
      mkdir -p folder/deep keep
      seq 1 2000 | sed "s/^/$(cat input.txt) /" > folder/deep/file
      cat input.txt >> keep/log
      cat input.txt > plain.txt
      for i in 1 2 3; do cat input.txt > part-$i.csv; done
      echo '{"n": 1}' > metric.json
    deps: [input.txt]
    outs: [folder, plain.txt, part-*.csv, {keep: {persist: true}}]
    metrics: [{metric.json: {cache: false}}]
  each:
    map: "many/*.txt"
    cmd: echo each >> .runs; cat input.txt ${map.path} > of/${map.name}
    deps: [input.txt]
    outs: ["of/${map.name}"]
  same: {cmd: "echo same >> .runs; cat input.txt; echo always > same.txt", deps: [input.txt], outs: [same.txt]}
  check: {cmd: "echo check >> .runs; cat plain.txt", deps: [plain.txt]}
`

var outsOfSaving = []string{"folder", "plain.txt", "part-1.csv", "part-2.csv", "part-3.csv", "keep", "metric.json", "of", "same.txt"}

// newSaving returns a world that was brought up to date once; the dep has changed since.
func newSaving(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.write("pipeline.yaml", savingText)
	w.write("input.txt", "one\n")
	for _, name := range []string{"a", "b", "c"} {
		w.write("many/"+name+".txt", name+"\n")
	}
	w.fine("repro")
	w.write("input.txt", "two\n")
	w.remove(runsFile)
	return w
}

var runsOfSaving = map[string]int{"all": 1, "each": 3, "check": 1, "same": 1}

// ended says which stages had noted that their command had ended, or had been recorded.
func (w *world) ended() map[string]bool {
	ended := map[string]bool{}
	for _, attempt := range w.attempts() {
		text, _ := os.ReadFile(filepath.Join(attempt, "intent"))
		for _, name := range []string{"all", "each", "check", "same"} {
			if strings.Contains(string(text), `"stage":"`+name+`"`) && strings.Count(string(text), "\n") == 2 {
				ended[name] = true
			}
		}
	}
	return ended
}

// TestSaving_killed kills a run just before each kind of call: a command that had ended is
// not run again, and all is as after a run that nobody disturbed.
func TestSaving_killed(t *testing.T) {
	needTracing(t)
	t.Parallel()
	from := newSaving(t)
	straight := from.copy(t)
	straight.fine("repro")
	require.Equal(t, runsOfSaving, straight.runs())
	want, lock := straight.snapshot(), straight.read("pipeline.lock")
	eachCall(t, from, 6, []string{"repro"}, func(w *world, e ended, killed bool) {
		ended, before := w.ended(), w.runs()
		w.nobodyLeft()
		e = w.flow("repro")
		require.Equal(w.t, 0, e.code, "%s", e)
		for name := range ended {
			require.Equal(w.t, runsOfSaving[name], before[name])
			require.Equal(w.t, before[name], w.runs()[name], "%s has run again: %s", name, e)
		}
		w.holds(want, "the workspace is not that of an uninterrupted run")
		require.Equal(w.t, lock, w.read("pipeline.lock"))
		w.fine("status", "-q")
		w.fine("fsck")
		require.Empty(w.t, w.attempts())
		if ended["all"] {
			require.False(w.t, w.exists(".flow/failed/all"), "what was saved is not kept twice: %s", e)
		}
	})
}

// savingCall returns the number of a call to sync between the end of the first command and
// the journal.
func savingCall(t *testing.T, from *world) int {
	t.Helper()
	for k := 1; k < 100; k++ {
		w := from.copy(t)
		_, killed, _ := killAt(w, callSets[3], k, "repro")
		w.nobodyLeft()
		if killed && w.ended()["all"] && !w.exists(".flow/journal") {
			return k
		}
	}
	t.Fatal("no call to sync is between the end of the command and the journal")
	return 0
}

// killedInSaving returns a world whose run was killed at such a call. A copy of it would
// not do: its files are others.
func killedInSaving(t *testing.T, from *world, k int) *world {
	t.Helper()
	w := from.copy(t)
	killAt(w, callSets[3], k, "repro")
	w.nobodyLeft()
	require.True(t, w.ended()["all"])
	require.False(t, w.exists(".flow/journal"))
	require.Equal(t, 1, w.runs()["all"])
	return w
}

// TestSaving_goesOn: what the next command tells and does after a kill in the saving.
func TestSaving_goesOn(t *testing.T) {
	needTracing(t)
	t.Parallel()
	from := newSaving(t)
	before := from.snapshot().only(outsOfSaving...)
	k := savingCall(t, from)
	all := func(w *world) int { return w.runs()["all"] }

	t.Run("it is told", func(t *testing.T) {
		w := killedInSaving(t, from, k)
		require.Contains(t, w.fine("status").out, "all: will run", "an out that is kept between runs may be half made")
		e := w.fine("repro", "all")
		require.Contains(t, e.err, "stage \"all\" was cut short; its outs are as they were before\n  its command had ended: `flow repro` saves what it made, which is in .flow/failed/all\n")
		require.Contains(t, e.err, "all saved what its command had made: dep input.txt changed")
		require.Contains(t, e.err, "1 stage: 1 saved")
		require.NotContains(t, e.err, "runs")
		require.Equal(t, 1, all(w))
	})
	t.Run("by another command first", func(t *testing.T) {
		w := killedInSaving(t, from, k)
		w.fine("checkout")
		require.Empty(t, before.differences(w.snapshot().only(outsOfSaving...)), "the outs are those of the lock")
		w.flow("commit", "-f", "check")
		w.fine("repro")
		require.Equal(t, 1, all(w))
		require.Equal(t, "two\n", w.read("plain.txt"))
		w.fine("status", "-q")
	})
	t.Run("killed again", func(t *testing.T) {
		w := killedInSaving(t, from, k)
		_, killed, _ := killAt(w, callSets[3], k+1, "repro")
		w.nobodyLeft()
		require.True(t, killed && w.ended()["all"] && !w.exists(".flow/journal"), "it goes on with the saving")
		w.fine("repro")
		require.Equal(t, 1, all(w))
		w.fine("status", "-q")
	})
	for name, edit := range map[string]func(w *world){
		"a dep was edited":     func(w *world) { w.write("input.txt", "three\n") },
		"an out was edited":    func(w *world) { w.write("plain.txt", "TWO\n") },
		"an out was touched":   func(w *world) { w.write("folder/deep/file", w.read("folder/deep/file")) },
		"an out was removed":   func(w *world) { w.remove("part-2.csv") },
		"the command is other": func(w *world) { w.write("pipeline.yaml", strings.Replace(savingText, "seq 1 2000", "seq 1 2001", 1)) },
		"a new out is declared": func(w *world) {
			w.write("pipeline.yaml", strings.Replace(savingText, "[folder, plain.txt,", "[folder, new.txt, plain.txt,", 1))
		},
		"the note is damaged": func(w *world) {
			for _, attempt := range w.attempts() {
				name, _ := filepath.Rel(w.dir, attempt)
				w.write(name+"/intent", strings.Replace(w.read(name+"/intent"), `"inputs":"`, `"inputs":"0`, 1))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := killedInSaving(t, from, k)
			edit(w)
			if e := w.flow("repro"); name == "a new out is declared" {
				require.Equal(t, 1, e.code, "%s", e)
				require.Contains(t, e.err, "did not make new.txt")
				require.Empty(t, before.differences(w.snapshot().only(outsOfSaving...)))
			} else {
				require.Equal(t, 0, e.code, "%s", e)
				w.fine("status", "-q")
				w.fine("fsck")
			}
			require.Equal(t, 2, all(w), "it must run")
			require.Equal(t, w.read("input.txt") != "three\n", w.read("plain.txt") == "two\n" || name == "a new out is declared")
		})
	}
	t.Run("edited after the outs are back", func(t *testing.T) {
		w := killedInSaving(t, from, k)
		w.fine("checkout")
		w.write(".flow/failed/all/outs/plain.txt", "TWO\n")
		w.fine("repro")
		require.Equal(t, 2, all(w))
		require.Equal(t, "two\n", w.read("plain.txt"))
	})
	t.Run("forced", func(t *testing.T) {
		w := killedInSaving(t, from, k)
		w.fine("repro", "-f", "all")
		require.Equal(t, 2, all(w))
	})
	t.Run("it ran with something else in between", func(t *testing.T) {
		w := killedInSaving(t, from, k)
		w.write("input.txt", "three\n")
		w.fine("repro")
		w.write("input.txt", "two\n")
		w.fine("repro")
		require.Equal(t, 3, all(w), "an out is kept between runs, so it is another one")
	})
}

// TestSaving_diskFull: a disk that is full in the saving costs no run: with room again the
// next one saves what the command made. Meanwhile the outs from before are in place.
func TestSaving_diskFull(t *testing.T) {
	t.Parallel()
	w := onSmallDisk(t, "8m")
	w.write("pipeline.yaml", `stages: {big: {cmd: "echo big >> .runs; cat input.txt > out.bin; if grep -q two input.txt; then head -c 4000000 /dev/urandom >> out.bin; fi", deps: [input.txt], outs: [out.bin]}}`)
	w.write("input.txt", "one\n")
	w.fine("repro")
	w.write("input.txt", "two\n")
	w.write("ballast", strings.Repeat("x", 1<<20))
	for range 2 {
		e := w.flow("repro")
		require.Equal(t, 5, e.code, "%s", e)
		require.Regexp(t, `save the outs: no space left on device: it needs 4\.0 MB, \d\.\d MB free on `+w.dir+"\n", e.err)
		require.Contains(t, e.err, "its command has ended: `flow repro` saves what it made, without running it again")
		require.Equal(t, "one\n", w.read("out.bin"), "the out from before is in place")
		require.Empty(t, w.attempts())
		require.Equal(t, 2, w.runs()["big"])
	}
	require.NoError(t, exec.Command("mount", "-o", "remount,size=64m", w.dir).Run())
	w.fine("repro")
	require.Equal(t, 2, w.runs()["big"])
	require.Equal(t, 4000004, len(w.read("out.bin")))
	w.fine("status", "-q")
	w.fine("fsck")
}

// TestSaving_linked: where the cache makes links of the outs, the same holds.
func TestSaving_linked(t *testing.T) {
	needTracing(t)
	t.Parallel()
	from := newSaving(t)
	from.fine("init")
	from.fine("config", "cache.type", "hardlink")
	w := killedInSaving(t, from, savingCall(t, from))
	w.fine("repro")
	require.Equal(t, runsOfSaving, w.runs())
	w.fine("status", "-q")
	w.fine("fsck")
}

// TestSaving_interrupted: who stops flow while it saves loses no run.
func TestSaving_interrupted(t *testing.T) {
	t.Parallel()
	for name, sig := range stopSignals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write("pipeline.yaml", `stages: {all: {cmd: "echo all >> .runs; mkdir out; for i in $(seq 30); do head -c 4000000 /dev/zero > out/$i; echo $i >> out/$i; done", deps: [input.txt], outs: [out]}}`)
			w.write("input.txt", "one\n")
			r := w.start("repro")
			w.until("the command has ended", func() bool { return w.ended()["all"] || w.exists(".flow/journal") })
			r.signal(sig)
			e := r.wait()
			require.Contains(t, []int{0, 128 + int(sig)}, e.code, "%s", e)
			e = w.fine("repro")
			require.Equal(t, 1, w.runs()["all"], "%s", e)
			w.fine("status", "-q")
			w.fine("fsck")
			require.Empty(t, w.attempts())
		})
	}
}
