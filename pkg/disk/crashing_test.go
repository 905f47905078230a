package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// crashes runs do with the power going at every call, on a disk that prepare filled
// and synced, and lets check look at what some crashes leave.
func crashes(t *testing.T, prepare, do func(root *Root) error, check func(t *testing.T, root *Root, err error)) {
	for n := 1; ; n++ {
		disk := NewCrashing()
		require.NoError(t, prepare(NewRoot(disk, "/")))
		before := disk.Calls()
		disk.StopAt(before + n)
		err := do(NewRoot(disk, "/"))
		stopped := disk.Calls() >= before+n
		if stopped {
			require.ErrorIs(t, err, ErrPowerLoss)
		} else {
			require.NoError(t, err)
		}
		for seed := range uint64(20) {
			t.Run(fmt.Sprint("call ", n, " seed ", seed), func(t *testing.T) {
				check(t, NewRoot(disk.Crash(seed), "/"), err)
			})
		}
		if !stopped {
			require.Greater(t, n, 1, "nothing was tried")
			return
		}
	}
}

func TestReplace_powerLoss(t *testing.T) {
	old, new := strings.Repeat("old\n", 1000), strings.Repeat("new!\n", 2000)
	crashes(t,
		func(root *Root) error {
			return errors.Join(root.MkdirDurable("d", 0o755), root.Replace("d/a", []byte(old), 0o644))
		},
		func(root *Root) error { return root.Replace("d/a", []byte(new), 0o644) },
		func(t *testing.T, root *Root, err error) {
			content, reading := root.Read("d/a")
			require.NoError(t, reading)
			if err == nil {
				require.Equal(t, new, string(content))
			} else {
				require.True(t, string(content) == old || string(content) == new, "half of it")
			}
		})
}

func TestAppend_powerLoss(t *testing.T) {
	crashes(t,
		func(root *Root) error { return root.Append("a", []byte("one\n"), 0o644) },
		func(root *Root) error {
			return errors.Join(root.Append("a", []byte("two\n"), 0o644), root.Append("new", []byte("first\n"), 0o644))
		},
		func(t *testing.T, root *Root, err error) {
			content, reading := root.Read("a")
			require.NoError(t, reading)
			require.True(t, strings.HasPrefix(string(content), "one\n"))
			if err == nil {
				require.Equal(t, "one\ntwo\n", string(content))
				content, err := root.Read("new")
				require.NoError(t, err)
				require.Equal(t, "first\n", string(content))
			}
		})
}

func TestMkdirDurable_powerLoss(t *testing.T) {
	crashes(t,
		func(root *Root) error { return root.MkdirDurable("a", 0o755) },
		func(root *Root) error { return root.MkdirDurable("a/b/c/d", 0o755) },
		func(t *testing.T, root *Root, err error) {
			require.True(t, root.Exists("a"))
			require.True(t, err != nil || root.Exists("a/b/c/d"))
		})
}

// What the others rely on in tests: a Crashing loses what was not synced.
func TestCrashing_losesWhatWasNotSynced(t *testing.T) {
	disk := NewCrashing()
	root := NewRoot(disk, "/")
	put := func(name, content string) {
		temp, err := root.Create(".")
		require.NoError(t, err)
		_, err = io.WriteString(temp, content)
		require.NoError(t, err)
		require.NoError(t, temp.Rename(name))
	}
	found := func(seeds int) (seen []string) {
		for seed := range uint64(seeds) {
			content, err := NewRoot(disk.Crash(seed), "/").Read("a")
			text := string(content)
			if err != nil {
				text = "none"
			}
			if !slices.Contains(seen, text) {
				seen = append(seen, text)
			}
		}
		return seen
	}
	put("a", "1111")
	require.Subset(t, found(200), []string{"none", "", "1111", "\x00\x00"}, "the name before the content, and neither")
	require.NoError(t, root.SyncDir("."))
	require.NotContains(t, found(200), "none")
	require.Contains(t, found(200), "")
	require.NoError(t, root.Barrier([]string{"a"}, nil))
	require.Equal(t, []string{"1111"}, found(200))
	require.NoError(t, root.Append("b", []byte("x"), 0o644))
	require.NoError(t, root.Remove("a"))
	require.ElementsMatch(t, []string{"1111", "none"}, found(200))
	require.NoError(t, root.SyncDir("."))
	require.Equal(t, []string{"none"}, found(200))
}

func TestCrashing_renameIsOneChange(t *testing.T) {
	disk := NewCrashing()
	root := NewRoot(disk, "/")
	require.NoError(t, root.MkdirDurable("from", 0o755))
	require.NoError(t, root.MkdirDurable("to", 0o755))
	require.NoError(t, root.Replace("from/a", []byte("1"), 0o644))
	require.NoError(t, root.Rename("from/a", "to/a"))
	for seed := range uint64(50) {
		after := NewRoot(disk.Crash(seed), "/")
		require.NotEqual(t, after.Exists("from/a"), after.Exists("to/a"))
	}
	require.NoError(t, root.SyncDir("to"))
	require.True(t, NewRoot(disk.Crash(0), "/").Exists("to/a"))
	require.False(t, NewRoot(disk.Crash(0), "/").Exists("from/a"))
}

// A Crashing and a real folder do the same as long as the power stays.
func TestCrashing_isLikeARealFolder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "flow")
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		folder, err := OpenRoot(dir)
		require.NoError(t, err)
		defer folder.Close()
		disk := NewCrashing()
		both := []*Root{folder, NewRoot(disk, folder.Dir())}
		names := rapid.SampledFrom([]string{"a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "l", "l/a", "d/l", "d/l/b"})
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			what := rapid.SampledFrom([]string{"replace", "append", "mkdir", "mkdirs", "remove", "removes", "rename", "link", "symlink"}).Draw(t, "do")
			name, other := names.Draw(t, "name"), names.Draw(t, "other")
			var errs []bool
			for _, root := range both {
				errs = append(errs, step(root, what, name, other) == nil)
			}
			require.Equal(t, errs[0], errs[1], "%s %s %s on a real folder and in memory", what, name, other)
			require.Equal(t, snapshot(t, both[0]), snapshot(t, both[1]), "after %s %s %s", what, name, other)
		}
		require.NoError(t, both[1].Barrier(nil, nil))
		require.Equal(t, snapshot(t, both[1]), snapshot(t, NewRoot(disk.Crash(1), "/")), "nothing is lost with seed 1")
	})
}

func step(root *Root, what, name, other string) error {
	switch what {
	case "replace":
		return root.Replace(name, []byte(other), 0o644)
	case "append":
		return root.Append(name, []byte(other), 0o644)
	case "mkdir":
		return root.Mkdir(name, 0o755)
	case "mkdirs":
		return root.MkdirAll(name, 0o755)
	case "remove":
		return root.Remove(name)
	case "removes":
		return root.RemoveAll(name)
	case "rename":
		if strings.HasPrefix(other+"/", name+"/") || strings.Contains(name+other, "l") {
			return nil // into itself; a Crashing doesn't look for that
		}
		return root.Rename(name, other)
	case "link":
		if info, err := root.Lstat(name); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		return root.Link(name, other)
	case "symlink":
		return root.Symlink(map[bool]string{true: "d", false: "e"}[other < "d"], name)
	}
	panic(what)
}

// snapshot tells all that is below a root.
func snapshot(t require.TestingT, root *Root) string {
	var text strings.Builder
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := root.ReadDir(dir)
		require.NoError(t, err)
		for _, entry := range entries {
			name := path.Join(dir, entry.Name())
			info, err := root.Lstat(name)
			require.NoError(t, err)
			fmt.Fprintf(&text, "%s %s", name, info.Mode().Type())
			switch {
			case info.IsDir():
				text.WriteString("\n")
				walk(name)
			case info.Mode()&fs.ModeSymlink != 0:
				target, err := root.Readlink(name)
				require.NoError(t, err)
				fmt.Fprintf(&text, " -> %s\n", target)
			default:
				content, err := root.Read(name)
				require.NoError(t, err)
				fmt.Fprintf(&text, " %q\n", content)
			}
		}
	}
	walk(".")
	return text.String()
}
