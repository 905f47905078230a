package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/store/storetest"
)

func TestDigest_kinds(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/plain", "abc")
	write(t, dir, "data/run.sh", "#!")
	require.NoError(t, os.Chmod(filepath.Join(dir, "data/run.sh"), 0o755))
	require.NoError(t, os.Symlink("plain", filepath.Join(dir, "data/link")))
	require.NoError(t, os.Symlink("nothing", filepath.Join(dir, "data/dangling")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data/empty/deeper"), 0o755))
	write(t, dir, "data/a/x", "")
	write(t, dir, "data/a.txt", "1")
	w := openAt(t, dir, Options{})

	tree, content, err := w.Tree(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, cache.Tree{
		cache.FileEntry("a.txt", digest.File, digest.Sum([]byte("1")), 1),
		cache.FileEntry("a/x", digest.File, digest.Sum(nil), 0),
		cache.LinkEntry("dangling", "nothing"),
		cache.DirEntry("empty/deeper"),
		cache.LinkEntry("link", "plain"),
		cache.FileEntry("plain", digest.File, digest.Sum([]byte("abc")), 3),
		cache.FileEntry("run.sh", digest.Exec, digest.Sum([]byte("#!")), 2),
	}, tree)
	require.Equal(t, tree.Content(), content)
	require.NoError(t, tree.Validate())

	for name, want := range map[string]digest.Content{
		"data":         content,
		"data/plain":   {ID: digest.Sum([]byte("abc")), Mode: digest.File, Size: 3},
		"data/run.sh":  {ID: digest.Sum([]byte("#!")), Mode: digest.Exec, Size: 2},
		"data/link":    {ID: digest.Sum([]byte("plain")), Mode: digest.Link, Size: 5},
		"data/empty":   cache.Tree{cache.DirEntry("deeper")}.Content(),
		"nothing":      {},
		"data/plain/x": {},
		"no/folder/x":  {},
	} {
		for _, again := range []string{"first", "again"} {
			got, err := w.Digest(t.Context(), name)
			require.NoError(t, err, name)
			require.Equal(t, want, got, "%s, %s", name, again)
		}
		require.NoError(t, w.Flush())
		got, err := openAt(t, dir, Options{}).Digest(t.Context(), name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
}

func TestDigest_names(t *testing.T) {
	w := openAt(t, t.TempDir(), Options{})
	for _, name := range []string{"", ".", "..", "../x", "/etc/hostname", "a/../b", "a//b", ".git/config", ".flow/x", "a/.GIT", "a\x00b"} {
		_, err := w.Digest(t.Context(), name)
		require.Error(t, err, "%q", name)
		_, err = w.Save(t.Context(), name, SaveOptions{})
		require.Error(t, err, "%q", name)
		_, err = w.Checkout(t.Context(), name, digest.Content{})
		require.Error(t, err, "%q", name)
		_, err = w.Gitignore(name)
		require.Error(t, err, "%q", name)
	}
}

func TestDigest_linksOutOfTheRoot(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "victim", "v")
	for link, target := range map[string]string{
		"abs":          filepath.Join(outside, "victim"),
		"up":           "../victim",
		"data/up":      "../../victim",
		"data/up2":     "a/../../../victim",
		"data/in/out":  "../../../victim",
		"data/in/root": "/",
	} {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "data/in"), 0o755))
		require.NoError(t, os.Symlink(target, filepath.Join(dir, link)))
		w := openAt(t, dir, Options{})
		top, _, _ := strings.Cut(link, "/")
		for _, name := range []string{link, top} {
			_, err := w.Digest(t.Context(), name)
			require.Equal(t, &EscapeError{Path: link, Target: target}, err)
			_, err = w.Save(t.Context(), name, SaveOptions{})
			require.Equal(t, &EscapeError{Path: link, Target: target}, err)
		}
	}
}

func TestDigest_throughALink(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "x", "secret")
	dir := t.TempDir()
	write(t, dir, "real/x", "1")
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "near")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "far")))
	w := openAt(t, dir, Options{})
	got, err := w.Digest(t.Context(), "near/x")
	require.NoError(t, err)
	require.Equal(t, digest.Sum([]byte("1")), got.ID)
	_, err = w.Digest(t.Context(), "far/x")
	require.Equal(t, &EscapeError{Path: "far", Target: outside}, err)
}

func TestDigest_ignored(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".flowignore", "*.tmp\n/data/raw/\n")
	write(t, dir, "data/keep", "1")
	write(t, dir, "data/x.tmp", "1")
	write(t, dir, "data/raw/a", "1")
	write(t, dir, "data/sub/.flowignore", "!y.tmp\nlocal\n")
	write(t, dir, "data/sub/y.tmp", "1")
	write(t, dir, "data/sub/z.tmp", "1")
	write(t, dir, "data/sub/local", "1")
	write(t, dir, "data/sub/.git/config", "1")
	write(t, dir, "data/.dvc/config", "1")
	w := openAt(t, dir, Options{})
	paths := func() (paths []string) {
		tree, _, err := w.Tree(t.Context(), "data")
		require.NoError(t, err)
		for _, e := range tree {
			paths = append(paths, e.Path)
		}
		return paths
	}
	require.Equal(t, []string{"keep", "sub/.flowignore", "sub/y.tmp"}, paths())

	write(t, dir, ".flowignore", "keep\n")
	require.Equal(t, []string{"raw/a", "sub/.flowignore", "sub/y.tmp", "sub/z.tmp", "x.tmp"}, paths())

	ignored, rule := w.Ignored("data/keep", false)
	require.True(t, ignored)
	require.Equal(t, ".flowignore:1:keep", rule)
	ignored, rule = w.Ignored("data/sub/y.tmp", false)
	require.False(t, ignored)
	require.Equal(t, "data/sub/.flowignore:1:!y.tmp", rule)
	ignored, _ = w.Ignored("a/.git/x", false)
	require.True(t, ignored)
}

func TestDigest_fileThatChanges(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/x", "1")
	file, err := os.OpenFile(filepath.Join(dir, "data/x"), os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	stop := storetest.Meanwhile(t, func(i int64) { file.WriteAt(make([]byte, 1<<16), i%512<<16) })
	w := openAt(t, dir, Options{})
	require.Eventually(t, func() bool {
		var changing *ChangingError
		for _, name := range []string{"data", "data/x"} {
			_, err := w.Digest(t.Context(), name)
			if err == nil {
				return false
			}
			require.ErrorAs(t, err, &changing)
			require.Equal(t, "data/x", changing.Path)
			_, err = w.Save(t.Context(), name, SaveOptions{})
			if err == nil {
				return false
			}
			require.ErrorAs(t, err, &changing)
		}
		return true
	}, 30*time.Second, time.Millisecond)
	stop()
	_, err = w.Digest(t.Context(), "data")
	require.NoError(t, err)
}

// TestDigest_comesAndGoes: what another process removes, makes and makes another thing of
// is no error; it is one of the things that were there.
func TestDigest_comesAndGoes(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	storetest.Meanwhile(t, func(i int64) {
		os.RemoveAll(at("data"))
		switch i % 4 {
		case 0, 1:
			os.MkdirAll(at("data/sub/deep"), 0o755)
			os.WriteFile(at("data/sub/deep/x"), []byte("x"), 0o644)
			os.Symlink("deep", at("data/sub/y"))
			os.RemoveAll(at("data/sub/deep"))
			os.Remove(at("data/sub/y"))
			os.WriteFile(at("data/sub/y"), []byte("y"), 0o644)
		case 2:
			os.WriteFile(at("data"), []byte("file"), 0o644)
		case 3:
			os.Symlink("nowhere", at("data"))
		}
	})
	w := openAt(t, dir, Options{})
	kinds := map[digest.Mode]int{}
	for len(kinds) < 4 || kinds[digest.Dir] < 500 {
		content, err := w.Digest(t.Context(), "data")
		var changing *ChangingError
		if err != nil {
			require.ErrorAs(t, err, &changing)
			continue
		}
		kinds[content.Mode]++
	}
}

func TestStamp(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/a", "1")
	write(t, dir, "data/b/c", "2")
	w := openAt(t, dir, Options{})
	stamp := func(name string) string {
		text, err := w.Stamp(t.Context(), name)
		require.NoError(t, err)
		return text
	}
	if stamp("data") == "" {
		t.Skip("the times of this file system don't tell")
	}
	for _, name := range []string{"data", "data/a", "nothing"} {
		require.NotEmpty(t, stamp(name))
		require.Equal(t, stamp(name), stamp(name), name)
	}
	old := time.Now().Add(-time.Hour)
	for _, change := range []struct {
		what string
		do   func() error
	}{
		{"written, and the time set back", func() error {
			file := filepath.Join(dir, "data/a")
			info, err := os.Stat(file)
			return errors.Join(err, os.WriteFile(file, []byte("3"), 0o644), os.Chtimes(file, info.ModTime(), info.ModTime()))
		}},
		{"touched", func() error { return os.Chtimes(filepath.Join(dir, "data/a"), old, old) }},
		{"added", func() error { return os.WriteFile(filepath.Join(dir, "data/b/d"), nil, 0o644) }},
		{"removed", func() error { return os.Remove(filepath.Join(dir, "data/b/d")) }},
		{"renamed", func() error {
			return os.Rename(filepath.Join(dir, "data/b/c"), filepath.Join(dir, "data/b/e"))
		}},
		{"replaced", func() error {
			write(t, dir, "new", "3")
			return os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "data/a"))
		}},
	} {
		before := stamp("data")
		tick(t, dir)
		require.NoError(t, change.do())
		require.NotEqual(t, before, stamp("data"), change.what)
	}
}

// tick returns when the file system's clock has moved on.
func tick(t *testing.T, dir string) {
	t.Helper()
	probe := filepath.Join(dir, "probe")
	changed := func() time.Time {
		require.NoError(t, os.WriteFile(probe, nil, 0o644))
		info, err := os.Stat(probe)
		require.NoError(t, err)
		return info.ModTime()
	}
	for before := changed(); !changed().After(before); {
	}
}
