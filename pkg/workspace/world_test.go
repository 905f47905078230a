package workspace

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/disk"
)

// openAt opens the workspace in a folder, with its cache in .flow/cache.
func openAt(t testing.TB, dir string, options Options, links ...cache.LinkKind) *Workspace {
	t.Helper()
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return openOn(t, root, options, links...)
}

func openOn(t testing.TB, root *disk.Root, options Options, links ...cache.LinkKind) *Workspace {
	t.Helper()
	at := filepath.Join(root.Dir(), ".flow", "cache")
	require.NoError(t, os.MkdirAll(at, 0o755))
	cacheRoot, err := disk.OpenRoot(at)
	require.NoError(t, err)
	t.Cleanup(func() { cacheRoot.Close() })
	objects, err := cache.Open(cacheRoot, cache.Options{Links: links})
	require.NoError(t, err)
	w, err := Open(root, objects, options)
	require.NoError(t, err)
	return w
}

// write makes a file and the folders above it.
func write(t testing.TB, dir, name, content string) {
	t.Helper()
	at := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
	require.NoError(t, os.WriteFile(at, []byte(content), 0o644))
}
