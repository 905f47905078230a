package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/store"
)

// TestBatch_Adopt: whatever the file is and whatever the file system can, the store has
// its content; a large read-only file takes no second room.
func TestBatch_Adopt(t *testing.T) {
	dir := t.TempDir()
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	files := store.NewFiles(root, "objects")
	large := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	for name, test := range map[string]struct {
		content []byte
		perm    os.FileMode
	}{
		"small":    {[]byte("small"), 0o444},
		"empty":    {nil, 0o444},
		"large":    {large, 0o444},
		"again":    {large, 0o444},
		"writable": {append([]byte("w"), large...), 0o644},
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, test.content, 0o644))
		require.NoError(t, os.Chmod(path, test.perm))
		src, err := os.Open(path)
		require.NoError(t, err)
		batch := files.Begin()
		id, size, err := batch.Adopt(context.Background(), src, path)
		require.NoError(t, err, name)
		require.NoError(t, batch.Commit(context.Background()))
		require.NoError(t, src.Close())
		require.Equal(t, digest.Sum(test.content), id, name)
		require.EqualValues(t, len(test.content), size, name)
		stored, err := root.Read(files.Name(id))
		require.NoError(t, err)
		require.True(t, bytes.Equal(test.content, stored), name)
		if name == "writable" {
			here, err := os.Stat(path)
			require.NoError(t, err)
			there, err := root.Lstat(files.Name(id))
			require.NoError(t, err)
			require.False(t, disk.SameFile(here, there), "what somebody may write to is copied")
		}
	}
	require.Empty(t, left(t, files))
}

// TestBatch_Adopt_links: without reflinks, the object is the file itself.
func TestBatch_Adopt_links(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such links")
	}
	dir := t.TempDir()
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	path := filepath.Join(dir, "object")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o444))
	src, err := os.Open(path)
	require.NoError(t, err)
	defer src.Close()
	temp, err := os.Create(filepath.Join(dir, "clone"))
	require.NoError(t, err)
	defer temp.Close()
	if disk.Clone(temp, src) == nil {
		t.Skip("the file system shares blocks")
	}
	files := store.NewFiles(root, "objects")
	batch := files.Begin()
	id, _, err := batch.Adopt(context.Background(), src, path)
	require.NoError(t, err)
	require.NoError(t, batch.Commit(context.Background()))
	here, err := os.Stat(path)
	require.NoError(t, err)
	there, err := root.Lstat(files.Name(id))
	require.NoError(t, err)
	require.True(t, disk.SameFile(here, there))
}
