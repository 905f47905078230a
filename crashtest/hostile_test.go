//go:build unix

package crashtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/store/storetest"
)

// evilPaths are places that a project of a stranger must not reach; CANARY is a folder
// beside it, and link and up are links that the stranger has put into the project.
var evilPaths = []string{
	"../canary/x", "CANARY/x", "a/../../canary/x", "./../canary/x", "..", "../canary", "link/x", "link", "up/canary/x",
	".git/hooks/post-checkout", ".git/config", ".GIT/config", ".git./config", "GIT~1/config", ".g\u200cit/config", ".git /config",
	".flow/config", ".FLOW/config", ".flow", ".git", ".", "", "a/", "a//b", `..\canary\x`, `a\..\..\canary\x`, "x\u0000y", "sub/.git/config",
}

// newHostile returns a world in a folder of its own, and a snapshot function of all that
// it must leave alone: its neighbour, its git folder, its config.
func newHostile(t *testing.T) (*world, func() snapshot) {
	t.Helper()
	above := newWorld(t)
	above.write("canary/x", "precious\n")
	above.write("canary/dir/y", "precious\n")
	above.write("canary/objects/ab/cd", "precious\n")
	w := &world{t: t, dir: above.path("project")}
	w.write(".git/HEAD", "ref: refs/heads/main\n")
	w.write(".git/config", "[core]\n")
	w.write(".git/hooks/sample", "sample\n")
	w.write("in.txt", "in\n")
	require.NoError(t, os.Symlink("../canary", w.path("link")))
	require.NoError(t, os.Symlink("..", w.path("up")))
	return w, func() snapshot {
		s := (&world{t: t, dir: above.path("canary")}).snapshot()
		for _, name := range []string{".git/HEAD", ".git/config", ".git/hooks"} {
			_ = filepath.WalkDir(w.path(name), func(path string, entry os.DirEntry, err error) error {
				require.NoError(t, err)
				s[path], err = describe(path, entry)
				return err
			})
		}
		return s
	}
}

var everyCommand = []string{"status", "repro", "repro -f", "checkout", "checkout --force", "commit -f", "fsck", "gc -w -f --grace 0s", "repro --pull", "metrics show", "params show", "plots show"}

// harmless runs commands in a world, and checks that nothing beside it was touched and that
// flow neither crashed nor hung.
func harmless(w *world, alone func() snapshot, what string) {
	w.t.Helper()
	before := alone()
	for _, command := range everyCommand {
		e := w.flow(strings.Fields(command)...)
		require.Contains(w.t, []int{0, 1, 2, 3, 5}, e.code, "%s: flow %s: %s", what, command, e)
		require.Empty(w.t, before.differences(alone()), "%s: flow %s has touched what is not the project's: %s", what, command, e)
	}
}

// TestHostile_pipelines: whatever a pipeline names as an out, a data source or a folder to
// run in, nothing beside the project, of git's or of flow's own is written or removed.
func TestHostile_pipelines(t *testing.T) {
	t.Parallel()
	for kind, text := range map[string]string{
		"out":      `stages: {a: {cmd: "true", outs: [%s]}}`,
		"uncached": `stages: {a: {cmd: "true", outs: [{%s: {cache: false}}]}}`,
		"persist":  `stages: {a: {cmd: "true", outs: [{%s: {persist: true}}]}}`,
		"temp":     `stages: {a: {cmd: "true", outs: [{%[1]s: {temp: true}}]}, b: {cmd: "true", deps: [%[1]s]}}`,
		"metric":   `stages: {a: {cmd: "true", metrics: [%s]}}`,
		"frozen":   `stages: {a: {cmd: "true", frozen: true, outs: [%s]}}`,
		"data":     `data: [%s]`,
		"wdir":     `stages: {a: {cmd: "true", wdir: %s, outs: [x]}}`,
		"map":      `stages: {a: {map: "*.txt", cmd: "echo ${map.path}", outs: ["%[2]s/${map.name}"]}}`,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, alone := newHostile(t)
			for _, evil := range evilPaths {
				evil = strings.ReplaceAll(evil, "CANARY", w.path("../canary"))
				quoted := fmt.Sprintf("%q", evil)
				if strings.Contains(text, "%[2]s") {
					w.write("pipeline.yaml", fmt.Sprintf(text, quoted, strings.Trim(quoted, `"`)))
				} else {
					w.write("pipeline.yaml", strings.ReplaceAll(fmt.Sprintf(text, quoted), "%!(EXTRA", "#"))
				}
				before := alone()
				for _, command := range []string{"repro -f", "checkout --force", "commit -f", "gc -w -f --grace 0s"} {
					e := w.flow(strings.Fields(command)...)
					require.Contains(t, []int{0, 1, 2, 3, 5}, e.code, "%s: flow %s: %s", evil, command, e)
					require.Empty(t, before.differences(alone()), "%s %q: flow %s has touched what is not the project's: %s", kind, evil, command, e)
				}
			}
		})
	}
}

// TestHostile_locks: neither does a lock file, nor a journal.
func TestHostile_locks(t *testing.T) {
	t.Parallel()
	w, alone := newHostile(t)
	w.write("pipeline.yaml", `stages: {a: {cmd: "cp in.txt zz.txt", deps: [in.txt], outs: [zz.txt]}}`)
	w.fine("repro")
	lock := w.read("pipeline.lock")
	for _, evil := range evilPaths {
		evil = strings.ReplaceAll(evil, "CANARY", w.path("../canary"))
		w.write("pipeline.lock", strings.ReplaceAll(lock, "zz.txt", fmt.Sprintf("%q", evil)))
		harmless(w, alone, "in the lock: "+evil)
	}
	w.write("pipeline.lock", lock)
	for _, evil := range []string{"../../../../canary/x", "blake3:../../../canary/x", "blake3:" + strings.Repeat("0", 64), "md5:../x", ""} {
		at := strings.Index(lock, "blake3:")
		w.write("pipeline.lock", strings.ReplaceAll(lock, lock[at:at+71], evil))
		harmless(w, alone, "as a digest: "+evil)
	}
}

// TestHostile_links: flow's own places may be links that a stranger has made.
func TestHostile_links(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".flow", ".flow/tmp", ".flow/index", ".flow/failed", ".flow/runs", ".flow/journal", ".flow/tmp/attempt", "pipeline.lock", ".gitignore",
		"zz.txt", "sub", ".flow/tmp/stage"} {
		for _, target := range []string{"canary", "canary/x"} {
			t.Run(name+" to "+target, func(t *testing.T) {
				t.Parallel()
				w, alone := newHostile(t)
				w.write("pipeline.yaml", `stages: {a: {cmd: "cp in.txt zz.txt", deps: [in.txt], outs: [zz.txt]}, b: {cmd: "true", outs: [sub/out.txt]}}`)
				require.NoError(t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
				require.NoError(t, os.Symlink(w.path("../"+target), w.path(name)))
				if name == "zz.txt" || name == "sub" {
					// The command itself would write through the link: that is the stranger's code, not flow.
					w.write("pipeline.yaml", `stages: {a: {cmd: "true", deps: [in.txt], outs: [zz.txt]}, b: {cmd: "true", outs: [sub/out.txt]}}`)
				}
				harmless(w, alone, name)
			})
		}
	}
}

// TestHostile_config: a project's config may say where the cache is, which `flow doctor`
// shows, but nothing of what is there is changed or removed; and nothing else is reached.
func TestHostile_config(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"cache beside":   "cache: {dir: ../canary}\n",
		"cache absolute": "cache: {dir: CANARY}\n",
		"cache in git":   "cache: {dir: .git}\n",
		"cache by link":  "cache: {dir: link}\n",
		"remote beside":  "remote: r\nremotes: {r: {url: ../canary}}\n",
		"remote a file":  "remote: r\nremotes: {r: {url: \"file://CANARY\"}}\n",
		"unknown":        "hooks: {post: \"touch ../canary/z\"}\n",
		"ssh command":    "remote: r\nremotes: {r: {url: \"ssh://-oProxyCommand=touch ../canary/z/x\"}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, alone := newHostile(t)
			w.write(".flow/config", strings.ReplaceAll(config, "CANARY", w.path("../canary")))
			w.write("pipeline.yaml", `stages: {a: {cmd: "cp in.txt zz.txt", deps: [in.txt], outs: [zz.txt]}}`)
			before := alone()
			harmless(w, func() snapshot {
				s := alone()
				for path := range s {
					if _, there := before[path]; !there && strings.HasPrefix(name, "cache") {
						delete(s, path)
					}
				}
				return s
			}, name)
		})
	}
}

// TestHostile_race: a folder that becomes a link out of the project while flow writes and
// removes below it leads nowhere.
func TestHostile_race(t *testing.T) {
	t.Parallel()
	w, alone := newHostile(t)
	w.write("pipeline.yaml", `stages: {a: {cmd: "mkdir -p out/dir; for i in 1 2 3 4 5 6 7 8; do cat in.txt > out/dir/$i; done; cp in.txt out/x", deps: [in.txt], outs: [out]}}`)
	w.fine("repro")
	w.write("in.txt", "other\n")
	w.fine("repro")
	w.write("pipeline.yaml", `stages: {a: {cmd: "exit 1", deps: [in.txt], outs: [out]}}`) // a command would follow the link
	before := alone()
	stop := storetest.Meanwhile(t, func(int64) {
		_ = os.Rename(w.path("out"), w.path("aside"))
		_ = os.Symlink("../canary", w.path("out"))
		_ = os.Remove(w.path("out"))
		_ = os.Rename(w.path("aside"), w.path("out"))
	})
	for i := range 12 {
		for _, args := range [][]string{{"checkout", "--force"}, {"repro"}, {"commit", "-f"}} {
			e := w.flow(args...)
			require.Contains(t, []int{0, 1, 2, 3, 5}, e.code, "round %d: %s", i, e)
		}
		require.Empty(t, before.differences(alone()))
	}
	stop()
	require.Empty(t, before.differences(alone()))
}
