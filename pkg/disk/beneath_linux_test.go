package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestBeneath_isRoot does the same calls on two equal folders, one by os.Root, one by the
// system's own walk: answers, errors and what is left are the same, whatever symlinks
// are on the way, and nothing beside the folders changes.
func TestBeneath_isRoot(t *testing.T) {
	base := t.TempDir()
	worlds := 0
	rapid.Check(t, func(t *rapid.T) {
		worlds++
		var sides [2]FS
		var dirs [2]string
		for i := range sides {
			dirs[i] = filepath.Join(base, fmt.Sprint(worlds), fmt.Sprint(i), "root")
			layOut(t, dirs[i])
			root, err := os.OpenRoot(dirs[i])
			require.NoError(t, err)
			fsys, err := newReal(root, nil)
			require.NoError(t, err)
			defer fsys.Close()
			fast, ok := fsys.(beneath)
			if !ok {
				t.Skip("this system has no openat2")
			}
			sides[i] = fast
			if i == 0 {
				sides[i] = fast.real
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			name, other := drawName(t, "name"), drawName(t, "other")
			call := rapid.SampledFrom(calls).Draw(t, "call")
			var answers [2]string
			for i, side := range sides {
				answers[i] = strings.ReplaceAll(call(side, name, other), filepath.Dir(dirs[i]), "BASE")
			}
			require.Equal(t, answers[0], answers[1], "%s, %s", name, other)
		}
		require.Equal(t, tellTree(t, filepath.Dir(dirs[0])), tellTree(t, filepath.Dir(dirs[1])))
	})
}

func layOut(t *rapid.T, dir string) {
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/f"), []byte("f"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "g"), []byte("g"), 0o755))
	outside := filepath.Join(filepath.Dir(dir), "outside")
	require.NoError(t, os.MkdirAll(outside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "f"), []byte("precious"), 0o644))
	for link, target := range map[string]string{
		"in": "a", "a/up": "..", "out": "../outside", "absolute": outside, "dangling": "nowhere", "file": "a/f", "loop": "loop", "a/far": "../../outside/f", "back": "../root/a",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, link)))
	}
}

func drawName(t *rapid.T, label string) string {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "f", "g", "in", "up", "out", "absolute", "dangling", "file", "loop", "far", "back", "new", "..", ".", ""}), 1, 4)
	return strings.Join(parts.Draw(t, label), "/")
}

var calls = []func(f FS, name, other string) string{
	func(f FS, name, _ string) string {
		info, err := f.Lstat(name)
		if err != nil {
			return tellError(err)
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		size := info.Size()
		if info.IsDir() {
			size = 0
		}
		return fmt.Sprint(info.Name(), info.Mode(), size, info.IsDir(), ok && stat.Ino > 0 && stat.Nlink > 0, info.ModTime().Year())
	},
	func(f FS, name, _ string) string { return readWith(f, name, os.O_RDONLY) },
	func(f FS, name, _ string) string { return readWith(f, name, os.O_RDWR|os.O_CREATE) },
	func(f FS, name, _ string) string { return readWith(f, name, os.O_RDWR|os.O_CREATE|os.O_EXCL) },
	func(f FS, name, _ string) string { return readWith(f, name, os.O_RDWR|os.O_TRUNC) },
	func(f FS, name, _ string) string { return tellError(f.Mkdir(name, 0o750)) },
	func(f FS, name, _ string) string { return tellError(f.Remove(name)) },
	func(f FS, name, other string) string { return tellError(f.Rename(name, other)) },
	func(f FS, name, other string) string { return tellError(f.Link(name, other)) },
	func(f FS, name, other string) string { return tellError(f.Symlink(other, name)) },
	func(f FS, name, _ string) string {
		target, err := f.Readlink(name)
		return target + tellError(err)
	},
	func(f FS, name, _ string) string {
		entries, err := f.ReadDir(name)
		return fmt.Sprint(entries) + tellError(err)
	},
}

func readWith(f FS, name string, flag int) string {
	file, err := f.Open(name, flag, 0o640)
	if err != nil {
		return tellError(err)
	}
	defer file.Close()
	if flag != os.O_RDONLY {
		if _, err := file.Write([]byte("w")); err != nil {
			return tellError(err)
		}
	}
	buffer := make([]byte, 16)
	n, _ := file.ReadAt(buffer, 0)
	info, err := file.Stat()
	if err != nil {
		return tellError(err)
	}
	return fmt.Sprint(file.Name(), string(buffer[:n]), info.Mode(), info.Name())
}

// tellError is the cause: that is what flow shows, and what it asks about.
func tellError(err error) string {
	if err == nil {
		return "done"
	}
	return fmt.Sprint(bare(err), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrPermission))
}

func tellTree(t *rapid.T, dir string) []string {
	var told []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		text := ""
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			text = string(content)
		case info.Mode()&fs.ModeSymlink != 0:
			text, err = os.Readlink(path)
			require.NoError(t, err)
		}
		told = append(told, fmt.Sprint(strings.TrimPrefix(path, dir), info.Mode(), strings.ReplaceAll(text, dir, "")))
		return nil
	}))
	return told
}

// TestBeneath_sameFile: stats of one file are of one file, however they were made.
func TestBeneath_sameFile(t *testing.T) {
	dir := t.TempDir()
	root, err := OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	require.NoError(t, root.Replace("a", []byte("a"), 0o644))
	require.NoError(t, root.Replace("b", []byte("b"), 0o644))
	one, err := root.Lstat("a")
	require.NoError(t, err)
	again, err := os.Lstat(filepath.Join(dir, "a"))
	require.NoError(t, err)
	other, err := root.Lstat("b")
	require.NoError(t, err)
	require.True(t, SameFile(one, again))
	require.True(t, SameFile(again, one))
	require.False(t, SameFile(one, other))
	require.Equal(t, again.Sys(), one.Sys())
	require.Equal(t, again.ModTime(), one.ModTime())
}

func BenchmarkLstat_deep(b *testing.B) {
	dir := b.TempDir()
	require.NoError(b, os.MkdirAll(filepath.Join(dir, "a/b/c/d"), 0o755))
	root, err := OpenRoot(dir)
	require.NoError(b, err)
	defer root.Close()
	fast := root.fsys
	for name, fsys := range map[string]FS{"root": fast.(beneath).real, "beneath": fast} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := fsys.Lstat("a/b/c/d"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
