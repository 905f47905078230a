//go:build unix

package crashtest

import (
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// guardedText is a stage whose command writes half of everything and then waits, or
// fails.
const guardedText = `stages:
  guarded:
    cmd: |
      echo guarded >> .runs
      what=$(cat input.txt)
      if [ $what = stubborn ]; then trap '' TERM INT; fi
      mkdir -p sub/folder/new keep
      echo half > plain.txt
      echo half > sub/folder/new/file
      echo half > sub/deep/file.txt
      echo half > keep/old
      echo half > keep/half
      rm -f keep/gone
      echo half > metric.json
      echo half > free.txt
      if [ $what = fail ]; then exit 3; fi
      if [ $what != one ]; then
        touch mark-started
        until [ -e mark-go ]; do sleep 0.02; done
      fi
      rm -rf sub/folder keep/*
      mkdir -p sub/folder/kept sub/folder/empty
      echo $what > sub/folder/kept/file
      echo $what > plain.txt
      echo $what > sub/deep/file.txt
      echo $what > keep/old
      echo $what > keep/gone
      echo "{\"n\": 1}" > metric.json
      echo $what > free.txt
    deps: [input.txt]
    outs:
      - plain.txt
      - sub/folder
      - sub/deep/file.txt
      - keep: {persist: true}
      - free.txt: {cache: false}
    metrics:
      - metric.json: {cache: false}
`

var outsOfGuarded = []string{"plain.txt", "sub/folder", "sub/deep/file.txt", "keep", "free.txt", "metric.json"}

// newGuarded returns a world whose stage has run once, and what its outs hold.
func newGuarded(t *testing.T) (*world, snapshot) {
	t.Helper()
	w := newWorld(t)
	w.write("pipeline.yaml", guardedText)
	w.write("input.txt", "one\n")
	w.fine("repro")
	w.fine("status", "-q")
	return w, w.snapshot().only(outsOfGuarded...)
}

// killedInStage returns a world whose flow was killed in the middle of a command, and
// what its outs held before.
func killedInStage(t *testing.T) (*world, snapshot) {
	t.Helper()
	w, before := newGuarded(t)
	w.write("input.txt", "two\n")
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	r.signal(syscall.SIGKILL)
	r.wait()
	w.nobodyLeft()
	w.remove("mark-started")
	return w, before
}

// kept checks that each file of old outs is in place or aside.
func (b *base) kept(w *world) {
	w.t.Helper()
	old := b.before.only(outNames...)
	now := w.snapshot()
	aside := w.aside()
	journaled := w.read(".flow/journal") + w.read("pipeline.lock")
	for path, is := range old {
		if now[path] == is || aside[path] == is {
			continue
		}
		// The stage has ended, so the new content is what counts.
		require.True(w.t, now[path] == b.new[path] || strings.Contains(aside[path], "file"), "%s is lost: want %q, have %q, aside %q\n%s",
			path, is, now[path], aside[path], journaled)
	}
}

// keptSomewhere checks that each old file is in place or aside.
func keptSomewhere(w *world, before snapshot) {
	w.t.Helper()
	now, aside := w.snapshot(), w.aside()
	for path, is := range before {
		require.True(w.t, now[path] == is || aside[path] == is, "%s is lost: want %q, have %q, aside %q", path, is, now[path], aside[path])
	}
}

// aside returns what attempts hold.
func (w *world) aside() snapshot {
	w.t.Helper()
	s := snapshot{}
	for _, attempt := range w.attempts() {
		outs := filepath.Join(attempt, "outs")
		_ = filepath.WalkDir(outs, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			name, _ := filepath.Rel(outs, path)
			if name != "." {
				s[filepath.ToSlash(name)], err = describe(path, entry)
			}
			return err
		})
	}
	return s
}

// TestOldOuts_survive: after a kill in a stage all is in place or aside, and the next
// run brings it back, even one that fails.
func TestOldOuts_survive(t *testing.T) {
	t.Parallel()
	killed, before := killedInStage(t)
	keptSomewhere(killed, before)

	t.Run("the next run fails", func(t *testing.T) {
		w := killed.copy(t)
		w.write("input.txt", "fail\n")
		e := w.flow("repro")
		require.Equal(t, 1, e.code, "%s", e)
		require.Contains(t, e.err, "cut short", "the person is told")
		require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
		require.Empty(t, w.attempts())
		require.Equal(t, "half\n", w.read(".flow/failed/guarded/outs/plain.txt"))
	})
	t.Run("the next run has nothing to do", func(t *testing.T) {
		w := killed.copy(t)
		w.write("input.txt", "one\n")
		w.fine("repro")
		require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
		require.Equal(t, 2, w.runs()["guarded"], "what is as before needs no run")
		w.fine("status", "-q")
	})
	t.Run("the next run works", func(t *testing.T) {
		w := killed.copy(t)
		w.write("mark-go", "")
		w.fine("repro")
		require.Equal(t, "two\n", w.read("free.txt"))
		require.False(t, w.exists("keep/half"))
		w.fine("status", "-q")
	})
	t.Run("the pipeline lacks the stage now", func(t *testing.T) {
		w := killed.copy(t)
		w.write("pipeline.yaml", "stages:\n  other: {cmd: echo other > other.txt, outs: [other.txt]}\n")
		w.fine("repro")
		require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
		require.Empty(t, w.attempts())
	})
	t.Run("checkout", func(t *testing.T) {
		w := killed.copy(t)
		e := w.flow("checkout")
		require.Equal(t, 0, e.code, "checkout brings back what is aside: %s", e)
		require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
		w.write("input.txt", "fail\n")
		e = w.flow("repro")
		require.Equal(t, 1, e.code, "%s", e)
		require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
	})
	t.Run("commit refuses", func(t *testing.T) {
		w := killed.copy(t)
		lock := w.read("pipeline.lock")
		e := w.flow("commit", "--force")
		require.Contains(t, []int{1, 2, 3}, e.code, "%s", e)
		require.Equal(t, lock, w.read("pipeline.lock"))
		w.write("input.txt", "fail\n")
		e = w.flow("repro")
		require.Equal(t, 1, e.code, "%s", e)
		require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
	})
	t.Run("status and dry run change nothing", func(t *testing.T) {
		w := killed.copy(t)
		w.flow("status")
		w.flow("repro", "--dry")
		w.flow("dag")
		keptSomewhere(w, before)
		w.write("input.txt", "one\n")
		w.fine("repro")
		require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
	})
}

// TestOldOuts_failedStage: a stage that fails, at the first run or at a later one,
// loses nothing.
func TestOldOuts_failedStage(t *testing.T) {
	t.Parallel()
	w, before := newGuarded(t)
	for _, force := range []bool{false, true} {
		w.write("input.txt", "fail\n")
		args := []string{"repro"}
		if force {
			args = append(args, "-f")
		}
		lock := w.read("pipeline.lock")
		e := w.flow(args...)
		require.Equal(t, 1, e.code, "%s", e)
		require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
		require.Equal(t, lock, w.read("pipeline.lock"))
		require.Empty(t, w.attempts())
	}
	w.write("input.txt", "one\n")
	w.fine("status", "-q")
}

// TestOldOuts_handMade: what a person put at the place of outs comes back as well.
func TestOldOuts_handMade(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"fails", "is killed"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			w, _ := newGuarded(t)
			w.write("plain.txt", "by hand\n")
			w.write("sub/folder/kept/file", "by hand\n")
			w.write("keep/old", "by hand\n")
			w.write("keep/mine", "by hand\n")
			w.write("free.txt", "by hand\n")
			before := w.snapshot().only(outsOfGuarded...)
			w.write("input.txt", "fail\n")
			if end == "is killed" {
				w.write("input.txt", "two\n")
				r := w.start("repro")
				w.until("the command runs", func() bool { return w.exists("mark-started") })
				r.signalGroup(syscall.SIGKILL)
				r.wait()
				keptSomewhere(w, before)
				w.write("input.txt", "fail\n")
			}
			e := w.flow("repro")
			require.Equal(t, 1, e.code, "%s", e)
			require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)))
		})
	}
}

// TestOldOuts_newlyDeclared: a file that is an out only since the last run is brought
// back even when all outs of the last run are made already.
func TestOldOuts_newlyDeclared(t *testing.T) {
	t.Parallel()
	for _, persist := range []string{"", ": {persist: true}"} {
		w := newWorld(t)
		w.write("pipeline.yaml", "stages:\n  one: {cmd: echo a > a.txt, outs: [a.txt]}\n")
		w.fine("repro")
		w.write("mine.txt", "by hand\n")
		w.write("pipeline.yaml", `stages:
  one:
    cmd: |
      echo a > a.txt
      echo half > mine.txt
      touch mark-started
      until [ -e mark-go ]; do sleep 0.02; done
    outs:
      - a.txt
      - mine.txt`+persist+"\n")
		r := w.start("repro")
		w.until("the command runs", func() bool { return w.exists("mark-started") })
		r.signal(syscall.SIGKILL)
		r.wait()
		w.nobodyLeft()
		w.write("pipeline.yaml", "stages:\n  one: {cmd: exit 3, outs: [a.txt, mine.txt]}\n")
		e := w.flow("repro")
		require.Equal(t, 1, e.code, "%s", e)
		require.Equal(t, "by hand\n", w.read("mine.txt"), "with%q: the file of a person is lost", persist)
	}
}

// TestOldOuts_orphan: flow is killed, and its command does not heed that it shall end.
// A run that starts at once waits for it, and still knows what was there before.
func TestOldOuts_orphan(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"fail", "one", "three"} {
		t.Run(next, func(t *testing.T) {
			t.Parallel()
			w, before := newGuarded(t)
			orphan(w)
			w.write("input.txt", next+"\n")
			w.write("mark-go", "")
			e := w.flow("repro")
			if e.code == 4 { // busy
				w.nobodyLeft()
				e = w.flow("repro")
			}
			w.nobodyLeft()
			require.Empty(t, w.attempts(), "%s", e)
			switch next {
			case "fail":
				require.Equal(t, 1, e.code, "%s", e)
				require.Contains(t, e.err, "exit code 3", "it is the command that fails")
				require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)), "%s", e)
			case "one":
				require.Equal(t, 0, e.code, "%s", e)
				require.Empty(t, before.differences(w.snapshot().only(outsOfGuarded...)), "%s", e)
				w.fine("status", "-q")
			default:
				require.Equal(t, 0, e.code, "the stage can run: %s", e)
				require.Equal(t, "three\n", w.read("keep/gone"))
				w.fine("status", "-q")
			}
		})
	}
}

// TestWhileWritten: a status, and a run, that begin while a command writes its outs without
// a pause don't fail for it.
func TestWhileWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("pipeline.yaml", `stages:
  guarded:
    cmd: |
      while head -c 4000000 /dev/zero > big; rm -rf d; mkdir -p d/sub; echo $RANDOM > d/sub/x; do
        if [ -e mark-go ]; then break; fi
      done
    outs: [big, d]
  next: {cmd: cp big next, deps: [big], outs: [next]}
  globbed: {cmd: cat d/sub/* > globbed, deps: ["d/sub/*"], outs: [globbed]}
  within: {cmd: cp d/sub/x within, deps: [d/sub/x], outs: [within]}
`)
	w.write("mark-go", "")
	w.fine("repro")
	w.remove("mark-go")
	r := w.start("repro", "-f")
	w.until("a status finds the out in the making", func() bool {
		e := w.flow("status")
		require.Equal(t, 0, e.code, "%s", e)
		return strings.Contains(e.out, "it is being written")
	})
	second := w.start("repro", "-j", "1")
	w.write("mark-go", "")
	require.Equal(t, 0, r.wait().code)
	require.Equal(t, 0, second.wait().code)
	w.fine("status", "-q")
}

// TestWhileRunning: nothing else that would change a stage's outs does so while it runs, also
// not when only its command does, as flow was killed.
func TestWhileRunning(t *testing.T) {
	t.Parallel()
	for _, orphaned := range []bool{false, true} {
		w, _ := newGuarded(t)
		w.write("input.txt", "stubborn\n")
		r := w.start("repro")
		w.until("the command runs", func() bool { return w.exists("mark-started") })
		if orphaned {
			r.signal(syscall.SIGKILL)
			r.wait()
		}
		half := w.read("free.txt")
		for _, words := range [][]string{{"checkout"}, {"checkout", "-f", "plain.txt"}, {"remove", "guarded", "--outs"}, {"commit", "-f"}} {
			e := w.flow(words...)
			require.Equal(t, 4, e.code, "%s: %s", words, e)
			require.Equal(t, half, w.read("free.txt"), "%s", words)
		}
		if orphaned {
			w.write("mark-go", "")
			w.nobodyLeft()
			continue
		}
		w.write("mark-go", "")
		require.Equal(t, 0, r.wait().code)
		require.Equal(t, "stubborn\n", w.read("plain.txt"))
		w.fine("status", "-q")
		w.fine("checkout")
	}
}

// TestAddsAtOnce: of several edits of pipeline.yaml at a time, none is lost.
func TestAddsAtOnce(t *testing.T) {
	t.Parallel()
	for range 10 {
		w := newWorld(t)
		w.write("pipeline.yaml", "stages: {}\n")
		var all []*running
		for _, name := range []string{"a", "b", "c", "d"} {
			w.write(name, name)
			all = append(all, w.start("add", name))
		}
		for _, r := range all {
			require.Equal(t, 0, r.wait().code)
		}
		w.fine("status", "-q")
		text := w.read("pipeline.yaml")
		for _, name := range []string{"a", "b", "c", "d"} {
			require.Contains(t, text, "- "+name+"\n")
		}
	}
}

// TestOldOuts_orphanOfFirstRun: what an orphan made where nothing was before is not
// taken for what was there before.
func TestOldOuts_orphanOfFirstRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("pipeline.yaml", guardedText)
	orphan(w)
	w.write("input.txt", "fail\n")
	e := w.flow("repro")
	w.nobodyLeft()
	if e.code == 4 {
		e = w.flow("repro")
	}
	require.Equal(t, 1, e.code, "%s", e)
	require.Contains(t, e.err, "exit code 3", "it is the command that fails")
	for _, out := range outsOfGuarded {
		require.False(t, w.exists(out), "%s is half-made: %s", out, e)
	}
}

// orphan kills flow while a command runs that lives on for a while.
func orphan(w *world) {
	w.t.Helper()
	w.write("input.txt", "stubborn\n")
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	r.signal(syscall.SIGKILL)
	r.wait()
}
