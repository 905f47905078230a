//go:build unix

package crashtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func flip(content []byte, chance *rand.Rand) []byte { return damages[4].do(content, chance) }

func empty([]byte, *rand.Rand) []byte { return nil }

// newRot returns a world whose outs are all in the cache, and its objects. It keeps no
// history: the code of a run that is over is made anew by nobody.
func newRot(t *testing.T, config string) (*world, *base, []string) {
	t.Helper()
	b := small(t)
	w := b.cold(t)
	w.write(".flow/config", config+"runs: {keep: 0}\n")
	w.fine("repro")
	w.remove(runsFile)
	objects := w.stateFiles(".flow/cache/objects")
	require.NotEmpty(t, objects)
	return w, b, objects
}

// onlyGood checks that nothing in a world differs from what it should be; it may be
// missing.
func onlyGood(w *world, want snapshot, when string) {
	w.t.Helper()
	for path, is := range w.snapshot() {
		require.Equal(w.t, want[path], is, "%s: %s is corrupt", when, path)
	}
}

// TestRot_eachObject flips a byte of each object in turn: it is never restored, and
// repro makes it anew.
func TestRot_eachObject(t *testing.T) {
	t.Parallel()
	rotten, b, objects := newRot(t, "")
	chance := random(t)
	for i, object := range objects {
		chance := rand.New(rand.NewPCG(chance.Uint64(), 8))
		t.Run(filepath.Base(object)[:8], func(t *testing.T) {
			t.Parallel()
			w := rotten.copy(t)
			w.remove(outNames...)
			do := flip
			if i%3 == 2 {
				do = empty
			}
			w.damage(object, do, chance)
			if i%2 == 0 {
				require.NoError(t, os.Chmod(w.path(object), 0o644))
			}
			again := w.copy(t)

			e := w.flow("checkout")
			onlyGood(w, b.new, "checkout")
			if e.code != 0 { // the metric is git's
				require.Equal(t, 3, e.code, "%s", e)
			}
			w.fine("repro")
			w.holds(b.new, "repro after checkout")
			require.Equal(t, b.lock, w.read("pipeline.lock"))
			w.fine("fsck")

			e = again.flow("repro")
			onlyGood(again, b.new, "repro")
			require.Equal(t, 0, e.code, "%s", e)
			again.holds(b.new, "repro")
			require.Equal(t, b.lock, again.read("pipeline.lock"))
			again.fine("fsck")
			again.fine("status", "-q")
		})
	}
}

// TestRot_allObjects damages all objects at once; then the stages run again, and the
// good objects replace the bad ones.
func TestRot_allObjects(t *testing.T) {
	t.Parallel()
	chance := random(t)
	for _, config := range []string{"", "cache: {type: hardlink}\n", "cache: {type: symlink}\n"} {
		for name, do := range map[string]func([]byte, *rand.Rand) []byte{"flip": flip, "empty": empty} {
			for _, outs := range []string{"missing", "in place"} {
				chance := rand.New(rand.NewPCG(chance.Uint64(), 9))
				t.Run(strings.TrimSpace(config)+"/"+name+"/"+outs, func(t *testing.T) {
					t.Parallel()
					w, b, objects := newRot(t, config)
					if outs == "missing" {
						w.remove(outNames...)
					}
					for _, object := range objects {
						w.damage(object, do, chance)
					}
					linked := strings.Contains(config, "hardlink") || strings.Contains(config, "symlink")
					if outs == "missing" {
						w.flow("checkout")
						onlyGood(w, b.new, "checkout")
					}
					w.fine("repro")
					if linked {
						require.Empty(t, w.wrongContent(b.new))
					} else {
						w.holds(b.new, "repro")
					}
					require.Equal(t, b.lock, w.read("pipeline.lock"))
					if outs == "missing" {
						w.fine("fsck")
						return
					}
					// Where the outs are good, it is fsck that finds the rot, and repro mends it.
					e := w.flow("fsck")
					require.Contains(t, []int{0, 3}, e.code, "%s", e)
					w.fine("repro")
					w.fine("fsck")
					require.Empty(t, w.wrongContent(b.new))
				})
			}
		}
	}
}

// wrongContent lists the files whose bytes, read through any link, are not those that
// are wanted.
func (w *world) wrongContent(want snapshot) []string {
	w.t.Helper()
	var wrong []string
	for path, is := range want {
		if !strings.HasPrefix(is, "file ") {
			continue
		}
		content, err := os.ReadFile(w.path(path))
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		temp := filepath.Join(w.t.TempDir(), "file")
		require.NoError(w.t, os.WriteFile(temp, content, 0o644))
		entries, err := os.ReadDir(filepath.Dir(temp))
		require.NoError(w.t, err)
		got, err := describe(temp, entries[0])
		require.NoError(w.t, err)
		if got != is {
			wrong = append(wrong, fmt.Sprintf("%s: want %q, have %q", path, is, got))
		}
	}
	return wrong
}

// TestRot_source: a data source whose only copy is damaged is missing data, and is
// recorded again when it is put back.
func TestRot_source(t *testing.T) {
	t.Parallel()
	chance := random(t)
	w := newWorld(t)
	w.write("pipeline.yaml", "data: [data/raw.csv]\nstages:\n  one: {cmd: cp data/raw.csv a.txt, deps: [data/raw.csv], outs: [a.txt]}\n")
	w.write("data/raw.csv", "1,2,3\n")
	w.fine("repro")
	lock := w.read("pipeline.lock")
	for _, object := range w.stateFiles(".flow/cache/objects") {
		w.damage(object, flip, chance)
	}
	w.remove("data/raw.csv", "a.txt")
	for _, command := range []string{"repro", "checkout", "fsck", "repro"} {
		e := w.flow(command)
		require.Equal(t, 3, e.code, "flow %s: %s", command, e)
		require.False(t, w.exists("data/raw.csv"))
		require.False(t, w.exists("a.txt"))
		require.Equal(t, lock, w.read("pipeline.lock"))
	}
	w.write("data/raw.csv", "1,2,3\n")
	w.fine("repro")
	w.fine("fsck")
	require.Equal(t, lock, w.read("pipeline.lock"))
	require.Equal(t, "1,2,3\n", w.read("a.txt"))
}
