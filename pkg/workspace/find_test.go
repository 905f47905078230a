package workspace

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	w := openAt(t, dir, Options{})
	for _, name := range []string{
		"p.yaml", "a/p.yaml", "a/b/p.yaml", "a/other.yaml", "venv/p.yaml", "a/hidden/p.yaml", "a/kept/p.yaml",
		"nested/.mark/x", "nested/p.yaml", "nested/deep/p.yaml", "out/p.yaml", ".git/p.yaml", "p.yaml.d/p.yaml", ".cfg/p.yaml",
	} {
		write(t, dir, name, "x")
	}
	write(t, dir, ".gitignore", "/venv/\n")
	write(t, dir, "a/.flowignore", "hidden\n*/kept\n")
	found, err := w.Find(context.Background(), "p.yaml", ".mark", func(folder string) bool { return folder == "out" })
	require.NoError(t, err)
	require.Equal(t, []string{".cfg/p.yaml", "a/b/p.yaml", "a/kept/p.yaml", "a/p.yaml", "p.yaml", "p.yaml.d/p.yaml"}, found)
}
