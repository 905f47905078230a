package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// withTemps returns a Root whose temps are in a folder that is there.
func withTemps(t testing.TB) *Root {
	root := open(t)
	root.SetTemps("state/tmp")
	require.NoError(t, root.MkdirAll("state/tmp", 0o755))
	require.NoError(t, root.MkdirAll("d", 0o755))
	return root
}

func TestSetTemps(t *testing.T) {
	root := withTemps(t)
	for _, dir := range []string{".", "d", "d", "state/tmp", "state"} {
		require.Equal(t, "state/tmp", path.Dir(root.TempName(dir)), dir)
	}
	temp, err := root.Create("d")
	require.NoError(t, err)
	require.Equal(t, "state/tmp", path.Dir(temp.Name()))
	require.NoError(t, temp.Rename("d/a"))
	require.NoError(t, root.Replace("b", []byte("1"), 0o644))
	require.Equal(t, "a", listing(t, root, "d"))
	require.Equal(t, "", listing(t, root, "state/tmp"))
	require.Equal(t, "none", path.Dir(root.TempName("none")), "what is not there is not near")

	below, err := root.Sub("d")
	require.NoError(t, err)
	defer below.Close()
	require.Equal(t, ".", path.Dir(below.TempName(".")))

	require.NoError(t, root.RemoveAll("state"))
	require.Equal(t, "d", path.Dir(root.TempName("d")), "the folder for temps is gone")
	require.NoError(t, root.Replace("d/a", []byte("2"), 0o644))
}

func TestSetTemps_linkOnTheWay(t *testing.T) {
	root := withTemps(t)
	require.NoError(t, root.Symlink("d", "in"))
	require.NoError(t, root.Symlink(t.TempDir(), "out"))
	require.NoError(t, root.Replace("in/a", []byte("1"), 0o644))
	require.Equal(t, "a", listing(t, root, "d"))
	require.ErrorIs(t, root.Replace("out/a", []byte("1"), 0o644), ErrEscapes)
	require.NoError(t, root.Remove("state/tmp"))
	require.NoError(t, root.Symlink(t.TempDir(), "state/tmp"))
	require.Equal(t, "d", path.Dir(root.TempName("d")))
}

// mounts is an FS in which no file can be renamed into some folder; said tells whether
// that shows before there is something to rename.
type mounts struct {
	FS
	dir  string
	said bool
}

func (m mounts) Rename(old, to string) error {
	_, err := m.Lstat(old)
	if (err == nil || m.said) && path.Dir(to) == m.dir && path.Dir(old) != m.dir {
		return &os.LinkError{Op: "rename", Old: old, New: to, Err: syscall.EXDEV}
	}
	return m.FS.Rename(old, to)
}

func TestSetTemps_otherFileSystem(t *testing.T) {
	for _, said := range []bool{true, false} {
		real := withTemps(t)
		root := NewRoot(mounts{OS(real), "d", said}, real.Dir())
		root.SetTemps("state/tmp")
		require.Equal(t, said, path.Dir(root.TempName("d")) == "d")
		require.NoError(t, root.Replace("d/a", []byte("1"), 0o644))
		require.NoError(t, root.Replace("a", []byte("1"), 0o644))
		require.Equal(t, "d", path.Dir(root.TempName("d")))
		require.Equal(t, "state/tmp", path.Dir(root.TempName(".")))
		require.Equal(t, "a", listing(t, root, "d"))
		require.Equal(t, "", listing(t, root, "state/tmp"))
		away, err := root.Away("d/a")
		require.NoError(t, err)
		require.Equal(t, "d", path.Dir(away))
	}
}

func TestReplace_powerLossWithTemps(t *testing.T) {
	crashes(t,
		func(root *Root) error {
			return errors.Join(root.MkdirDurable("d", 0o755), root.MkdirDurable("state/tmp", 0o755), root.Replace("d/a", []byte("old"), 0o644))
		},
		func(root *Root) error {
			root.SetTemps("state/tmp")
			return root.Replace("d/a", []byte("new"), 0o644)
		},
		func(t *testing.T, root *Root, err error) {
			content, reading := root.Read("d/a")
			require.NoError(t, reading)
			require.True(t, string(content) == "new" || err != nil && string(content) == "old")
			require.Equal(t, "a", listing(t, root, "d"))
		})
}

func TestReplace_faultyWithTemps(t *testing.T) {
	for n := 1; ; n++ {
		real := withTemps(t)
		write(t, real, "d/a", "old")
		faulty := NewFaulty(OS(real), n, syscall.EIO)
		root := NewRoot(faulty, real.Dir())
		root.SetTemps("state/tmp")
		err := root.Replace("d/a", []byte("new"), 0o644)
		content, reading := real.Read("d/a")
		require.NoError(t, reading)
		require.True(t, string(content) == "new" || err != nil && string(content) == "old")
		if faulty.Calls() < n {
			require.NoError(t, err)
			break
		}
	}
}

func TestAway(t *testing.T) {
	root := withTemps(t)
	write(t, root, "d/sub/file", "1")
	require.NoError(t, os.Chmod(root.Path("d/sub"), 0o555))
	for _, name := range []string{"d/sub", "d"} {
		away, err := root.Away(name)
		require.NoError(t, err)
		require.True(t, IsTemp(away))
		require.False(t, root.Exists(name))
		require.NoError(t, root.Rename(away, name))
	}
	_, err := root.Away("none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.True(t, strings.Contains(err.Error(), root.Path("none")))
	require.NoError(t, root.RemoveAll("d"))
}

// A further name for an old file, and an old folder that was moved away, are young.
func TestSweep_youngNameOfOldFile(t *testing.T) {
	root := withTemps(t)
	write(t, root, "d/a", "")
	old := time.Now().Add(-48 * time.Hour)
	require.NoError(t, os.Chtimes(root.Path("d/a"), old, old))
	young := root.TempName("d")
	require.NoError(t, root.Link("d/a", young))
	n, err := root.Sweep("state/tmp", 24*time.Hour)
	require.NoError(t, err)
	require.Zero(t, n)
	require.True(t, root.Exists(young))
	n, err = root.Sweep("state/tmp", 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}
