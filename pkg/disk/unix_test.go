//go:build unix

package disk

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpen_pipeDoesNotWait(t *testing.T) {
	root := open(t)
	require.NoError(t, syscall.Mkfifo(root.Path("pipe"), 0o666))
	file, err := root.Open("pipe")
	require.NoError(t, err)
	info, err := file.Stat()
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular())
	require.NoError(t, file.Close())

	_, err = root.Read("pipe")
	require.ErrorIs(t, err, ErrNotRegular)
	_, err = root.ReadDir("pipe")
	require.ErrorIs(t, err, syscall.ENOTDIR)
	_, err = root.Sub("pipe")
	require.Error(t, err)
	require.Error(t, root.SyncDir("pipe"))
	require.Error(t, root.Append("pipe", []byte("x"), 0o644))
	_, err = root.Read(".")
	require.ErrorIs(t, err, ErrNotRegular)
}

// asNobody runs one test of this binary again as a user whom permissions bind.
func asNobody(t *testing.T, name string) bool {
	if os.Getuid() != 0 {
		return true
	}
	dir, err := os.MkdirTemp("", "flow")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	binary := filepath.Join(dir, "test")
	self, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(binary, self, 0o755))
	again := exec.Command(binary, "-test.run=^"+name+"$", "-test.v")
	again.Dir = dir
	again.Env = append(os.Environ(), "TMPDIR="+dir)
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	output, err := again.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS: "+name)
	return false
}

func TestRemoveAll_unwritableFolders(t *testing.T) {
	if !asNobody(t, "TestRemoveAll_unwritableFolders") {
		return
	}
	root := open(t)
	name := "top"
	for range 2 * flattenBelow {
		name += "/d"
	}
	write(t, root, name+"/file", "")
	for at := name; at != "."; at = filepath.Dir(at) {
		require.NoError(t, root.Chmod(at, 0o500))
	}
	write(t, root, "other/file", "")
	require.NoError(t, root.Chmod("other", 0))
	require.NoError(t, root.RemoveAll("top"))
	require.NoError(t, root.RemoveAll("other"))
	require.Equal(t, "", listing(t, root, "."))
}

func TestReplace_unwritableFolder(t *testing.T) {
	if !asNobody(t, "TestReplace_unwritableFolder") {
		return
	}
	root := open(t)
	write(t, root, "d/file", "old")
	require.NoError(t, root.Chmod("d", 0o500))
	defer root.Chmod("d", 0o700)
	err := root.Replace("d/file", []byte("new"), 0o644)
	require.ErrorIs(t, err, os.ErrPermission)
	require.EqualError(t, err, "create a file in "+root.Path("d")+": permission denied")
}
