package workspace

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// hostile is a project with links of somebody else's making, and things that must not
// be touched.
type hostile struct {
	t       *testing.T
	w       *Workspace
	outside string
	dir     string
	content digest.Content // of a directory that holds x
	file    digest.Content // of x
}

func newHostile(t *testing.T) *hostile {
	h := &hostile{t: t, outside: t.TempDir(), dir: t.TempDir()}
	write(t, h.outside, "precious", "p")
	write(t, h.dir, ".git/hooks/sample", "s")
	write(t, h.dir, "in/x", "evil")
	h.w = openAt(t, h.dir, Options{})
	var err error
	h.content, err = h.w.Save(t.Context(), "in", SaveOptions{})
	require.NoError(t, err)
	h.file, err = h.w.Save(t.Context(), "in/x", SaveOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, place := range []string{h.outside, filepath.Join(h.dir, ".git/hooks")} {
			entries, err := os.ReadDir(place)
			require.NoError(t, err)
			require.Len(t, entries, 1, place)
		}
	})
	return h
}

func (h *hostile) link(target, name string) {
	require.NoError(h.t, os.Symlink(target, filepath.Join(h.dir, name)))
}

func TestHostile_linksOnTheWay(t *testing.T) {
	h := newHostile(t)
	h.link(h.outside, "far")
	h.link(".git/hooks", "hooks")
	h.link(".git", "git")
	var escape *EscapeError
	for _, name := range []string{"far/x", "hooks/x", "git/hooks/post-checkout", "far/deep/x", "git/new/x"} {
		for _, what := range []digest.Content{h.content, h.file, {}} {
			_, err := h.w.Checkout(t.Context(), name, what)
			require.ErrorAs(t, err, &escape, name)
		}
		_, err := h.w.Save(t.Context(), name, SaveOptions{})
		require.ErrorAs(t, err, &escape, name)
		_, err = h.w.Gitignore(name)
		require.ErrorAs(t, err, &escape, name)
		require.ErrorAs(t, h.w.MoveAside("in", name), &escape, name)
		require.ErrorAs(t, h.w.CopyAside(t.Context(), "in", name), &escape, name)
		require.ErrorAs(t, h.w.Unprotect(t.Context(), name), &escape, name)
	}
}

// An ignored link is not seen when the directory is compared with the tree.
func TestHostile_hiddenLink(t *testing.T) {
	h := newHostile(t)
	write(t, h.dir, "out/.flowignore", "sub\n")
	h.link("../.git/hooks", "out/sub")
	tree := cache.Tree{
		cache.FileEntry(".flowignore", digest.File, digest.Sum([]byte("sub\n")), 4),
		cache.FileEntry("sub/post-checkout", digest.File, h.file.ID, h.file.Size),
	}
	_, err := h.w.Checkout(t.Context(), "out", storeTree(t, h.w, tree, "sub\n"))
	var escape *EscapeError
	require.ErrorAs(t, err, &escape)
}

func TestHostile_linksInATree(t *testing.T) {
	h := newHostile(t)
	for _, target := range []string{h.outside, "../..", "../../x", "a/../../../x"} {
		_, err := h.w.Checkout(t.Context(), "new", storeTree(t, h.w, cache.Tree{cache.LinkEntry("l", target)}))
		var escape *EscapeError
		require.ErrorAs(t, err, &escape, target)
		require.NoFileExists(t, filepath.Join(h.dir, "new"))
		object := storeBytes(t, h.w, target)
		_, err = h.w.Checkout(t.Context(), "new", digest.Content{ID: object, Mode: digest.Link, Size: int64(len(target))})
		require.Error(t, err, target)
		require.NoFileExists(t, filepath.Join(h.dir, "new"))
	}
}

func TestHostile_linkInTheFoldersPlace(t *testing.T) {
	h := newHostile(t)
	write(t, h.dir, "swapped/sub/x", "1")
	saved, err := h.w.Save(t.Context(), "swapped", SaveOptions{})
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(h.dir, "swapped/sub")))
	h.link("../.git/hooks", "swapped/sub")
	_, err = h.w.Checkout(t.Context(), "swapped", saved)
	require.NoError(t, err)
	info, err := os.Lstat(filepath.Join(h.dir, "swapped/sub"))
	require.NoError(t, err)
	require.True(t, info.IsDir())
}

func TestHostile_namesInATree(t *testing.T) {
	h := newHostile(t)
	for _, name := range []string{"../x", "/x", "a/../../x", ".git/hooks/x", "a/.flow/x"} {
		text := "flow tree v1\nfile " + h.file.ID.Hex() + " 4 " + name + "\n"
		_, err := h.w.Checkout(t.Context(), "new", digest.Content{ID: storeBytes(t, h.w, text), Mode: digest.Dir})
		require.Error(t, err)
		require.NoFileExists(t, filepath.Join(h.dir, "new"))
	}
}

func storeTree(t *testing.T, w *Workspace, tree cache.Tree, files ...string) digest.Content {
	for _, file := range files {
		storeBytes(t, w, file)
	}
	storeBytes(t, w, string(tree.Encode()))
	return tree.Content()
}

func storeBytes(t *testing.T, w *Workspace, content string) digest.ID {
	batch := w.cache.Begin()
	id, err := batch.AddBytes([]byte(content))
	require.NoError(t, err)
	require.NoError(t, batch.Commit(t.Context()))
	return id
}
