package workspace

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/store"
)

// oddTree makes a directory with all that file systems allow.
func oddTree(t *testing.T, dir string) {
	t.Helper()
	names := []string{"with space", " lead", "trail ", "új", "é", "e\u0301", "日本", "-rf", "it's", `a"b`, "#x", "!x", "$(x)", "%s", "CON", ".hidden", "a.b", strings.Repeat("n", 255)}
	if runtime.GOOS != "windows" {
		names = append(names, "new\nline", `back\slash`, "tab\t", "star*", "q?", "\x01\xff", "c:d")
	}
	for i, name := range names {
		write(t, dir, name, fmt.Sprint(i))
		write(t, dir, "in/"+name+"/"+name, fmt.Sprint(i))
	}
	write(t, dir, "empty", "")
	write(t, dir, "large", strings.Repeat("0123456789abcdef", 50_000))
	write(t, dir, "run.sh", "#!/bin/sh")
	require.NoError(t, os.Chmod(filepath.Join(dir, "run.sh"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "void/void/void"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "void/other"), 0o755))
	require.NoError(t, os.Symlink("in/-rf", filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink("no/where", filepath.Join(dir, "dangling")))
	require.NoError(t, os.Symlink(".", filepath.Join(dir, "in/loop")))
	require.NoError(t, os.Symlink("../run.sh", filepath.Join(dir, "in/up")))
}

func TestRoundTrip_odd(t *testing.T) {
	dir := t.TempDir()
	oddTree(t, filepath.Join(dir, "data"))
	w := openAt(t, dir, Options{})
	tree, want, err := w.Tree(t.Context(), "data")
	require.NoError(t, err)
	saved, err := w.Save(t.Context(), "data", SaveOptions{})
	require.NoError(t, err)
	require.Equal(t, want, saved)
	whole, err := w.cache.Has(t.Context(), want)
	require.NoError(t, err)
	require.True(t, whole)

	require.NoError(t, os.RemoveAll(filepath.Join(dir, "data")))
	changed, err := w.Checkout(t.Context(), "data", want)
	require.NoError(t, err)
	require.Equal(t, len(tree), changed)
	if w.clock.probe != nil && w.clock.slack == 0 {
		require.False(t, w.anyUntrusted("data"), "the index knows what was restored")
	}
	got, _, err := openAt(t, dir, Options{IndexDir: ".flow/none"}).Tree(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, tree, got)
	again, err := w.Digest(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, want, again)

	changed, err = w.Checkout(t.Context(), "data", want)
	require.NoError(t, err)
	require.Zero(t, changed)

	changed, err = w.Checkout(t.Context(), "data", digest.Content{})
	require.NoError(t, err)
	require.Equal(t, 1, changed)
	require.NoFileExists(t, filepath.Join(dir, "data"))
}

// anyUntrusted reports whether the next Digest would have to read a file.
func (w *Workspace) anyUntrusted(name string) bool {
	t := w.tree(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.load()
	for n := range x.records {
		if r := x.record(n); r.regular() && !r.trusted {
			return true
		}
	}
	return false
}

func TestRoundTrip_singles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", "1")
	write(t, dir, "run", "2")
	require.NoError(t, os.Chmod(filepath.Join(dir, "run"), 0o755))
	require.NoError(t, os.Symlink("file", filepath.Join(dir, "link")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	names := []string{"file", "run", "link", "empty"}
	w := openAt(t, dir, Options{})
	saved, err := w.SaveMany(t.Context(), names, SaveOptions{})
	require.NoError(t, err)
	// Each takes the place of each other.
	for _, at := range names {
		for i, from := range names {
			changed, err := w.Checkout(t.Context(), at, saved[i])
			require.NoError(t, err, "%s as %s", at, from)
			got, err := openAt(t, dir, Options{IndexDir: ".flow/none"}).Digest(t.Context(), at)
			require.NoError(t, err)
			require.Equal(t, saved[i], got, "%s as %s", at, from)
			got, err = w.Digest(t.Context(), at)
			require.NoError(t, err)
			require.Equal(t, saved[i], got, "%s as %s", at, from)
			again, err := w.Checkout(t.Context(), at, saved[i])
			require.NoError(t, err)
			require.Zero(t, again)
			if at != from {
				require.Positive(t, changed)
			}
		}
	}
	_, err = w.Checkout(t.Context(), "new/deep/file", saved[0])
	require.NoError(t, err)
	_, err = w.Save(t.Context(), "nothing", SaveOptions{})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = w.Save(t.Context(), "nothing", SaveOptions{NoCache: true})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSave_noCache(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/x", "1")
	w := openAt(t, dir, Options{})
	got, err := w.Save(t.Context(), "data", SaveOptions{NoCache: true})
	require.NoError(t, err)
	want, err := w.Digest(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoFileExists(t, filepath.Join(dir, ".flow/cache/objects"))
}

// What the index knows is still put into a cache that lost it.
func TestSave_intoACacheThatLostIt(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/x", "1")
	write(t, dir, "data/y", "2")
	write(t, dir, "one", "3")
	w := openAt(t, dir, Options{})
	want, err := w.SaveMany(t.Context(), []string{"data", "one"}, SaveOptions{})
	require.NoError(t, err)
	for _, lost := range []digest.ID{digest.Sum([]byte("1")), digest.Sum([]byte("3")), want[0].ID} {
		require.NoError(t, w.cache.Objects().Delete(t.Context(), lost))
		again, err := w.SaveMany(t.Context(), []string{"data", "one"}, SaveOptions{})
		require.NoError(t, err)
		require.Equal(t, want, again)
		for _, content := range want {
			whole, err := w.cache.Has(t.Context(), content)
			require.NoError(t, err)
			require.True(t, whole)
		}
	}
}

func TestCheckout_touchesOnlyWhatDiffers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/same", "1")
	write(t, dir, "data/sub/edited", "1")
	write(t, dir, "data/becomes/dir", "1")
	write(t, dir, "data/becomes2", "1")
	write(t, dir, "data/run", "1")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data/empty"), 0o755))
	w := openAt(t, dir, Options{})
	want, err := w.Save(t.Context(), "data", SaveOptions{})
	require.NoError(t, err)
	before, err := os.Stat(filepath.Join(dir, "data/same"))
	require.NoError(t, err)

	write(t, dir, "data/sub/edited", "2")
	write(t, dir, "data/sub/added", "2")
	write(t, dir, "data/new/dir/x", "2")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "data/becomes")))
	write(t, dir, "data/becomes", "now a file")
	require.NoError(t, os.Remove(filepath.Join(dir, "data/becomes2")))
	write(t, dir, "data/becomes2/x", "now a folder")
	write(t, dir, "data/empty/no", "more")
	require.NoError(t, os.Chmod(filepath.Join(dir, "data/run"), 0o755))
	require.NoError(t, os.Symlink("same", filepath.Join(dir, "data/link")))

	changed, err := w.Checkout(t.Context(), "data", want)
	require.NoError(t, err)
	require.Positive(t, changed)
	got, err := openAt(t, dir, Options{IndexDir: ".flow/none"}).Digest(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, want, got)
	after, err := os.Stat(filepath.Join(dir, "data/same"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after) && before.ModTime().Equal(after.ModTime()))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "no unfinished folders stay")
}

// TestCheckout_random goes back and forth between random trees.
func TestCheckout_random(t *testing.T) {
	for _, kind := range []cache.LinkKind{cache.Copy, cache.Reflink, cache.Hardlink, cache.Symlink} {
		t.Run(string(kind), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			checkoutAtRandom(t, rand.New(rand.NewPCG(seed, 3)), kind)
		})
	}
}

func checkoutAtRandom(t *testing.T, random *rand.Rand, kind cache.LinkKind) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o755))
	d := &disorder{t: t, random: random, dir: filepath.Join(dir, "data"), links: kind == cache.Hardlink || kind == cache.Symlink}
	w := openAt(t, dir, Options{}, kind)
	fresh := func() digest.Content {
		content, err := openAt(t, dir, Options{IndexDir: ".flow/none"}, kind).Digest(t.Context(), "data")
		require.NoError(t, err)
		return content
	}
	var saved []digest.Content
	for range 20 {
		for range 15 {
			d.edit()
		}
		content, err := w.Save(t.Context(), "data", SaveOptions{})
		require.NoError(t, err)
		require.Equal(t, content, fresh())
		saved = append(saved, content)
	}
	for range 80 {
		for range random.IntN(6) {
			d.edit()
		}
		want := saved[random.IntN(len(saved))]
		_, err := w.Checkout(t.Context(), "data", want)
		require.NoError(t, err)
		got, err := w.Digest(t.Context(), "data")
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, want, fresh())
	}
}

func TestCheckout_leavesTheOldWhenAnObjectIsBad(t *testing.T) {
	for _, damage := range []string{"gone", "corrupt", "tree gone"} {
		for _, kind := range []string{"into a directory", "anew", "over a file"} {
			t.Run(damage+" "+kind, func(t *testing.T) {
				dir := t.TempDir()
				for i := range 20 {
					write(t, dir, fmt.Sprintf("data/%d", i), fmt.Sprint("object ", i))
				}
				w := openAt(t, dir, Options{})
				want, err := w.Save(t.Context(), "data", SaveOptions{})
				require.NoError(t, err)
				bad := digest.Sum([]byte("object 13"))
				if damage == "tree gone" {
					bad = want.ID
				}
				object := w.cache.Root().Path(w.cache.Objects().Name(bad))
				if require.NoError(t, os.Chmod(object, 0o644)); damage == "corrupt" {
					require.NoError(t, os.WriteFile(object, []byte("object xx"), 0o644))
				} else {
					require.NoError(t, os.Remove(object))
				}
				require.NoError(t, os.RemoveAll(filepath.Join(dir, "data")))
				switch kind {
				case "into a directory":
					write(t, dir, "data/3", "old")
					write(t, dir, "data/old", "old")
				case "over a file":
					write(t, dir, "data", "old")
				}
				before, err := w.Digest(t.Context(), "data")
				require.NoError(t, err)
				_, err = w.Checkout(t.Context(), "data", want)
				if corrupt := (*store.CorruptError)(nil); damage == "corrupt" {
					require.ErrorAs(t, err, &corrupt)
				} else {
					require.ErrorIs(t, err, store.ErrAbsent)
				}
				after, err := w.Digest(t.Context(), "data")
				require.NoError(t, err)
				require.Equal(t, before, after)
				entries, err := os.ReadDir(dir)
				require.NoError(t, err)
				for _, entry := range entries {
					require.Contains(t, []string{"data", ".flow"}, entry.Name())
				}
			})
		}
	}
}

func TestCheckout_keepsWhatIsHidden(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".flowignore", "*.log\n")
	write(t, dir, "data/x", "1")
	write(t, dir, "data/sub/y", "1")
	w := openAt(t, dir, Options{})
	one, err := w.Save(t.Context(), "data", SaveOptions{})
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "data/sub")))
	write(t, dir, "data/sub", "a file")
	two, err := w.Save(t.Context(), "data", SaveOptions{})
	require.NoError(t, err)
	file, err := w.Save(t.Context(), "data/x", SaveOptions{})
	require.NoError(t, err)

	_, err = w.Checkout(t.Context(), "data", one)
	require.NoError(t, err)
	write(t, dir, "data/sub/mine.log", "precious")
	var hidden *HiddenError
	_, err = w.Checkout(t.Context(), "data", two)
	require.ErrorAs(t, err, &hidden)
	require.Equal(t, "data/sub", hidden.Path)
	_, err = w.Checkout(t.Context(), "data", file)
	require.ErrorAs(t, err, &hidden)
	got, err := w.Digest(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, one, got)

	_, err = w.Checkout(t.Context(), "data", digest.Content{})
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "data/sub/mine.log"))
	require.NoError(t, err)
	require.Equal(t, "precious", string(text))
	require.NoFileExists(t, filepath.Join(dir, "data/x"))
	require.NoFileExists(t, filepath.Join(dir, "data/sub/y"))
}
