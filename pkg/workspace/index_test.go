package workspace

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
)

// disorder edits a folder at random, in the ways that a stat index could miss.
type disorder struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	now    time.Time
	links  bool // files may be links into the cache: replace, don't write into them
}

func (d *disorder) path() string {
	names := []string{"a", "b", "c", "a.b", "a-b"}
	parts := []string{d.dir}
	for range 1 + d.random.IntN(3) {
		parts = append(parts, names[d.random.IntN(len(names))])
	}
	return filepath.Join(parts...)
}

// file returns a file that there is, or "".
func (d *disorder) file() string {
	var files []string
	filepath.WalkDir(d.dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	if len(files) == 0 {
		return ""
	}
	return files[d.random.IntN(len(files))]
}

func (d *disorder) content(size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = 'a' + byte(d.random.IntN(3))
	}
	return content
}

// edit makes one change, and shrugs when it doesn't fit.
func (d *disorder) edit() {
	path := d.path()
	what := d.random.IntN(12)
	if d.links {
		what = []int{0, 1, 6, 7, 8, 10}[what%6]
	}
	switch what {
	case 0, 1:
		os.MkdirAll(filepath.Dir(path), 0o755)
		if d.links {
			os.Remove(path)
		}
		os.WriteFile(path, d.content(d.random.IntN(3)), 0o644)
	case 2, 3, 4: // the same size, and the times put back
		if file := d.file(); file != "" {
			before, err := os.Stat(file)
			require.NoError(d.t, err)
			os.WriteFile(file, d.content(int(before.Size())), 0o644)
			os.Chtimes(file, before.ModTime(), before.ModTime())
		}
	case 5: // replaced by another file with the same stat as far as can be, often the inode
		if file := d.file(); file != "" {
			before, err := os.Stat(file)
			require.NoError(d.t, err)
			os.Remove(file)
			os.WriteFile(file, d.content(int(before.Size())), before.Mode())
			os.Chtimes(file, before.ModTime(), before.ModTime())
		}
	case 6:
		os.RemoveAll(path)
	case 7:
		if file := d.file(); file != "" {
			os.MkdirAll(filepath.Dir(path), 0o755)
			os.Rename(file, path)
		}
	case 8: // folders change places
		other := filepath.Join(d.dir, "swap")
		if os.Rename(filepath.Join(d.dir, "a"), other) == nil {
			os.Rename(filepath.Join(d.dir, "b"), filepath.Join(d.dir, "a"))
			os.Rename(other, filepath.Join(d.dir, "b"))
		}
	case 9:
		if file := d.file(); file != "" {
			os.Chmod(file, []os.FileMode{0o644, 0o755}[d.random.IntN(2)])
		}
	case 10:
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.Symlink([]string{"a", "b", "x/y"}[d.random.IntN(3)], path)
	case 11:
		if file := d.file(); file != "" {
			jump := time.Duration(d.random.IntN(5)-2) * time.Hour * 24 * 365 * 20
			os.Chtimes(file, time.Now().Add(jump), time.Now().Add(jump))
		}
	}
}

// TestDigest_asRehashed edits at random and compares what the index says with what a
// workspace that knows nothing says.
func TestDigest_asRehashed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for range 12 {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o755))
		d := &disorder{t: t, random: random, dir: filepath.Join(dir, "data"), now: time.Now()}
		options := Options{Now: func() time.Time { return d.now }}
		w := openAt(t, dir, options)
		for range 80 {
			for range random.IntN(4) {
				d.edit()
			}
			switch random.IntN(12) {
			case 0:
				d.now = time.Now().Add(time.Duration(random.IntN(7)-3) * 10 * time.Hour)
			case 1:
				require.NoError(t, os.RemoveAll(filepath.Join(dir, ".flow/index")))
			case 2:
				garble(t, random, filepath.Join(dir, ".flow/index"))
			case 3:
				_, err := w.Save(t.Context(), "data", SaveOptions{})
				require.NoError(t, err)
			}
			fresh := openAt(t, dir, Options{IndexDir: ".flow/none"})
			tree, want, err := fresh.Tree(t.Context(), "data")
			require.NoError(t, err)
			got, err := w.Digest(t.Context(), "data")
			require.NoError(t, err)
			require.Equal(t, want, got)
			for _, e := range tree {
				one, err := w.Digest(t.Context(), "data/"+e.Path)
				require.NoError(t, err)
				if e.Mode != digest.Dir {
					require.Equal(t, digest.Content{ID: e.ID, Mode: e.Mode, Size: e.Size}, one, e.Path)
				}
			}
			if random.IntN(3) == 0 {
				require.NoError(t, w.Flush())
				require.NoError(t, os.RemoveAll(filepath.Join(dir, ".flow/none")))
				w = openAt(t, dir, options)
			}
		}
	}
}

// garble changes one byte of one file.
func garble(t *testing.T, random *rand.Rand, dir string) {
	entries, _ := os.ReadDir(dir)
	if len(entries) == 0 {
		return
	}
	at := filepath.Join(dir, entries[random.IntN(len(entries))].Name())
	raw, err := os.ReadFile(at)
	require.NoError(t, err)
	if len(raw) > 0 {
		raw[random.IntN(len(raw))] ^= byte(1 + random.IntN(255))
		require.NoError(t, os.WriteFile(at, raw, 0o644))
	}
}

// TestDigest_withinATick rewrites files as fast as it can, with the times put back.
// TestDigest_partsChanged has folders of which the index gives back the entries, beside
// those that it can't.
func TestDigest_partsChanged(t *testing.T) {
	dir := t.TempDir()
	for i := range 1300 { // more than one task looks at
		write(t, dir, fmt.Sprintf("data/many/%04d", i), "x")
	}
	write(t, dir, "data/many/below/same", "1")
	write(t, dir, "data/changes/file", "1")
	write(t, dir, "data/changes/below/same", "1")
	write(t, dir, "data/grows/file", "1")
	write(t, dir, "data/shrinks/file", "1")
	write(t, dir, "data/shrinks/other", "1")
	write(t, dir, "data/links/file", "1")
	require.NoError(t, os.Symlink("file", filepath.Join(dir, "data/links/link")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data/nothing/deeper"), 0o755))
	first := openAt(t, dir, Options{})
	last, err := first.entryAt("data/nothing/deeper")
	require.NoError(t, err)
	first.clock.settle(last.stat) // from now on the index trusts what it knows
	before, err := first.Save(t.Context(), "data", SaveOptions{})
	require.NoError(t, err)
	require.NoError(t, first.Flush())

	write(t, dir, "data/changes/file", "22")
	write(t, dir, "data/grows/more", "2")
	require.NoError(t, os.Remove(filepath.Join(dir, "data/shrinks/other")))
	w := openAt(t, dir, Options{})
	tree, content, err := w.Tree(t.Context(), "data")
	require.NoError(t, err)
	want, wanted, err := openAt(t, dir, Options{IndexDir: ".flow/none"}).Tree(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, want, tree)
	require.Equal(t, wanted, content)
	require.NoError(t, w.Flush())
	again, err := openAt(t, dir, Options{}).Digest(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, wanted, again)

	w = openAt(t, dir, Options{})
	changed, err := w.Checkout(t.Context(), "data", before)
	require.NoError(t, err)
	require.Equal(t, 3, changed)
	again, err = openAt(t, dir, Options{IndexDir: ".flow/none"}).Digest(t.Context(), "data")
	require.NoError(t, err)
	require.Equal(t, before, again)
}

func TestDigest_withinATick(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "data", "x")
	write(t, dir, "data/x", "0000")
	w := openAt(t, dir, Options{})
	before, err := os.Stat(at)
	require.NoError(t, err)
	for i := range 3000 {
		text := fmt.Sprintf("%04d", i)
		if i%3 == 0 {
			require.NoError(t, os.Remove(at))
		}
		require.NoError(t, os.WriteFile(at, []byte(text), 0o644))
		require.NoError(t, os.Chtimes(at, before.ModTime(), before.ModTime()))
		if i%2 == 0 {
			got, err := w.Digest(t.Context(), "data/x")
			require.NoError(t, err)
			require.Equal(t, digest.Sum([]byte(text)), got.ID)
			continue
		}
		tree, _, err := w.Tree(t.Context(), "data")
		require.NoError(t, err)
		require.Equal(t, digest.Sum([]byte(text)), tree[0].ID)
	}
}

func exampleIndex() []byte {
	writer := newIndexWriter("data")
	writer.folder(2)
	writer.add("a", record{stat: stat{kind: digest.File, size: 3, mtime: 5, ctime: 6, inode: 7}, id: digest.Sum([]byte("a")), trusted: true})
	writer.add("d", record{stat: stat{kind: digest.Dir, size: 1}})
	writer.folder(1)
	writer.add("l", record{stat: stat{kind: digest.Link}, id: digest.Sum([]byte("l"))})
	return writer.finish(digest.Content{ID: digest.Sum([]byte("x")), Mode: digest.Dir, Size: 4, Files: 2})
}

func TestIndex_readsWhatItWrote(t *testing.T) {
	x, ok := parseIndex(exampleIndex(), "data")
	require.True(t, ok)
	require.Equal(t, digest.Content{ID: digest.Sum([]byte("x")), Mode: digest.Dir, Size: 4, Files: 2}, x.content)
	first, end := x.folder(0)
	require.Equal(t, []int{0, 2}, []int{first, end})
	first, end = x.folder(1)
	require.Equal(t, []int{2, 3}, []int{first, end})
	require.Equal(t, "a", string(x.name(0)))
	require.Equal(t, record{stat: stat{kind: digest.File, size: 3, mtime: 5, ctime: 6, inode: 7}, id: digest.Sum([]byte("a")), trusted: true}, x.record(0))
	_, ok = parseIndex(exampleIndex(), "other")
	require.False(t, ok)
}

// Whatever byte is changed or missing, the index is not believed.
func TestIndex_damaged(t *testing.T) {
	whole := exampleIndex()
	for at := range whole {
		_, ok := parseIndex(whole[:at], "data")
		require.False(t, ok, "cut at %d", at)
		for _, change := range []byte{1, 0x80, 0xff, whole[at]} {
			raw := slices.Clone(whole)
			raw[at] ^= change
			if change == 0 {
				continue
			}
			_, ok = parseIndex(raw, "data")
			require.False(t, ok, "byte %d ^ %x", at, change)
		}
	}
	_, ok := parseIndex(append(slices.Clone(whole), 0), "data")
	require.False(t, ok)
	_, ok = parseIndex(make([]byte, len(whole)), "data")
	require.False(t, ok)
	old := []byte(strings.Replace(string(whole), "index v1", "index v0", 1))
	_, ok = parseIndex(resum(old), "data")
	require.False(t, ok)
}

func resum(raw []byte) []byte {
	body := raw[:len(raw)-sumSize]
	sum := digest.Sum(body)
	return append(slices.Clone(body), sum[:]...)
}

// FuzzIndex gives an index any body under a right sum: reading it must not go out of
// its bounds.
func FuzzIndex(f *testing.F) {
	whole := exampleIndex()
	f.Add(whole[:len(whole)-sumSize])
	f.Fuzz(func(t *testing.T, body []byte) {
		x, ok := parseIndex(resum(append(slices.Clone(body), make([]byte, sumSize)...)), "data")
		if !ok {
			return
		}
		for n := range x.dirs {
			first, end := x.folder(n)
			for i := first; i < end; i++ {
				x.name(i)
				x.record(i)
			}
			x.search(first, end, "m")
		}
	})
}

// What was not changed is not written either, and what is racy heals by itself.
func TestFlush_writesOnlyWhatChanged(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/x", "1")
	write(t, dir, "one", "1")
	digestBoth := func() {
		w := openAt(t, dir, Options{})
		for _, name := range []string{"data", "one"} {
			_, err := w.Digest(t.Context(), name)
			require.NoError(t, err)
		}
		require.NoError(t, w.Flush())
	}
	files := func() map[string]time.Time {
		entries, err := os.ReadDir(filepath.Join(dir, ".flow/index"))
		require.NoError(t, err)
		times := map[string]time.Time{}
		for _, entry := range entries {
			info, err := entry.Info()
			require.NoError(t, err)
			times[entry.Name()] = info.ModTime()
		}
		return times
	}
	require.Eventually(t, func() bool {
		digestBoth()
		before := files()
		digestBoth()
		after := files()
		require.Len(t, before, 2)
		return fmt.Sprint(before) == fmt.Sprint(after)
	}, 10*time.Second, 10*time.Millisecond)
}

func TestDigest_indexCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "data/x", "1")
	write(t, dir, ".flow/index", "a file where the folder should be")
	w := openAt(t, dir, Options{})
	for range 2 {
		got, err := w.Digest(t.Context(), "data/x")
		require.NoError(t, err)
		require.Equal(t, digest.Sum([]byte("1")), got.ID)
		_, err = w.Digest(t.Context(), "data")
		require.NoError(t, err)
	}
	require.Error(t, w.Flush())
}
