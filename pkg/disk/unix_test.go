//go:build unix

package disk

import (
	"bytes"
	"fmt"
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

func TestRoom(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	at := t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", at).CombinedOutput(); err != nil {
		t.Skip(string(output))
	}
	defer exec.Command("umount", "-l", at).Run()
	root, err := OpenRoot(at)
	require.NoError(t, err)
	defer root.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "large"))
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, file.Truncate(1<<30))
	require.NoError(t, root.Room(file), "it is all holes")
	_, err = file.Write(bytes.Repeat([]byte("x"), 3<<20))
	require.NoError(t, err)
	require.NoError(t, root.Room(file), "what it takes fits")
	_, err = file.Write(bytes.Repeat([]byte("x"), 2<<20))
	require.NoError(t, err)
	err = root.Room(file)
	require.True(t, IsFull(err), err)
	full := Full(fmt.Errorf("save: %w", err), 5<<20, "/")
	require.EqualError(t, full, "no space left on device: it needs 5.2 MB, 4.2 MB free on "+at)
	require.True(t, IsFull(full))
}
