//go:build unix

package crashtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFault_commitAfterAKill: what a killed stage left is not recorded by commit.
func TestFault_commitAfterAKill(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	r.signalGroup(syscall.SIGKILL)
	r.wait()
	w.nobodyLeft()
	var e ended
	w.until("the kernel has freed the lock of who was killed", func() bool {
		e = w.flow("commit", "-f")
		return e.code != 4
	})
	require.Equal(t, "one\n", w.read("b.txt"), "the out from before is back: %s", e)
	require.Empty(t, w.attempts())
	w.fine("fsck")
}

// TestFault_gitIndexLock: what git left behind in a crash stops no run.
func TestFault_gitIndexLock(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	w := newTogether(t, ":")
	require.NoError(t, exec.Command("git", "init", "-q", w.dir).Run())
	w.write(".git/index.lock", "")
	w.fine("repro")
	w.fine("status", "-q")
}

// TestFault_noWait: who does not want to wait is told whom for, with an exit code of its
// own.
func TestFault_noWait(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	e := w.flow("repro", "--no-wait")
	require.Equal(t, 4, e.code, "%s", e)
	require.Regexp(t, `stage "second": process \d+, at stage second has it`, e.err)
	w.write("mark-go", "")
	require.Equal(t, 0, r.wait().code)
	require.Equal(t, map[string]int{"first": 1, "second": 1, "third": 1}, w.runs())
	w.fine("repro", "--no-wait")
}

// TestFault_pipelineEditedDuringARun: the run goes on with what it has read, records
// that, and what was edited is stale afterwards.
func TestFault_pipelineEditedDuringARun(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, "")
	r := w.start("repro")
	w.until("the command runs", func() bool { return w.exists("mark-started") })
	text := w.read("pipeline.yaml")
	w.write("pipeline.yaml", strings.Replace(text, "cp b.txt c.txt", "cat b.txt b.txt > c.txt", 1))
	w.write("mark-go", "")
	require.Equal(t, 0, r.wait().code)
	require.Equal(t, "two\n", w.read("c.txt"))
	e := w.fine("status")
	require.Regexp(t, `third: will run.*\n  cmd changed`, e.out)
	require.NotContains(t, e.out, "second")
	w.fine("repro")
	require.Equal(t, "two\ntwo\n", w.read("c.txt"))
}

// TestFault_sharedCache: a collection in one project keeps what another one has just put
// into the cache that they share.
func TestFault_sharedCache(t *testing.T) {
	t.Parallel()
	one := newTogether(t, ":")
	two := one.copy(t)
	shared := filepath.Join(newWorld(t).dir, "cache")
	two.write("input.txt", "two\n")
	for _, w := range []*world{one, two} {
		w.fine("init")
		w.fine("config", "cache.dir", shared)
		w.fine("repro")
	}
	one.fine("gc", "-w", "-f")
	two.fine("fsck")
	two.remove("plain.txt", "last.txt")
	two.fine("repro")
	require.Equal(t, "two\n", two.read("last.txt"))
	require.Equal(t, 1, two.runs()["plain"], "it came out of the cache")
}

// onSmallDisk moves a world onto a file system of so many megabytes.
func onSmallDisk(t *testing.T, size string) *world {
	t.Helper()
	w := newWorld(t)
	if said, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", w.dir).CombinedOutput(); err != nil {
		t.Skipf("a small file system can't be mounted here, which takes root: %s", said)
	}
	t.Cleanup(func() {
		w.killAll()
		_ = exec.Command("umount", "-l", w.dir).Run()
	})
	return w
}

// TestFault_diskFull: a disk that is full is told as that, the outs from before are in
// place, and with room again one run ends the work.
func TestFault_diskFull(t *testing.T) {
	t.Parallel()
	for name, pipeline := range map[string]string{
		"in the command":       `stages: {big: {cmd: "cat input.txt > out.bin; head -c 9000000 /dev/zero >> out.bin", deps: [input.txt], outs: [out.bin]}}`,
		"in the cache":         `stages: {big: {cmd: "cat input.txt > out.bin; head -c 4000000 /dev/urandom >> out.bin", deps: [input.txt], outs: [out.bin]}}`,
		"in the cache, copied": `stages: {big: {cmd: "mkdir -p out.bin; for i in 1 2 3 4; do (cat input.txt; head -c 1000000 /dev/urandom) > out.bin/$i; done", deps: [input.txt], outs: [out.bin]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onSmallDisk(t, "8m")
			w.write("pipeline.yaml", `stages: {big: {cmd: "cat input.txt > out.bin", deps: [input.txt], outs: [out.bin]}}`)
			w.write("input.txt", "one\n")
			w.fine("repro")
			before := w.read("pipeline.lock")
			w.write("pipeline.yaml", pipeline)
			w.write("ballast", strings.Repeat("x", 1<<20))
			e := w.flow("repro")
			require.Contains(t, []int{1, 5}, e.code, "%s", e)
			require.Contains(t, strings.ToLower(e.err), "no space left", "%s", e)
			require.Equal(t, "one\n", w.read("out.bin"), "the out from before is in place")
			require.Equal(t, before, w.read("pipeline.lock"))
			require.Empty(t, w.attempts())
			w.fine("fsck")

			require.NoError(t, exec.Command("mount", "-o", "remount,size=64m", w.dir).Run())
			w.fine("repro")
			w.fine("status", "-q")
			w.fine("fsck")
		})
	}
}

// TestFault_bareHost: no home, no environment to speak of, few descriptors, a strict
// umask: all of it works.
func TestFault_bareHost(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"env -i":         `env -i PATH="$PATH" "$FLOW" repro`,
		"no HOME":        `unset HOME; "$FLOW" repro`,
		"bad HOME":       `HOME=/nowhere/at/all "$FLOW" repro`,
		"umask 077":      `umask 077; "$FLOW" repro -j 4`,
		"64 descriptors": `ulimit -n 64; "$FLOW" repro -j 2`,
		"read-only HOME": `HOME=/proc "$FLOW" repro`,
		"odd locale":     `LC_ALL=xx_YY.nothing TZ=Nowhere/Else "$FLOW" repro`,
		"dumb terminal":  `TERM=dumb "$FLOW" repro`,
		"huge variable":  `BIG=$(head -c 100000 /dev/zero | tr '\0' x) "$FLOW" repro`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTogether(t, ":")
			e := w.command("sh", "-c", script).start().wait()
			require.Equal(t, 0, e.code, "%s", e)
			w.fine("status", "-q")
			w.fine("fsck")
		})
	}
}

// TestFault_folderGone: a folder that is gone is told as that.
func TestFault_folderGone(t *testing.T) {
	t.Parallel()
	w := newTogether(t, ":")
	e := w.command("sh", "-c", `mkdir gone; cd gone; rmdir ../gone; exec "$FLOW" status`).start().wait()
	require.Contains(t, []int{2, 5}, e.code, "%s", e)
	require.NotEmpty(t, e.err)
}

// TestFault_readOnlyProject: commands that read work where nothing can be written;
// others say so, and run nothing.
func TestFault_readOnlyProject(t *testing.T) {
	t.Parallel()
	w := onSmallDisk(t, "32m")
	w.write("pipeline.yaml", strings.ReplaceAll(togetherText, "WORK", ":"))
	w.write("input.txt", "one\n")
	w.fine("repro")
	w.write("input.txt", "two\n")
	require.NoError(t, exec.Command("mount", "-o", "remount,ro", w.dir).Run())
	for _, args := range []string{"status", "status --json", "status --why plain", "dag", "repro --dry", "metrics show", "params diff"} {
		e := w.flow(strings.Fields(args)...)
		require.Equal(t, 0, e.code, "flow %s: %s", args, e)
	}
	e := w.flow("repro")
	require.Equal(t, 5, e.code, "%s", e)
	require.Contains(t, e.err, "read-only")
	require.Equal(t, 1, w.runs()["plain"], "nothing has run")
}

// nobody is a user id that owns nothing.
const nobody = 65534

// asNobody runs flow as a user who is not root, and who owns the world.
func (w *world) asNobody(args ...string) ended {
	w.t.Helper()
	r := w.command(binary, args...)
	if os.Getuid() == 0 {
		for _, dir := range []string{filepath.Dir(binary), w.dir} {
			for ; dir != "/"; dir = filepath.Dir(dir) {
				if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o011 != 0o011 {
					require.NoError(w.t, os.Chmod(dir, info.Mode().Perm()|0o011))
				}
			}
		}
		said, err := exec.Command("find", w.dir, "-uid", "0", "!", "-name", "roots*", "-exec", "chown", "-h", strconv.Itoa(nobody), "{}", "+").CombinedOutput()
		require.NoError(w.t, err, "%s", said)
		r.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return r.start().wait()
}

// TestFault_permissions: what can't be read or written is told with its path, before
// anything runs; where only the index can't be kept, all works.
func TestFault_permissions(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		path string
		mode os.FileMode
		want string // "" when it works
	}{
		"cache":             {".flow/cache", 0o555, "/.flow/cache: permission denied"},
		"cache, used":       {".flow/cache/objects", 0o555, "/.flow/cache/objects: permission denied"},
		"the project":       {".", 0o555, ": permission denied"},
		"state":             {".flow", 0o555, "/.flow: permission denied"},
		"dep":               {"input.txt", 0o000, "/input.txt: permission denied"},
		"lock, unreadable":  {"pipeline.lock", 0o000, "/pipeline.lock: permission denied"},
		"lock, read-only":   {"pipeline.lock", 0o444, ""},
		"index":             {".flow/index", 0o555, ""},
		"index, unreadable": {".flow/index", 0o000, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTogether(t, ":")
			require.Equal(t, 0, w.asNobody("repro").code)
			w.write("input.txt", "two\n")
			w.remove(runsFile)
			require.NoError(t, os.Chmod(w.path(fault.path), fault.mode))
			t.Cleanup(func() { _ = os.Chmod(w.path(fault.path), 0o755) })
			e := w.asNobody("repro")
			if fault.want == "" {
				require.Equal(t, 0, e.code, "%s", e)
				require.Equal(t, "two\n", w.read("last.txt"))
				return
			}
			require.Equal(t, 5, e.code, "%s", e)
			require.Contains(t, e.err, fault.want)
			require.Empty(t, w.runs(), "nothing has run: %s", e)
			require.Equal(t, "one\n", w.read("last.txt"))
		})
	}
}

// TestFault_anotherUsersProject: commands that read work in a project that belongs to
// somebody else, and others change nothing in it.
func TestFault_anotherUsersProject(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	w := newTogether(t, ":")
	w.fine("repro")
	w.write("input.txt", "two\n")
	w.remove(runsFile)
	before := w.snapshot()
	other := w.copy(t)
	other.asNobody("version") // makes the way there passable
	said, err := exec.Command("chown", "-R", "0:0", other.dir).CombinedOutput()
	require.NoError(t, err, "%s", said)
	for _, args := range []string{"status", "status --json", "dag", "repro --dry", "fsck", "gc -w --dry", "runs list", "lint", "checkout", "repro", "commit -f"} {
		r := other.command(binary, strings.Fields(args)...)
		r.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		e := r.start().wait()
		want := 0
		if args == "repro" || args == "commit -f" {
			want = 5
			require.Contains(t, e.err, "permission denied")
		}
		require.Equal(t, want, e.code, "flow %s: %s", args, e)
	}
	require.Empty(t, other.runs())
	other.holds(before, "somebody else's project")
}

// TestFault_fewDescriptors: with hardly any descriptors a run works, and with too few it
// says so rather than hang.
func TestFault_fewDescriptors(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, 14, 16, 20, 24, 32, 40} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			w := newTogether(t, ":")
			e := w.command("sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$FLOW" repro`, n)).start().wait()
			if e.code != 0 {
				require.Contains(t, []int{2, 5}, e.code, "%s", e)
				require.Contains(t, e.err, "too many open files")
				require.Less(t, n, 40, "%s", e)
			}
			w.fine("repro")
			w.fine("status", "-q")
			w.fine("fsck")
		})
	}
}

// TestFault_diskFullElsewhere: what only brings data here is told the same, and leaves
// nothing unfinished.
func TestFault_diskFullElsewhere(t *testing.T) {
	t.Parallel()
	w := onSmallDisk(t, "16m")
	w.write("pipeline.yaml", `stages: {big: {cmd: "head -c 4000000 /dev/urandom > out.bin", outs: [out.bin]}}`)
	w.fine("init")
	w.fine("repro")
	w.fine("remote", "add", "-d", "far", filepath.Join(newWorld(t).dir, "remote"))
	w.fine("push")
	w.remove("out.bin", ".flow/cache")
	w.write("ballast", strings.Repeat("x", 13<<20))
	for _, command := range []string{"fetch", "pull"} {
		e := w.flow(command)
		require.Equal(t, 5, e.code, "flow %s: %s", command, e)
		require.Contains(t, e.err, "no space left on device")
		require.Regexp(t, `\d MB free on `+w.dir, e.err)
		require.Empty(t, w.litter())
	}
	w.remove("ballast")
	w.fine("pull")
	w.fine("status", "-q")
	w.fine("fsck")
}

// TestFault_oddTimes: files whose times are decades away are seen to change all the same,
// also when the time is put back, and hide nothing of flow's own.
func TestFault_oddTimes(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"1960-01-01", "1970-01-01", "2036-02-07", "2099-12-31", "2262-04-12"} {
		t.Run(date, func(t *testing.T) {
			t.Parallel()
			w := newTogether(t, ":")
			w.fine("init")
			age := func() {
				said, err := exec.Command("sh", "-c", `find "$1" -exec touch -h -d "$2" {} +`, "sh", w.dir, date).CombinedOutput()
				require.NoError(t, err, "%s", said)
			}
			age()
			w.fine("repro")
			age()
			w.fine("status", "-q")
			require.Equal(t, 1, w.runs()["plain"])
			w.write("input.txt", "two\n") // of the same size
			age()
			e := w.flow("status", "-q")
			require.Equal(t, 1, e.code, "%s", e)
			w.fine("repro")
			require.Equal(t, "two\n", w.read("last.txt"))
			age()
			w.remove("plain.txt", "last.txt")
			w.fine("gc", "-w", "-f")
			w.fine("repro")
			require.Equal(t, 2, w.runs()["plain"], "it is restored")
			w.fine("fsck")
		})
	}
}

// TestFault_oddNames: what is in a folder comes back under its name, whatever that is.
func TestFault_oddNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("pipeline.yaml", "stages: {odd: {cmd: 'cp -a in out', deps: [in], outs: [out]}}\n")
	names := []string{"a b", "new\nline", "tab\t", "ünï", "e\u0301", "\u00e9", "-dash", `q"uote`, "ap'os", `back\slash`, "CON", "a:b", "*", "?", "%20", "$HOME", "#x",
		" lead", "trail ", "trail.", "...", "~", "bad\xff", "\x01", "\u202eevil", strings.Repeat("x", 255)}
	for i, name := range names {
		w.write("in/"+name, fmt.Sprintln(i))
	}
	w.fine("repro")
	want := w.snapshot()
	w.remove("out")
	w.fine("checkout")
	w.holds(want, "after a checkout")
	w.remove("out", ".flow/index")
	w.fine("repro")
	w.holds(want, "after a restore")
	w.fine("status", "-q")
	w.fine("fsck")
	e := w.fine("status", "--json")
	require.True(t, json.Valid([]byte(e.out)))
}

// TestFault_specialFiles: a pipe, a socket or a device is told as that, and nobody waits for
// its other end.
func TestFault_specialFiles(t *testing.T) {
	t.Parallel()
	for name, pipeline := range map[string]string{
		"dep":         `stages: {a: {cmd: "echo > x", deps: [pipe], outs: [x]}}`,
		"in a folder": `stages: {a: {cmd: "echo > x", deps: [in], outs: [x]}}`,
		"data":        `data: [pipe]`,
		"params":      `stages: {a: {cmd: "echo > x", params: [{pipe: [k]}], outs: [x]}}`,
		"out":         `stages: {a: {cmd: "mkfifo x", outs: [x]}}`,
		"in an out":   `stages: {a: {cmd: "mkdir x; mkfifo x/pipe", outs: [x]}}`,
		"metric":      `stages: {a: {cmd: "mkfifo m.json", metrics: [{m.json: {cache: false}}]}}`,
		"vars":        "vars: [pipe.yaml]\nstages: {a: {cmd: echo}}",
		"include":     "include: [pipe.yaml]\nstages: {a: {cmd: echo}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write("pipeline.yaml", pipeline)
			w.write("in/file", "1\n")
			for _, pipe := range []string{"pipe", "in/pipe", "pipe.yaml"} {
				require.NoError(t, syscall.Mkfifo(w.path(pipe), 0o644))
			}
			for range 2 {
				e := w.flow("repro")
				require.Contains(t, []int{1, 2}, e.code, "%s", e)
				require.Regexp(t, "fifo|not a regular file", e.err)
			}
			w.flow("status")
			w.flow("checkout")
		})
	}
}
