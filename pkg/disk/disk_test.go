package disk

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// open returns a Root over a new folder of the test.
func open(t testing.TB) *Root {
	t.Helper()
	root, err := OpenRoot(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

func write(t testing.TB, root *Root, name, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(root.Path(name)), 0o777))
	require.NoError(t, os.WriteFile(root.Path(name), []byte(content), 0o666))
}

// listing returns what a folder holds, as one text.
func listing(t testing.TB, root *Root, dir string) string {
	t.Helper()
	entries, err := root.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}

func TestReplace(t *testing.T) {
	root := open(t)
	require.NoError(t, root.Replace("a", []byte("one"), 0o600))
	require.NoError(t, root.Replace("a", []byte("two"), 0o644))
	content, err := root.Read("a")
	require.NoError(t, err)
	require.Equal(t, "two", string(content))
	info, err := root.Lstat("a")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), "a file's permissions stay")
	require.Equal(t, "a", listing(t, root, "."))
}

func TestReplace_longestName(t *testing.T) {
	root := open(t)
	name := strings.Repeat("x", 255)
	require.NoError(t, root.Replace(name, []byte("one"), 0o644))
	require.Equal(t, name, listing(t, root, "."))
}

func TestReplace_readersSeeWholeContent(t *testing.T) {
	root := open(t)
	old, new := strings.Repeat("o", 1<<16), strings.Repeat("n", 1<<17)
	require.NoError(t, root.Replace("a", []byte(old), 0o644))
	done := make(chan error)
	go func() {
		for range 20 {
			if err := root.Replace("a", []byte(new), 0o644); err != nil {
				done <- err
				return
			}
		}
		close(done)
	}()
	for writing := true; writing; {
		select {
		case err := <-done:
			require.NoError(t, err)
			writing = false
		default:
		}
		content, err := root.Read("a")
		require.NoError(t, err)
		require.Contains(t, []string{old, new}, string(content))
	}
}

func TestReplace_symlinkIsReplacedItself(t *testing.T) {
	root := open(t)
	write(t, root, "target", "kept")
	require.NoError(t, root.Symlink("target", "a"))
	require.NoError(t, root.Replace("a", []byte("new"), 0o644))
	content, err := root.Read("target")
	require.NoError(t, err)
	require.Equal(t, "kept", string(content))
}

// A symlink on the way leads no call out of the root, neither to read nor to write.
func TestRoot_staysBelow(t *testing.T) {
	calls := map[string]func(root *Root, name string) error{
		"read":    func(root *Root, name string) error { _, err := root.Read(name); return err },
		"open":    func(root *Root, name string) error { _, err := root.Open(name); return err },
		"lstat":   func(root *Root, name string) error { _, err := root.Lstat(name); return err },
		"list":    func(root *Root, name string) error { _, err := root.ReadDir(name); return err },
		"replace": func(root *Root, name string) error { return root.Replace(name, []byte("x"), 0o644) },
		"append":  func(root *Root, name string) error { return root.Append(name, []byte("x"), 0o644) },
		"create":  func(root *Root, name string) error { _, err := root.Create(name); return err },
		"mkdir":   func(root *Root, name string) error { return root.Mkdir(name, 0o755) },
		"mkdirs":  func(root *Root, name string) error { return root.MkdirAll(name+"/b/c", 0o755) },
		"remove":  func(root *Root, name string) error { return root.Remove(name) },
		"removes": func(root *Root, name string) error { return root.RemoveAll(name) },
		"from":    func(root *Root, name string) error { return root.Rename(name, "moved") },
		"to":      func(root *Root, name string) error { return root.Rename("mine", name) },
		"link":    func(root *Root, name string) error { return root.Link("mine", name) },
		"linked":  func(root *Root, name string) error { return root.Link(name, "second") },
		"symlink": func(root *Root, name string) error { return root.Symlink("mine", name) },
		"chmod":   func(root *Root, name string) error { return root.Chmod(name, 0o777) },
		"sync":    func(root *Root, name string) error { return root.SyncDir(name) },
		"sub":     func(root *Root, name string) error { _, err := root.Sub(name); return err },
		"lock":    func(root *Root, name string) error { _, err := root.TryLock(name, Exclusive, ""); return err },
		"barrier": func(root *Root, name string) error { return root.Barrier([]string{name}, nil) },
		"resolve": func(root *Root, name string) error { _, err := root.Resolve(name); return err },
	}
	for what, call := range calls {
		for _, name := range []string{"relative/victim", "absolute/victim", "through/relative/victim", "../outside/victim", "/etc/victim"} {
			t.Run(what+" "+name, func(t *testing.T) {
				both := t.TempDir()
				require.NoError(t, os.MkdirAll(filepath.Join(both, "outside", "victim"), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(both, "outside", "victim", "precious"), []byte("1"), 0o644))
				require.NoError(t, os.Mkdir(filepath.Join(both, "inside"), 0o755))
				root, err := OpenRoot(filepath.Join(both, "inside"))
				require.NoError(t, err)
				defer root.Close()
				write(t, root, "mine", "1")
				require.NoError(t, root.Symlink("../outside", "relative"))
				require.NoError(t, root.Symlink(filepath.Join(both, "outside"), "absolute"))
				require.NoError(t, root.Symlink(".", "through"))

				require.ErrorIs(t, call(root, name), ErrEscapes)
				entries, err := os.ReadDir(filepath.Join(both, "outside"))
				require.NoError(t, err)
				require.Len(t, entries, 1)
				content, err := os.ReadFile(filepath.Join(both, "outside", "victim", "precious"))
				require.NoError(t, err)
				require.Equal(t, "1", string(content))
			})
		}
	}
}

func TestErrors_nameTheWholePath(t *testing.T) {
	root := open(t)
	require.NoError(t, root.Mkdir("sub", 0o755))
	below, err := root.Sub("sub")
	require.NoError(t, err)
	defer below.Close()
	_, err = below.Read("none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, "open "+filepath.Join(root.Dir(), "sub", "none")+": no such file or directory")
	require.ErrorContains(t, below.Rename("none", "b"), "rename "+filepath.Join(root.Dir(), "sub", "none")+" ")
}

func TestAppend(t *testing.T) {
	root := open(t)
	require.NoError(t, root.Append("journal", []byte("one\n"), 0o644))
	require.NoError(t, root.Append("journal", []byte("two\n"), 0o644))
	content, err := root.Read("journal")
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\n", string(content))
}

func TestTemp(t *testing.T) {
	root := open(t)
	require.NoError(t, root.Mkdir("d", 0o755))
	dropped, err := root.Create("d")
	require.NoError(t, err)
	dropped.Discard()
	require.Equal(t, "", listing(t, root, "d"))

	temp, err := root.CreateMode("d", 0o444)
	require.NoError(t, err)
	_, err = io.WriteString(temp, "hello")
	require.NoError(t, err)
	back := make([]byte, 5)
	_, err = temp.File().ReadAt(back, 0)
	require.NoError(t, err)
	require.Equal(t, "hello", string(back))
	require.NoError(t, temp.Rename("d/final"))
	temp.Discard()
	require.Equal(t, "d/final", temp.Name())
	require.Equal(t, "final", listing(t, root, "d"))
	require.Error(t, temp.Rename("d/again"))
}

func TestMkdirAll(t *testing.T) {
	root := open(t)
	require.NoError(t, root.MkdirDurable("a/b/c", 0o755))
	require.NoError(t, root.MkdirAll("a/b/c/d/e", 0o755))
	require.NoError(t, root.MkdirAll("a/b", 0o755))
	require.NoError(t, root.MkdirAll(".", 0o755))
	require.True(t, root.Exists("a/b/c/d/e"))
	write(t, root, "file", "")
	require.Error(t, root.MkdirAll("file", 0o755))
	require.Error(t, root.MkdirAll("file/below", 0o755))
	require.NoError(t, root.Symlink("a", "link"))
	require.NoError(t, root.MkdirAll("link/x/y", 0o755))
	require.NoError(t, root.MkdirAll("link", 0o755))
	require.True(t, root.Exists("a/x/y"))
}

func TestRemoveAll(t *testing.T) {
	root := open(t)
	write(t, root, "top/a/b/file", "")
	write(t, root, "kept/file", "")
	require.NoError(t, root.Symlink("../kept", "top/link"))
	require.NoError(t, root.Symlink("../../kept", "top/a/link"))
	require.NoError(t, root.RemoveAll("top"))
	require.NoError(t, root.RemoveAll("top"), "nothing there is fine")
	require.Equal(t, "kept", listing(t, root, "."))
	require.Equal(t, "file", listing(t, root, "kept"))
	require.NoError(t, root.RemoveAll("kept/file"))
	require.Equal(t, "", listing(t, root, "kept"))
}

func TestRemoveAll_deep(t *testing.T) {
	root := open(t)
	require.NoError(t, root.Mkdir("deep", 0o755))
	at, err := root.Sub("deep")
	require.NoError(t, err)
	for range 100 { // deeper than any path may be long
		fifty := strings.TrimSuffix(strings.Repeat("d/", 50), "/")
		require.NoError(t, at.MkdirAll(fifty, 0o755))
		below, err := at.Sub(fifty)
		require.NoError(t, err)
		require.NoError(t, at.Close())
		at = below
	}
	require.NoError(t, at.Replace("file", nil, 0o644))
	require.NoError(t, at.Close())
	require.NoError(t, root.RemoveAll("deep"))
	require.Equal(t, "", listing(t, root, "."))
}

func TestSweep(t *testing.T) {
	root := open(t)
	old := time.Now().Add(-2 * time.Hour)
	write(t, root, "d/.flow-tmp-old", "")
	write(t, root, "d/.flow-tmp-folder/sub/file", "")
	write(t, root, "d/mine", "")
	for _, name := range []string{"d/.flow-tmp-old", "d/.flow-tmp-folder", "d/mine"} {
		require.NoError(t, os.Chtimes(root.Path(name), old, old))
	}
	young, err := root.Create("d")
	require.NoError(t, err)
	defer young.Discard()
	n, err := root.Sweep("d", time.Hour)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, filepath.Base(young.Name())+" mine", listing(t, root, "d"))
	n, err = root.Sweep("none", time.Hour)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestResolve(t *testing.T) {
	root := open(t)
	write(t, root, "real/sub/file", "")
	for link, target := range map[string]string{
		"link": "real", "chain": "./link/sub", "real/up": "../real/sub", "back": "chain/../sub", "loop": "loop",
	} {
		require.NoError(t, root.Symlink(target, link))
	}
	for name, want := range map[string]string{
		"real/sub/file": "real/sub/file", "link/sub/file": "real/sub/file", "chain/file": "real/sub/file",
		"link/up/file": "real/sub/file", "back/file": "real/sub/file", "link": "link", "none/x/y": "none/x/y",
		"link/none/x": "real/none/x", ".": ".",
	} {
		got, err := root.Resolve(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	_, err := root.Resolve("loop/x")
	require.Error(t, err)
}

func TestBarrier_manyAndFew(t *testing.T) {
	root := open(t)
	var files []string
	for i := range 40 {
		files = append(files, "d/"+strings.Repeat("x", i+1))
		write(t, root, files[i], "1")
	}
	require.NoError(t, root.Barrier(files[:3], []string{"d", ".", "d"}))
	require.NoError(t, root.Barrier(files, []string{"d"}))
	require.Error(t, root.Barrier([]string{"none"}, nil))
}

func TestCopyFile(t *testing.T) {
	root := open(t)
	content := strings.Repeat("0123456789abcdef", 1<<16)
	write(t, root, "from", content)
	from, err := os.Open(root.Path("from"))
	require.NoError(t, err)
	defer from.Close()
	temp, err := root.Create(".")
	require.NoError(t, err)
	defer temp.Discard()
	n, err := CopyFile(temp.File(), from)
	require.NoError(t, err)
	require.EqualValues(t, len(content), n)
	require.NoError(t, temp.Rename("to"))
	got, err := root.Read("to")
	require.NoError(t, err)
	require.Equal(t, content, string(got))
}

func TestFreeSpace(t *testing.T) {
	free, err := FreeSpace(t.TempDir())
	require.NoError(t, err)
	require.NotZero(t, free)
	_, err = FreeSpace(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
