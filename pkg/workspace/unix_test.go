//go:build unix

package workspace

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

func TestDigest_special(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // a socket's path must be short
	require.NoError(t, os.MkdirAll("pipes/in", 0o755))
	require.NoError(t, syscall.Mkfifo("pipes/in/p", 0o644))
	require.NoError(t, os.Mkdir("sockets", 0o755))
	listener, err := net.Listen("unix", "sockets/s")
	require.NoError(t, err)
	defer listener.Close()
	w := openAt(t, dir, Options{})
	for name, want := range map[string]*SpecialError{
		"pipes":      {"pipes/in/p", "fifo"},
		"pipes/in/p": {"pipes/in/p", "fifo"},
		"sockets":    {"sockets/s", "socket"},
		"sockets/s":  {"sockets/s", "socket"},
	} {
		_, err := w.Digest(t.Context(), name)
		require.Equal(t, want, err)
		_, err = w.Save(t.Context(), name, SaveOptions{})
		require.Equal(t, want, err)
	}
	require.NoError(t, w.CopyAside(t.Context(), "pipes", "copy"))
	_, err = w.Stamp(t.Context(), "pipes")
	require.NoError(t, err)
}

func TestIgnored_fifoAsIgnoreFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, IgnoreFile), 0o644))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, ".gitignore"), 0o644))
	write(t, dir, "data/x", "1")
	w := openAt(t, dir, Options{})
	_, err := w.Digest(t.Context(), "data")
	require.NoError(t, err)
	_, err = w.Gitignore("data")
	require.Error(t, err)
}

func TestDigest_unreadable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/x", "1")
	require.NoError(t, os.Chmod(filepath.Join(dir, "data/x"), 0))
	w := openAt(t, dir, Options{})
	if os.Getuid() == 0 { // root reads everything, so be somebody else for a moment
		require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
		require.NoError(t, syscall.Setreuid(-1, 65534))
		defer syscall.Setreuid(-1, 0)
	}
	_, err := w.Digest(t.Context(), "data")
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, "data/x")
}

// deepTree makes folders in folders, with a file at the bottom and others on the way,
// without ever naming the whole path.
func deepTree(t testing.TB, dir string, depth int) {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	require.NoError(t, err)
	put := func(name string) {
		file, err := unix.Openat(fd, name, unix.O_CREAT|unix.O_WRONLY, 0o644)
		require.NoError(t, err)
		_, err = unix.Write(file, []byte(name))
		require.NoError(t, err)
		require.NoError(t, unix.Close(file))
	}
	for i := range depth {
		if i%97 == 0 {
			put("beside")
		}
		require.NoError(t, unix.Mkdirat(fd, "d", 0o755))
		next, err := unix.Openat(fd, "d", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Close(fd))
		fd = next
	}
	put("bottom")
	require.NoError(t, unix.Close(fd))
}

func TestRoundTrip_deep(t *testing.T) {
	dir := t.TempDir()
	w := openAt(t, dir, Options{})
	t.Cleanup(func() { w.root.RemoveAll("data") }) // os.RemoveAll gives up
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o755))
	deepTree(t, filepath.Join(dir, "data"), 3000)

	tree, want, err := w.Tree(t.Context(), "data")
	require.NoError(t, err)
	require.Len(t, tree, 32)
	require.Equal(t, "beside", tree[0].Path)
	require.Equal(t, strings.Repeat("d/", 3000)+"bottom", tree[len(tree)-1].Path)
	saved, err := w.Save(t.Context(), "data", SaveOptions{})
	require.NoError(t, err)
	require.Equal(t, want, saved)
	require.NoError(t, w.root.RemoveAll("data"))
	_, err = w.Checkout(t.Context(), "data", want)
	require.NoError(t, err)
	got, err := openAt(t, dir, Options{}).Digest(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, want, got)

	require.NoError(t, w.CopyAside(t.Context(), "data", ".flow/tmp/copy"))
	require.NoError(t, w.root.RemoveAll(".flow/tmp/copy"))
}

// A folder at each level that has to wait keeps more folders open than there may be.
func TestDigest_fewDescriptors(t *testing.T) {
	dir := t.TempDir()
	for depth, at := 0, "data"; depth < 150; depth++ {
		write(t, dir, at+"/a/x", "1")
		write(t, dir, at+"/z/x", "1")
		at += "/m"
	}
	w := openAt(t, dir, Options{})
	s := &scan{w: w, name: "data", take: w.hash}
	at, err := w.find("data")
	require.NoError(t, err)
	defer at.close()
	require.NoError(t, s.run(t.Context(), at.folder, at.base))
	require.Zero(t, s.open.Load(), "folders left open")

	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	low := limit
	low.Cur = 80
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	_, err = w.Digest(t.Context(), "data")
	require.NoError(t, err)
	_, err = w.Save(t.Context(), "data", SaveOptions{})
	require.NoError(t, err)
}

func TestSave_links(t *testing.T) {
	for _, kind := range []cache.LinkKind{cache.Hardlink, cache.Symlink} {
		t.Run(string(kind), func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "data/a", "same")
			write(t, dir, "data/b", "same")
			write(t, dir, "data/empty", "")
			write(t, dir, "data/run", "x")
			require.NoError(t, os.Chmod(filepath.Join(dir, "data/run"), 0o755))
			write(t, dir, "one", "single")
			w := openAt(t, dir, Options{}, kind)
			want, err := w.SaveMany(t.Context(), []string{"data", "one"}, SaveOptions{})
			require.NoError(t, err)
			for _, name := range []string{"data/a", "data/b", "one"} {
				require.True(t, isLinked(t, w, name, kind), name)
			}
			require.False(t, isLinked(t, w, "data/run", kind))
			requireDigests(t, w, want, "data", "one")
			require.NoError(t, w.Flush())
			requireDigests(t, openAt(t, dir, Options{}, kind), want, "data", "one")

			again, err := w.SaveMany(t.Context(), []string{"data", "one"}, SaveOptions{})
			require.NoError(t, err)
			require.Equal(t, want, again)

			require.NoError(t, w.Unprotect(t.Context(), "data"))
			require.NoError(t, w.Unprotect(t.Context(), "one"))
			for _, name := range []string{"data/a", "data/b", "one"} {
				require.False(t, isLinked(t, w, name, kind), name)
				info, err := os.Lstat(filepath.Join(dir, name))
				require.NoError(t, err)
				require.EqualValues(t, 0o644, info.Mode(), name)
			}
			requireDigests(t, w, want, "data", "one")

			require.NoError(t, os.RemoveAll(filepath.Join(dir, "data")))
			for i, name := range []string{"data", "one"} {
				_, err = w.Checkout(t.Context(), name, want[i])
				require.NoError(t, err)
			}
			require.True(t, isLinked(t, w, "data/a", kind))
			requireDigests(t, w, want, "data", "one")
		})
	}
}

func requireDigests(t *testing.T, w *Workspace, want []digest.Content, names ...string) {
	t.Helper()
	for i, name := range names {
		got, err := w.Digest(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want[i], got, name)
	}
}

func isLinked(t *testing.T, w *Workspace, name string, kind cache.LinkKind) bool {
	info, err := os.Lstat(w.root.Path(name))
	require.NoError(t, err)
	if kind == cache.Symlink {
		return info.Mode()&os.ModeSymlink != 0
	}
	return info.Sys().(*syscall.Stat_t).Nlink > 1
}

func TestDigest_objectEditedThroughItsLink(t *testing.T) {
	for _, kind := range []cache.LinkKind{cache.Hardlink, cache.Symlink} {
		dir := t.TempDir()
		write(t, dir, "data/a", "good")
		write(t, dir, "one", "good1")
		w := openAt(t, dir, Options{}, kind)
		want, err := w.SaveMany(t.Context(), []string{"data", "one"}, SaveOptions{})
		require.NoError(t, err)
		for i, name := range []string{"data/a", "one"} {
			at := filepath.Join(dir, name)
			before, err := os.Stat(at)
			require.NoError(t, err)
			require.NoError(t, os.Chmod(at, 0o644))
			require.NoError(t, os.WriteFile(at, []byte("evil!"[:before.Size()]), 0o644))
			require.NoError(t, os.Chtimes(at, before.ModTime(), before.ModTime()))
			got, err := w.Digest(t.Context(), []string{"data", "one"}[i])
			require.NoError(t, err)
			require.NotEqual(t, want[i].ID, got.ID)
			_, err = w.Checkout(t.Context(), []string{"data", "one"}[i], want[i])
			require.Error(t, err, "the object is no longer what it is named")
		}
	}
}

func TestDigest_linkToAnObjectThatIsGone(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "one", "1")
	write(t, dir, "data/a", "2")
	write(t, dir, "data/b", "")
	w := openAt(t, dir, Options{}, cache.Symlink)
	_, err := w.SaveMany(t.Context(), []string{"data", "one"}, SaveOptions{})
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, ".flow/cache/objects")))
	got, err := w.Digest(t.Context(), "one")
	require.NoError(t, err)
	require.False(t, got.Exists())
	tree, _, err := w.Tree(t.Context(), "data")
	require.NoError(t, err)
	require.Len(t, tree, 1)
}

func TestCheckout_diskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	at := filepath.Join(dir, "small")
	require.NoError(t, os.Mkdir(at, 0o755))
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", at).CombinedOutput(); err != nil {
		t.Skip(string(output))
	}
	defer exec.Command("umount", at).Run()
	w := openAt(t, dir, Options{})
	for _, name := range []string{"a", "b", "c", "d"} {
		write(t, dir, "small/data/"+name, strings.Repeat(name, 100<<10))
	}
	small, err := w.Save(t.Context(), "small/data", SaveOptions{})
	require.NoError(t, err)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		write(t, dir, "large/"+name, strings.Repeat(name, 200<<10)+name)
	}
	large, err := w.Save(t.Context(), "large", SaveOptions{})
	require.NoError(t, err)

	_, err = w.Checkout(t.Context(), "small/data", large)
	require.ErrorIs(t, err, syscall.ENOSPC)
	requireDigests(t, w, []digest.Content{small}, "small/data")
	_, err = w.Checkout(t.Context(), "small/new", large)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoFileExists(t, filepath.Join(at, "new"))
	left, err := os.ReadDir(at)
	require.NoError(t, err)
	require.Len(t, left, 1, "no unfinished files stay")
}

// A folder that is a mount of the same file system, which the device's number doesn't
// tell, and one of another.
func TestTemps_mounts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	for _, how := range [][]string{{"--bind", t.TempDir()}, {"-t", "tmpfs", "tmpfs"}} {
		dir := t.TempDir()
		at := filepath.Join(dir, "mount")
		require.NoError(t, os.Mkdir(at, 0o755))
		if output, err := exec.Command("mount", append(how, at)...).CombinedOutput(); err != nil {
			t.Skip(string(output))
		}
		defer exec.Command("umount", at).Run()
		oddTree(t, filepath.Join(dir, "data"))
		write(t, dir, "mount/old", "1")
		w := openTidy(t, dir)
		old, err := w.Digest(t.Context(), "mount")
		require.NoError(t, err)
		want, err := w.Save(t.Context(), "data", SaveOptions{})
		require.NoError(t, err)
		_, err = w.Save(t.Context(), "mount", SaveOptions{})
		require.NoError(t, err)
		for _, content := range []digest.Content{want, old, want} { // out is the mount
			_, err = w.Checkout(t.Context(), "mount", content)
			require.NoError(t, err)
			requireDigests(t, w, []digest.Content{content}, "mount")
		}
		_, err = w.Checkout(t.Context(), "mount/sub/new", want)
		require.NoError(t, err)
		require.NoError(t, w.MoveAside("mount/sub", ".flow/aside"))
		require.NoError(t, w.MoveBack(".flow/aside", "mount/sub"))
		requireDigests(t, w, []digest.Content{want}, "mount/sub/new")
		for _, content := range []digest.Content{old, {}} {
			_, err = w.Checkout(t.Context(), "mount/sub/new", content)
			require.NoError(t, err)
		}
		require.NoError(t, w.Flush())
		for _, folder := range []string{"mount", "mount/sub", ".flow/tmp"} {
			entries, err := os.ReadDir(filepath.Join(dir, folder))
			require.NoError(t, err)
			for _, entry := range entries {
				require.False(t, disk.IsTemp(entry.Name()), folder)
			}
		}
	}
}
