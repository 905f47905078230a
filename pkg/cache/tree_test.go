package cache_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

var (
	idA = digest.Sum([]byte("a"))
	idB = digest.Sum([]byte("b"))
)

func TestTree_encodingIsReadable(t *testing.T) {
	tree := cache.Tree{
		cache.FileEntry("bin/run me", digest.Exec, idB, 12),
		cache.FileEntry("data/a.csv", digest.File, idA, 1),
		cache.LinkEntry("latest one", "data/a.csv"),
		cache.DirEntry("logs"),
		cache.FileEntry("new\nline", digest.File, idA, 1),
	}
	require.NoError(t, tree.Validate())
	require.Equal(t, "flow tree v1\n"+
		"exec "+idB.Hex()+" 12 bin/run me\n"+
		"file "+idA.Hex()+" 1 data/a.csv\n"+
		"link \"latest one\" data/a.csv\n"+
		"dir logs\n"+
		"file "+idA.Hex()+" 1 \"new\\nline\"\n", string(tree.Encode()))
	require.Equal(t, digest.Content{ID: digest.Sum(tree.Encode()), Mode: digest.Dir, Size: 12 + 1 + 10 + 1, Files: 4}, tree.Content())
	require.Equal(t, []digest.ID{idB, idA, idA}, tree.IDs())
}

func TestTree_namesOfAnySystemRoundTrip(t *testing.T) {
	for _, name := range []string{
		"with space", " lead", "trail ", "-dash", `quo"te`, `"quoted"`, `back\slash`, "tab\tnew\nline\r\x01\x7f",
		"ünïcode", "日本語", "latin-1 \xe9", strings.Repeat("n", 255), strings.Repeat("deep/", 5000) + "file", "e\u0301", "\u2028",
	} {
		tree := cache.Tree{cache.FileEntry(name, digest.File, idA, 1)}
		require.NoError(t, tree.Validate(), "%q", name)
		decoded, err := cache.DecodeTree(tree.Encode())
		require.NoError(t, err, "%q", name)
		require.Equal(t, tree, decoded)

		link := cache.Tree{cache.LinkEntry(name, name)}
		decoded, err = cache.DecodeTree(link.Encode())
		require.NoError(t, err, "%q", name)
		require.Equal(t, link, decoded)
	}
}

func TestDecodeTree_refusesHostileTrees(t *testing.T) {
	file := func(paths ...string) string {
		text := "flow tree v1\n"
		for _, path := range paths {
			text += "file " + idA.Hex() + " 1 " + path + "\n"
		}
		return text
	}
	for name, text := range map[string]string{
		"parent":                file("../../../victim/x"),
		"parent inside":         file("a/../../x"),
		"git config":            file("../.git/config"),
		"git hook":              file(".git/hooks/post-checkout"),
		"git in capitals":       file("sub/.GIT/config"),
		"git by its old name":   file("git~1/config"),
		"git for HFS":           file(".g\u200cit/config"),
		"git for NTFS":          file(`".git /config"`),
		"flow config":           file(".flow/config"),
		"absolute":              file("/etc/passwd"),
		"empty":                 file(`""`),
		"nothing":               file(""),
		"dot":                   file("."),
		"dot inside":            file("a/./b"),
		"empty part":            file("a//b"),
		"trailing slash":        file("a/"),
		"NUL":                   file(`"a\x00b"`),
		"raw NUL":               file("a\x00b"),
		"too long":              file(strings.Repeat("n", 256)),
		"twice":                 file("a", "a"),
		"unsorted":              file("b", "a"),
		"file and folder":       file("a", "a/b"),
		"file and folder apart": file("a", "a!", "a-b", "a.c/d", "a/b"),
		"folder of its own":     "flow tree v1\ndir a\n" + strings.TrimPrefix(file("a/b"), "flow tree v1\n"),
		"below a link":          "flow tree v1\nlink a /outside\n" + strings.TrimPrefix(file("a/b"), "flow tree v1\n"),
		"digest with a path":    "flow tree v1\nfile ../../../etc/passwd 1 a\n",
		"short digest":          "flow tree v1\nfile " + idA.Hex()[1:] + " 1 a\n",
		"digest in capitals":    "flow tree v1\nfile " + strings.ToUpper(idA.Hex()) + " 1 a\n",
		"zero digest":           "flow tree v1\nfile " + strings.Repeat("0", 64) + " 1 a\n",
		"negative size":         "flow tree v1\nfile " + idA.Hex() + " -1 a\n",
		"size with a zero":      "flow tree v1\nfile " + idA.Hex() + " 01 a\n",
		"size with a plus":      "flow tree v1\nfile " + idA.Hex() + " +1 a\n",
		"huge size":             "flow tree v1\nfile " + idA.Hex() + " 9223372036854775808 a\n",
		"sizes that overflow":   "flow tree v1\nfile " + idA.Hex() + " 9223372036854775807 a\nfile " + idA.Hex() + " 1 b\n",
		"no size":               "flow tree v1\nfile " + idA.Hex() + " a\n",
		"unknown mode":          "flow tree v1\nfifo a\n",
		"none":                  "flow tree v1\nnone a\n",
		"link without target":   "flow tree v1\nlink a\n",
		"link to nothing":       "flow tree v1\nlink a \"\"\n",
		"link with NUL":         "flow tree v1\nlink a \"b\\x00c\"\n",
		"link with long text":   "flow tree v1\nlink a " + strings.Repeat("x", 40_000) + "\n",
		"needless quotes":       file(`"a"`),
		"other escape":          file(`"a\x0ab"`),
		"unknown escape":        file(`"a\qb"`),
		"open quote":            file(`"a`),
		"quote that escapes":    file(`"a\"`),
		"text after a quote":    file(`"a\nb"c`),
		"carriage return":       file("a\r"),
		"space at the end":      file("a "),
		"not UTF-8":             file("a\xff"),
		"no newline":            strings.TrimSuffix(file("a"), "\n"),
		"empty line":            file("a") + "\n",
		"no header":             strings.TrimPrefix(file("a"), "flow tree v1\n"),
		"later format":          "flow tree v2\n",
		"empty text":            "",
		"JSON":                  `[{"md5": "x", "relpath": "../x"}]`,
	} {
		_, err := cache.DecodeTree([]byte(text))
		var bad *cache.TreeError
		require.ErrorAs(t, err, &bad, name)
		require.Positive(t, bad.Line, name)
	}
}

func TestTree_validateRefusesWhatCantBeEncoded(t *testing.T) {
	for name, entry := range map[string]cache.TreeEntry{
		"no mode":          {Path: "a"},
		"file no digest":   {Path: "a", Mode: digest.File},
		"file with target": {Path: "a", Mode: digest.File, ID: idA, Target: "b"},
		"link no target":   {Path: "a", Mode: digest.Link},
		"link wrong id":    {Path: "a", Mode: digest.Link, ID: idA, Size: 1, Target: "b"},
		"dir with id":      {Path: "a", Mode: digest.Dir, ID: idA},
		"odd mode":         {Path: "a", Mode: 'q', ID: idA},
		"bad path":         cache.DirEntry("../a"),
	} {
		var bad *cache.TreeError
		require.ErrorAs(t, cache.Tree{entry}.Validate(), &bad, name)
	}
}

func TestTreeError_namesWhatIsWrong(t *testing.T) {
	_, err := cache.DecodeTree([]byte("flow tree v1\ndir a\ndir ../b\n"))
	require.EqualError(t, err, `tree is not valid: line 3: path "../b": name "../b" has a part ".."`)
	var name *disk.NameError
	require.True(t, errors.As(err, &name))
}

// drawTree draws a valid tree. Few letters make names that are near each other.
func drawTree(t *rapid.T, label string) cache.Tree {
	part := rapid.StringMatching(`[ab.!" \\é\n]{1,3}`)
	paths := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), "/")
	}), 0, 12).Draw(t, label)
	slices.Sort(paths)
	var tree cache.Tree
	for _, path := range paths {
		content := rapid.SliceOfN(rapid.Byte(), 1, 2).Draw(t, "content")
		entries := []cache.TreeEntry{
			cache.FileEntry(path, digest.File, digest.Sum(content), int64(len(content))),
			cache.FileEntry(path, digest.Exec, digest.Sum(content), int64(len(content))),
			cache.LinkEntry(path, strings.ReplaceAll(string(content), "\x00", "0")),
			cache.DirEntry(path),
		}
		grown := append(slices.Clip(tree), entries[rapid.IntRange(0, 3).Draw(t, "kind")])
		if grown.Validate() == nil {
			tree = grown
		}
	}
	return tree
}

func TestTree_roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(t, "tree")
		decoded, err := cache.DecodeTree(tree.Encode())
		require.NoError(t, err)
		require.Empty(t, cache.DiffTrees(tree, decoded))
		require.Equal(t, tree.Content(), decoded.Content())
	})
}

func TestTree_validateFindsEveryClash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paths := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab!.]{1,2}[x](/[ab!.]{1,2}[x]){0,2}`), 0, 10, rapid.ID).Draw(t, "paths")
		slices.Sort(paths)
		var tree cache.Tree
		clash := false
		for _, path := range paths {
			tree = append(tree, cache.DirEntry(path))
			for _, other := range paths {
				clash = clash || strings.HasPrefix(path, other+"/")
			}
		}
		require.Equal(t, clash, tree.Validate() != nil)
	})
}

func TestDiffTrees_appliedGivesTheNewOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, now := drawTree(t, "old"), drawTree(t, "new")
		byPath := map[string]cache.TreeEntry{}
		for _, entry := range old {
			byPath[entry.Path] = entry
		}
		last := ""
		for _, change := range cache.DiffTrees(old, now) {
			require.Less(t, last, change.Path)
			last = change.Path
			require.NotEqual(t, change.Old, change.New)
			require.Equal(t, byPath[change.Path], change.Old)
			require.False(t, change.Added() && change.Removed())
			if change.Removed() {
				delete(byPath, change.Path)
			} else {
				byPath[change.Path] = change.New
			}
		}
		require.Len(t, byPath, len(now))
		for _, entry := range now {
			require.Equal(t, entry, byPath[entry.Path])
		}
	})
}

func FuzzDecodeTree(f *testing.F) {
	f.Add([]byte("flow tree v1\n"))
	f.Add([]byte("flow tree v1\nfile " + idA.Hex() + " 1 a b\nlink \"l\\n\" a\ndir z\n"))
	f.Add([]byte("flow tree v1\nexec " + idB.Hex() + " 120 \"\\xff\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := cache.DecodeTree(text)
		if err != nil {
			return
		}
		require.NoError(t, tree.Validate())
		require.True(t, bytes.Equal(text, tree.Encode()), "decoded, it is written as %q", tree.Encode())
	})
}

func BenchmarkDecodeTree(b *testing.B) {
	text := bigTree(20_000).Encode()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := cache.DecodeTree(text); err != nil {
			b.Fatal(err)
		}
	}
}
