package workspace

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
)

func TestPeek_tellsOnlyWhatDidNotChange(t *testing.T) {
	dir := t.TempDir()
	names := []string{"data", "data/same", "data/changed", "data/link", "data/gone", "data/new"}
	write(t, dir, "data/same", "same")
	write(t, dir, "data/changed", "old")
	write(t, dir, "data/gone", "gone")
	require.NoError(t, os.Symlink("same", filepath.Join(dir, "data/link")))
	w := openAt(t, dir, Options{})
	for _, name := range names {
		_, err := w.Digest(t.Context(), name)
		require.NoError(t, err)
	}
	require.NoError(t, w.Flush())
	write(t, dir, "data/changed", "new")
	write(t, dir, "data/new", "new")
	require.NoError(t, os.Remove(filepath.Join(dir, "data/gone")))
	want := map[string]digest.Content{}
	for _, name := range names {
		content, err := openAt(t, dir, Options{}).Digest(t.Context(), name)
		require.NoError(t, err)
		want[name] = content
	}

	w = openAt(t, dir, Options{})
	defer w.Glance()()
	for _, name := range append(names, "../outside") {
		require.True(t, w.Peek(name), name)
	}
	for _, name := range names {
		got, err := w.Digest(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want[name], got, name)
		require.False(t, w.Peek(name), "somebody has looked at %s", name)
	}
	_, err := w.Digest(t.Context(), "../outside")
	require.Error(t, err)
}
