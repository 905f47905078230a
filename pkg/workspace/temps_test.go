//go:build unix

package workspace

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

// openTidy is openAt with unfinished files in .flow/tmp.
func openTidy(t testing.TB, dir string, links ...cache.LinkKind) *Workspace {
	w := openAt(t, dir, Options{}, links...)
	w.root.SetTemps(".flow/tmp")
	require.NoError(t, w.root.MkdirAll(".flow/tmp", 0o755))
	return w
}

// watching is an FS that notes temps among a person's files.
type watching struct {
	disk.FS
	seen *[]string
}

func (f watching) note(name string) {
	if disk.IsTemp(name) && !strings.HasPrefix(name, ".flow/") {
		*f.seen = append(*f.seen, name)
	}
}

func (f watching) Open(name string, flag int, perm fs.FileMode) (disk.File, error) {
	f.note(name)
	return f.FS.Open(name, flag, perm)
}

func (f watching) Mkdir(name string, perm fs.FileMode) error {
	f.note(name)
	return f.FS.Mkdir(name, perm)
}

func (f watching) Symlink(target, name string) error {
	f.note(name)
	return f.FS.Symlink(target, name)
}

func (f watching) Rename(old, to string) error {
	err := f.FS.Rename(old, to)
	if err == nil {
		f.note(to)
	}
	return err
}

func TestTemps_notAmongAPersonsFiles(t *testing.T) {
	dir := t.TempDir()
	oddTree(t, filepath.Join(dir, "data"))
	write(t, dir, "one", "1")
	require.NoError(t, os.Symlink("one", filepath.Join(dir, "text")))
	for _, kind := range []cache.LinkKind{cache.Copy, cache.Hardlink, cache.Symlink} {
		real := openTidy(t, dir, kind)
		var seen []string
		root := disk.NewRoot(watching{disk.OS(real.root), &seen}, dir)
		root.SetTemps(".flow/tmp")
		w, err := Open(root, real.cache, Options{})
		require.NoError(t, err)
		var contents []digest.Content
		for _, name := range []string{"data", "one", "text"} {
			content, err := w.Save(t.Context(), name, SaveOptions{})
			require.NoError(t, err)
			contents = append(contents, content)
		}
		for _, content := range append(contents, digest.Content{}, contents[0], contents[2], contents[0], contents[1], digest.Content{}) {
			_, err := w.Checkout(t.Context(), "a/b/c", content)
			require.NoError(t, err)
			now, err := w.Digest(t.Context(), "a/b/c")
			require.NoError(t, err)
			require.Equal(t, content, now)
		}
		require.NoError(t, w.CopyAside(t.Context(), "data", "copy/of/it"))
		require.NoError(t, w.MoveAside("copy", "moved"))
		_, err = w.Gitignore("one")
		require.NoError(t, err)
		for _, name := range []string{"data", "one"} {
			require.NoError(t, w.Unprotect(t.Context(), name))
		}
		require.NoError(t, w.root.RemoveAll("moved"))
		require.NoError(t, w.Flush())
		require.Empty(t, seen, kind)
		left, err := os.ReadDir(filepath.Join(dir, ".flow/tmp"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// A link is judged by where it will be, not by where it is made.
func TestTemps_linksOutOfDeepFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "target", "1")
	write(t, dir, "a/b/c/d/out/file", "2")
	require.NoError(t, os.Symlink("../../../../../target", filepath.Join(dir, "a/b/c/d/out/link")))
	require.NoError(t, os.Symlink("../target", filepath.Join(dir, "a/up")))
	w := openTidy(t, dir)
	tree, err := w.Save(t.Context(), "a/b/c/d/out", SaveOptions{})
	require.NoError(t, err)
	up, err := w.Save(t.Context(), "a/up", SaveOptions{})
	require.NoError(t, err)
	_, err = w.Checkout(t.Context(), "e/f/g/h/new", tree)
	require.NoError(t, err)
	requireDigests(t, w, []digest.Content{tree}, "e/f/g/h/new")

	_, err = w.Checkout(t.Context(), "new", tree)
	var escape *EscapeError
	require.ErrorAs(t, err, &escape)
	write(t, dir, "folder/file", "3")
	before, err := w.Digest(t.Context(), "folder")
	require.NoError(t, err)
	_, err = w.Checkout(t.Context(), "folder", up)
	require.Error(t, err, "from there it leads out of the project")
	requireDigests(t, w, []digest.Content{before}, "folder")
	_, err = w.Checkout(t.Context(), "e/f", up)
	require.NoError(t, err)
	requireDigests(t, w, []digest.Content{up}, "e/f")
}
