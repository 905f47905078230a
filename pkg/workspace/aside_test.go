package workspace

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
)

func TestAside(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".flowignore", "*.log\n")
	oddTree(t, filepath.Join(dir, "data"))
	write(t, dir, "data/x.log", "hidden")
	write(t, dir, "one", "1")
	w := openAt(t, dir, Options{})
	for _, name := range []string{"data", "one", "data/link"} {
		want, err := w.Digest(t.Context(), name)
		require.NoError(t, err)
		require.NoError(t, w.CopyAside(t.Context(), name, ".flow/tmp/copy/"+name))
		require.NoError(t, w.MoveAside(name, ".flow/tmp/moved/"+name))
		got, err := w.Digest(t.Context(), name)
		require.NoError(t, err)
		require.False(t, got.Exists())
		require.NoError(t, w.MoveBack(".flow/tmp/moved/"+name, name))
		require.ErrorIs(t, w.MoveBack(".flow/tmp/copy/"+name, name), os.ErrExist)
		got, err = w.Digest(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, got)

		_, err = w.Checkout(t.Context(), name, digest.Content{})
		require.NoError(t, err)
		require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
		require.NoError(t, w.MoveBack(".flow/tmp/copy/"+name, name))
		got, err = w.Digest(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
	require.FileExists(t, filepath.Join(dir, "data/x.log"))
	require.Error(t, w.MoveAside("../x", "y"))
	require.Error(t, w.MoveAside("one", "/tmp/x"))
}
