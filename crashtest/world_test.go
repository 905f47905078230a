//go:build unix

package crashtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait: what takes longer hangs.
const patience = 60 * time.Second

// world is a project in a folder of its own.
type world struct {
	t   testing.TB
	dir string
}

func newWorld(t testing.TB) *world {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	w := &world{t: t, dir: dir}
	t.Cleanup(w.killAll)
	return w
}

// copy returns a new world that is as this one is now.
func (w *world) copy(t testing.TB) *world {
	t.Helper()
	to := newWorld(t)
	said, err := exec.Command("cp", "-a", w.dir+"/.", to.dir).CombinedOutput()
	require.NoError(t, err, string(said))
	return to
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	require.NoError(w.t, os.WriteFile(w.path(name), []byte(text), 0o644))
}

// read returns a file's text, or "" when it is not there.
func (w *world) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(w.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	require.NoError(w.t, err)
	return string(text)
}

func (w *world) exists(name string) bool {
	_, err := os.Lstat(w.path(name))
	return err == nil
}

func (w *world) remove(names ...string) {
	w.t.Helper()
	for _, name := range names {
		require.NoError(w.t, os.RemoveAll(w.path(name)))
	}
}

// until waits for something to become true.
func (w *world) until(what string, happened func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// snapshot is what a world holds, flow's and git's own folders aside: by path, the
// kind and a sum of the content.
type snapshot map[string]string

func (w *world) snapshot() snapshot {
	w.t.Helper()
	s := snapshot{}
	err := filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(w.dir, path)
		if strings.Contains(name, tempMark) {
			return nil
		}
		switch {
		case name == ".flow" || name == ".git" || name == ".home":
			return filepath.SkipDir
		case name == "." || name == runsFile || strings.HasPrefix(name, "mark-"):
			return nil
		}
		s[filepath.ToSlash(name)], err = describe(path, entry)
		return err
	})
	require.NoError(w.t, err)
	return s
}

func describe(path string, entry fs.DirEntry) (string, error) {
	switch {
	case entry.IsDir():
		return "dir", nil
	case entry.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return "link " + target, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	info, err := entry.Info()
	if err != nil {
		return "", err
	}
	kind := "file"
	if info.Mode()&0o100 != 0 {
		kind = "exec"
	}
	return fmt.Sprintf("%s %d bytes %x", kind, len(content), sha256.Sum256(content)), nil
}

// only returns the part of a snapshot that is at or below some names.
func (s snapshot) only(names ...string) snapshot {
	part := snapshot{}
	for path, is := range s {
		for _, name := range names {
			if path == name || strings.HasPrefix(path, name+"/") {
				part[path] = is
			}
		}
	}
	return part
}

// differences lists what is not the same.
func (s snapshot) differences(other snapshot) []string {
	all := maps.Clone(s)
	maps.Copy(all, other)
	var found []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if s[path] != other[path] {
			found = append(found, fmt.Sprintf("%s: want %q, have %q", path, s[path], other[path]))
		}
	}
	return found
}

// holds checks that a world holds exactly what a snapshot tells.
func (w *world) holds(want snapshot, when string) {
	w.t.Helper()
	require.Empty(w.t, want.differences(w.snapshot()), "%s", when)
}

// tempMark is in the names of unfinished files; litter tells of them.
const tempMark = ".flow-tmp-"

// litter lists the unfinished files among the person's own.
func (w *world) litter() []string {
	var found []string
	_ = filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(w.dir, path)
		switch {
		case err == nil && name == ".flow":
			return filepath.SkipDir
		case err == nil && strings.Contains(name, tempMark):
			found = append(found, name)
		}
		return nil
	})
	return found
}

const runsFile = ".runs"

// runs counts how often each stage's command was started.
func (w *world) runs() map[string]int {
	counts := map[string]int{}
	for _, name := range strings.Fields(w.read(runsFile)) {
		counts[name]++
	}
	return counts
}
