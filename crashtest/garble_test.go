//go:build unix

package crashtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// damages are what can happen to a file's content.
var damages = []struct {
	name string
	do   func(content []byte, chance *rand.Rand) []byte
}{
	{"empty", func(content []byte, _ *rand.Rand) []byte { return nil }},
	{"NUL", func(content []byte, _ *rand.Rand) []byte { return make([]byte, len(content)) }},
	{"cut", func(content []byte, chance *rand.Rand) []byte { return content[:chance.IntN(len(content))] }},
	{"last byte gone", func(content []byte, _ *rand.Rand) []byte { return content[:len(content)-1] }},
	{"flipped", func(content []byte, chance *rand.Rand) []byte {
		content = bytes.Clone(content)
		content[chance.IntN(len(content))] ^= byte(1 << chance.IntN(8))
		return content
	}},
	{"noise", func(content []byte, chance *rand.Rand) []byte {
		content = bytes.Clone(content)
		for i := range content {
			content[i] = byte(chance.Uint32())
		}
		return content
	}},
	{"twice", func(content []byte, _ *rand.Rand) []byte { return append(bytes.Clone(content), content...) }},
	{"huge numbers", func(content []byte, _ *rand.Rand) []byte {
		content = bytes.Clone(content)
		for i := 16; i+8 <= len(content) && i < 64; i += 8 {
			copy(content[i:], bytes.Repeat([]byte{0xff}, 7))
		}
		return content
	}},
}

// stateFiles returns the files below a folder of a world.
func (w *world) stateFiles(dir string) []string {
	w.t.Helper()
	var files []string
	_ = filepath.WalkDir(w.path(dir), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			name, _ := filepath.Rel(w.dir, path)
			files = append(files, name)
		}
		return nil
	})
	sort.Strings(files)
	return files
}

// replace puts other content into a file, be it read-only.
func (w *world) replace(name string, content []byte) {
	w.t.Helper()
	info, err := os.Lstat(w.path(name))
	require.NoError(w.t, err)
	require.NoError(w.t, os.Chmod(w.path(name), 0o644))
	require.NoError(w.t, os.WriteFile(w.path(name), content, 0o644))
	require.NoError(w.t, os.Chmod(w.path(name), info.Mode().Perm()))
}

func (w *world) damage(name string, do func([]byte, *rand.Rand) []byte, chance *rand.Rand) {
	w.t.Helper()
	content, err := os.ReadFile(w.path(name))
	require.NoError(w.t, err)
	if len(content) > 0 {
		w.replace(name, do(content, chance))
	}
}

// told checks that a refusal can be understood: what is wrong, and what to do.
func told(t *testing.T, e ended) {
	t.Helper()
	require.Contains(t, []int{2, 3}, e.code, "a damaged truth is words (2) or data (3): %s", e)
	require.GreaterOrEqual(t, strings.Count(strings.TrimSpace(e.err), "\n"), 1, "there is no hint: %s", e)
}

// TestGarble_caches damages what can be rebuilt: then it is, and nobody notices.
func TestGarble_caches(t *testing.T) {
	t.Parallel()
	b := small(t)
	chance := random(t)
	done := b.old.copy(t)
	done.fine("repro")
	for _, dir := range []string{".flow/index", ".flow/cache/actions", ".flow/tmp"} {
		require.NotEmpty(t, done.stateFiles(dir), dir)
	}
	for _, damage := range damages {
		chance := rand.New(rand.NewPCG(chance.Uint64(), 2))
		t.Run(damage.name, func(t *testing.T) {
			t.Parallel()
			w := done.copy(t)
			w.fine("status", "-q") // the copy has other inodes
			w.fine("repro")
			for _, dir := range []string{".flow/index", ".flow/cache/actions", ".flow/tmp", ".flow/cache/tmp"} {
				for _, name := range w.stateFiles(dir) {
					w.damage(name, damage.do, chance)
				}
			}
			w.fine("status", "-q")
			w.remove("raw", "report.txt")
			w.write("data/clean.txt", "by hand\n")
			e := w.flow("status", "-q")
			require.Equal(t, 1, e.code, "nothing stale is called fresh: %s", e)
			w.fine("repro")
			w.holds(b.new, "the workspace is not that of an uninterrupted run")
			require.Equal(t, b.lock, w.read("pipeline.lock"))
			w.fine("status", "-q")
			if e := w.flow("fsck"); e.code != 0 {
				require.Equal(t, 3, e.code, "%s", e)
				w.fine("repro")
				w.fine("fsck") // has put the damaged records out of the way
			}
		})
	}
}

// TestGarble_index damages one file of the stat index at a time, after a change that
// it could hide.
func TestGarble_index(t *testing.T) {
	t.Parallel()
	b := small(t)
	chance := random(t)
	done := b.old.copy(t)
	done.fine("repro")
	for i := range rounds(10) {
		chance := rand.New(rand.NewPCG(chance.Uint64(), 3))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			w := done.copy(t)
			w.fine("repro")
			files := w.stateFiles(".flow/index")
			name := files[chance.IntN(len(files))]
			damage := damages[chance.IntN(len(damages))]
			t.Logf("%s: %s", name, damage.name)
			w.damage(name, damage.do, chance)
			w.fine("status", "-q")
			w.write("raw/deep/er/f3", strings.Replace(w.read("raw/deep/er/f3"), "two", "owt", 1)) // of the same size
			e := w.flow("status", "-q")
			require.Equal(t, 1, e.code, "%s", e)
			b.heals(w)
		})
	}
}

// newCutShort returns a world with a journal and an attempt, killed in its second
// stage, and what it held before.
func newCutShort(t *testing.T) (*world, snapshot) {
	t.Helper()
	w := newWaiting(t, "")
	before := w.snapshot()
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	r.signal(syscall.SIGKILL)
	r.wait()
	w.nobodyLeft()
	require.NotEmpty(t, w.read(".flow/journal"))
	require.NotEmpty(t, w.attempts())
	w.write("mark-go", "")
	return w, before
}

// TestGarble_journal: what a damaged journal doesn't tell runs again.
func TestGarble_journal(t *testing.T) {
	t.Parallel()
	cut, _ := newCutShort(t)
	whole := cut.copy(t)
	whole.fine("repro")
	lock := whole.read("pipeline.lock")
	chance := random(t)
	check := func(t *testing.T, w *world) {
		w.fine("repro")
		require.Equal(t, "two\n", w.read("c.txt"))
		require.Equal(t, lock, w.read("pipeline.lock"), "the journal was damaged, and then stages ran: all of them must be in the lock")
		require.Equal(t, 1, w.runs()["third"])
		w.fine("status", "-q")
		w.fine("fsck")
	}
	for _, damage := range damages {
		chance := rand.New(rand.NewPCG(chance.Uint64(), 4))
		t.Run(damage.name, func(t *testing.T) {
			t.Parallel()
			w := cut.copy(t)
			w.damage(".flow/journal", damage.do, chance)
			check(t, w)
		})
	}
	journal := []byte(cut.read(".flow/journal"))
	t.Run("cut everywhere", func(t *testing.T) {
		t.Parallel()
		w := cut.copy(t)
		for n := 0; n < len(journal); n += 13 {
			w.replace(".flow/journal", journal[:n])
			e := w.flow("status", "--json")
			require.Equal(t, 0, e.code, "cut at %d: %s", n, e)
		}
	})
	for i := range rounds(20) {
		chance := rand.New(rand.NewPCG(chance.Uint64(), 5))
		t.Run(fmt.Sprintf("flip %d", i), func(t *testing.T) {
			t.Parallel()
			w := cut.copy(t)
			flipped := bytes.Clone(journal)
			at := len(journal) - 1 - chance.IntN(len(journal)-72) // behind the first line
			flipped[at] ^= byte(1 << chance.IntN(8))
			t.Logf("byte %d: %q", at, flipped[max(0, at-20):min(len(flipped), at+20)])
			w.replace(".flow/journal", flipped)
			check(t, w)
		})
	}
	t.Run("hostile paths", func(t *testing.T) {
		t.Parallel()
		w := cut.copy(t)
		w.replace(".flow/journal", bytes.ReplaceAll(journal, []byte(`"a.txt"`), []byte(`"../../a.txt"`)))
		check(t, w)
	})
}

// TestGarble_attempt: an intent that can't be read is either seen through or refused
// with a hint, and what is aside is not lost in either case.
func TestGarble_attempt(t *testing.T) {
	t.Parallel()
	cut, before := newCutShort(t)
	chance := random(t)
	for i := range damages {
		damage := damages[i]
		chance := rand.New(rand.NewPCG(chance.Uint64(), 6))
		t.Run(damage.name, func(t *testing.T) {
			t.Parallel()
			w := cut.copy(t)
			intents, err := filepath.Glob(w.path(".flow/tmp/attempt/*/intent"))
			require.NoError(t, err)
			require.Len(t, intents, 1)
			name, _ := filepath.Rel(w.dir, intents[0])
			intent := w.read(name)
			w.damage(name, damage.do, chance)
			t.Logf("%q", w.read(name))
			w.write("input.txt", "one\n")
			e := w.flow("repro")
			if e.code != 0 {
				told(t, e)
				keptSomewhere(w, before.only("a.txt", "b.txt", "c.txt"))
				w.write(name, intent)
				w.fine("repro")
			}
			require.Equal(t, "one\n", w.read("c.txt"))
			require.Equal(t, "one\n", w.read("b.txt"))
			w.fine("status", "-q")
			require.Empty(t, w.attempts())
		})
	}
}

// TestGarble_intentOfAnother: an intent with paths that lead out or into flow's own
// folder moves nothing there.
func TestGarble_intentOfAnother(t *testing.T) {
	t.Parallel()
	cut, _ := newCutShort(t)
	for _, evil := range []string{"../out.txt", "/etc/out.txt", ".flow/config", ".git/config", "pipeline.yaml", "pipeline.lock"} {
		w := cut.copy(t)
		intents, _ := filepath.Glob(w.path(".flow/tmp/attempt/*/intent"))
		name, _ := filepath.Rel(w.dir, intents[0])
		text := strings.ReplaceAll(w.read(name), `"b.txt"`, fmt.Sprintf("%q", evil))
		w.write(name, strings.ReplaceAll(text, `"existed":true`, `"existed":false`))
		w.write(".git/config", "git's\n")
		pipeline := w.read("pipeline.yaml")
		e := w.flow("repro")
		require.Equal(t, pipeline, w.read("pipeline.yaml"), "%s: %s", evil, e)
		require.Equal(t, "git's\n", w.read(".git/config"), "%s: %s", evil, e)
		if e.code != 0 {
			told(t, e)
		}
	}
}

// lockState is what status tells, to be compared.
func lockState(t *testing.T, e ended) string {
	t.Helper()
	var lines []struct{ Stage, State string }
	require.NoError(t, json.Unmarshal([]byte(e.out), &lines), "%s", e)
	return fmt.Sprint(lines)
}

// TestGarble_lockCut: of a lock that was cut nothing is believed.
func TestGarble_lockCut(t *testing.T) {
	t.Parallel()
	b := small(t)
	done := b.old.copy(t)
	done.fine("repro")
	fresh := lockState(t, done.fine("status", "--json"))
	lock := []byte(b.lock)
	for part := range 4 { // to be quick
		t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
			t.Parallel()
			w := done.copy(t)
			w.fine("repro")
			for n := 7 * part; n < len(lock); n += 7 * 4 {
				w.replace("pipeline.lock", lock[:n])
				e := w.flow("status", "--json")
				if e.code == 0 {
					require.Equal(t, fresh, lockState(t, e), "cut at %d of %d", n, len(lock))
					require.GreaterOrEqual(t, n, len(lock)-len("# end of pipeline.lock\n"), "a cut lock was believed")
					continue
				}
				told(t, e)
			}
		})
	}
	t.Run("repro", func(t *testing.T) {
		t.Parallel()
		w := done.copy(t)
		for _, n := range []int{0, 100, len(lock) / 2, len(lock) - 30} {
			w.replace("pipeline.lock", lock[:n])
			for _, command := range []string{"repro", "checkout", "commit", "gc -w -f --grace 0s", "fsck"} {
				e := w.flow(strings.Fields(command)...)
				require.NotEqual(t, 0, e.code, "flow %s with a lock that was cut at %d: %s", command, n, e)
				require.NotContains(t, e.err, "is kept", "nothing was touched")
				told(t, e)
				require.Equal(t, string(lock[:n]), w.read("pipeline.lock"))
				require.Empty(t, b.new.only(outNames...).differences(w.snapshot().only(outNames...)), command)
			}
		}
		w.replace("pipeline.lock", lock)
		b.heals(w)
	})
	t.Run("removed", func(t *testing.T) {
		t.Parallel()
		w := done.copy(t)
		runs := w.runs()
		w.remove("pipeline.lock")
		b.heals(w)
		require.Equal(t, runs["fetch"], w.runs()["fetch"], "the run cache knows it")
	})
}

var sizes = regexp.MustCompile(`(?m)^( +(?:size|nfiles): ).*$`)

// TestGarble_lockFlipped: a changed byte in the lock is refused, or makes stages
// stale, or tells nothing; what repro then makes is right.
func TestGarble_lockFlipped(t *testing.T) {
	t.Parallel()
	b := small(t)
	done := b.old.copy(t)
	done.fine("repro")
	chance := random(t)
	for i := range rounds(24) {
		chance := rand.New(rand.NewPCG(chance.Uint64(), 7))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			w := done.copy(t)
			w.remove("raw", "report.txt") // to be restored
			content := []byte(b.lock)
			at := chance.IntN(len(content))
			content[at] ^= byte(1 << chance.IntN(7))
			t.Logf("byte %d: %q", at, content[max(0, at-20):min(len(content), at+20)])
			w.replace("pipeline.lock", content)
			e := w.flow("repro")
			if e.code != 0 {
				told(t, e)
				return
			}
			// A size tells people something and decides nothing: it is mended when its stage runs.
			require.Equal(t, sizes.ReplaceAllString(b.lock, "$1"), sizes.ReplaceAllString(w.read("pipeline.lock"), "$1"),
				"after a byte of the lock was changed, and repro was content")
			w.replace("pipeline.lock", []byte(b.lock))
			w.holds(b.new, "after a byte of the lock was changed")
			w.fine("fsck")
		})
	}
}
