//go:build linux

package workspace

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// TestSave_takesLargeFiles: with hard links a large file becomes its object, without a copy,
// unless somebody has it open to write; either way its content is kept, it is known, and
// whoever writes to it later changes no object.
func TestSave_takesLargeFiles(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), digest.Large/16)
	for _, written := range []bool{false, true} {
		for _, name := range []string{"one", "data"} {
			dir := t.TempDir()
			file := "one"
			if name == "data" {
				file = "data/sub/large"
				write(t, dir, "data/small", "small")
				write(t, dir, "data/twin", string(large))
			}
			write(t, dir, file, string(large))
			inode := inodeOf(t, filepath.Join(dir, file))
			if written {
				open, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
				require.NoError(t, err)
				defer open.Close()
			}
			w := openTidy(t, dir, cache.Hardlink)
			content, err := w.Save(t.Context(), name, SaveOptions{})
			require.NoError(t, err)
			id := digest.Sum(large)
			object := w.cache.Root().Path(w.cache.Objects().Name(id))
			got, err := os.ReadFile(object)
			require.NoError(t, err)
			require.True(t, bytes.Equal(large, got))
			require.Equal(t, inodeOf(t, object), inodeOf(t, filepath.Join(dir, file)), "it is a hard link")
			if name == "one" {
				require.Equal(t, !written, inode == inodeOf(t, object), "the file itself")
			}
			info, err := os.Stat(object)
			require.NoError(t, err)
			require.Zero(t, info.Mode().Perm()&0o222)
			requireDigests(t, w, []digest.Content{content}, name)
			require.NoError(t, w.Flush())
			requireDigests(t, openTidy(t, dir, cache.Hardlink), []digest.Content{content}, name)
			again, err := w.Save(t.Context(), name, SaveOptions{})
			require.NoError(t, err)
			require.Equal(t, content, again)
		}
	}
}

func inodeOf(t *testing.T, name string) uint64 {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Ino
}
