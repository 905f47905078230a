//go:build unix

package workspace

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/store"
)

func TestRelink(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"data/a": "same", "data/b": "same", "data/sub/c": "3", "data/empty": "", "one": "1"} {
		write(t, dir, name, content)
	}
	write(t, dir, "data/tool", "exec")
	require.NoError(t, os.Chmod(filepath.Join(dir, "data/tool"), 0o755))
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "data/l")))
	plain := []string{"data/a", "data/b", "data/sub/c", "one"}
	w := openTidy(t, dir, cache.Copy)
	contents := map[string]digest.Content{}
	for _, name := range []string{"data", "one"} {
		var err error
		contents[name], err = w.Save(t.Context(), name, SaveOptions{})
		require.NoError(t, err)
	}
	for _, kind := range []cache.LinkKind{cache.Copy, cache.Hardlink, cache.Symlink, cache.Hardlink, cache.Copy, cache.Symlink, cache.Copy} {
		before := looksLike(t, dir, plain[0])
		w := openTidy(t, dir, kind)
		for name, want := range map[string]int{"data": 3, "one": 1} {
			if before == kind {
				want = 0
			}
			got, err := w.Relink(t.Context(), name, contents[name])
			require.NoError(t, err)
			require.Equal(t, want, got, "%s: %s after %s", name, kind, before)
			got, err = w.Relink(t.Context(), name, contents[name])
			require.NoError(t, err)
			require.Zero(t, got, "there is nothing left to do")
		}
		for _, name := range plain {
			require.Equal(t, kind, looksLike(t, dir, name), name)
		}
		requireDigests(t, w, []digest.Content{contents["data"], contents["one"]}, "data", "one")
		require.NoError(t, w.Flush())
		requireDigests(t, openTidy(t, dir), []digest.Content{contents["data"], contents["one"]}, "data", "one")
	}
	file, err := os.OpenFile(filepath.Join(dir, "data/a"), os.O_WRONLY|os.O_TRUNC, 0)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "one")))
	for _, name := range []string{"data", "one"} {
		changed, err := w.Relink(t.Context(), name, contents[name])
		require.NoError(t, err)
		require.Equal(t, 1, changed, "it is a checkout, too")
	}
	requireDigests(t, w, []digest.Content{contents["data"], contents["one"]}, "data", "one")
	changed, err := w.Relink(t.Context(), "one", digest.Content{})
	require.NoError(t, err)
	require.Equal(t, 1, changed)
}

// looksLike tells a kind of link by what a person sees of it.
func looksLike(t *testing.T, dir, name string) cache.LinkKind {
	info, err := os.Lstat(filepath.Join(dir, name))
	require.NoError(t, err)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return cache.Symlink
	case info.Mode().Perm()&0o200 == 0:
		return cache.Hardlink
	}
	return cache.Copy
}

// What the cache lacks, or holds damaged, leaves the file as it is.
func TestRelink_objectNotWhole(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "one", "content")
	w := openTidy(t, dir, cache.Copy)
	content, err := w.Save(t.Context(), "one", SaveOptions{})
	require.NoError(t, err)
	object := w.cache.Root().Path(w.cache.Objects().Name(content.ID))
	require.NoError(t, os.Remove(object))
	require.NoError(t, os.WriteFile(object, []byte("CONTENT"), 0o444))
	other := openTidy(t, dir, cache.Symlink)
	_, err = other.Relink(t.Context(), "one", content)
	var corrupt *store.CorruptError
	require.ErrorAs(t, err, &corrupt)
	_, err = other.Relink(t.Context(), "one", content)
	require.ErrorIs(t, err, store.ErrAbsent)
	requireDigests(t, other, []digest.Content{content}, "one")
}

// TestSave_refusesWhatCouldNotBeReadAgain: a folder whose list would be too long is not saved.
func TestSave_refusesWhatCouldNotBeReadAgain(t *testing.T) {
	defer func(was int) { mostTree = was }(mostTree)
	dir := t.TempDir()
	for i := range 20 {
		write(t, dir, fmt.Sprintf("data/%02d", i), "x")
	}
	w := openTidy(t, dir)
	mostTree = 1000
	_, err := w.Save(t.Context(), "data", SaveOptions{})
	require.ErrorContains(t, err, "20 files, which is too many")
	mostTree = 10_000
	_, err = w.Save(t.Context(), "data", SaveOptions{})
	require.NoError(t, err)
}
