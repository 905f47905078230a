package tracking

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// world is directories of files, whose trees are known.
type world struct {
	side  Side
	files map[string]digest.Content
}

func draw(t *rapid.T, label string) world {
	trees := map[digest.ID]cache.Tree{}
	w := world{files: map[string]digest.Content{}}
	w.side = Side{Contents: map[string]digest.Content{}, Tree: func(_ context.Context, _ string, c digest.Content) (cache.Tree, bool, error) {
		tree, found := trees[c.ID]
		return tree, found, nil
	}}
	for _, path := range []string{"a", "b", "dir", "other"} {
		text := rapid.SampledFrom([]string{"", "x", "y", "tree"}).Draw(t, label+path)
		content := fileOf(text)
		if text == "tree" {
			var tree cache.Tree
			for i := range 3 {
				if inside := rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, fmt.Sprint(label, path, i)); inside != "" {
					f := fileOf(inside)
					tree = append(tree, cache.FileEntry(fmt.Sprint("f", i), f.Mode, f.ID, f.Size))
					w.files[fmt.Sprintf("%s/f%d", path, i)] = f
				}
			}
			content = tree.Content()
			trees[content.ID] = tree
			if len(tree) == 0 {
				w.files[path] = content
			}
		} else if text != "" {
			w.files[path] = content
		}
		if text != "" {
			w.side.Contents[path] = content
		}
	}
	return w
}

func fileOf(text string) digest.Content {
	return digest.Content{ID: digest.Sum([]byte(text)), Mode: digest.File, Size: int64(len(text))}
}

// TestCompare_appliesTo: doing what the changes say to the old files gives the new ones.
func TestCompare_appliesTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		was, is := draw(t, "was"), draw(t, "is")
		result, err := Compare(context.Background(), was.side, is.side, true)
		require.NoError(t, err)
		require.Empty(t, result.Unknown)
		files := maps.Clone(was.files)
		for _, c := range result.Changes {
			if c.Kind == Renamed && c.Is.Mode == digest.Dir {
				for path, content := range was.files {
					if below(path, c.From) {
						delete(files, path)
						files[c.Path+path[len(c.From):]] = content
					}
				}
			}
		}
		for _, c := range result.Changes {
			switch {
			case c.Kind == Deleted:
				delete(files, c.Path)
			case c.Kind == Renamed && c.Is.Mode != digest.Dir:
				delete(files, c.From)
			}
		}
		for _, c := range result.Changes {
			if c.Is.Exists() && (c.Kind != Renamed || c.Is.Mode != digest.Dir) {
				files[c.Path] = c.Is
			}
		}
		require.Equal(t, is.files, files)
	})
}

func TestCompare_unknownTree(t *testing.T) {
	dir := digest.Content{ID: digest.Sum([]byte("lost")), Mode: digest.Dir, Size: 3, Files: 1}
	lost := func(context.Context, string, digest.Content) (cache.Tree, bool, error) { return nil, false, nil }
	was := Side{Contents: map[string]digest.Content{"d": dir}, Tree: lost}
	is := Side{Contents: map[string]digest.Content{"d": fileOf("x")}, Tree: lost}
	result, err := Compare(context.Background(), was, is, true)
	require.NoError(t, err)
	require.Equal(t, []string{"d"}, result.Unknown)
	require.True(t, slices.ContainsFunc(result.Changes, func(c Change) bool { return c.Path == "d" && c.Kind == Modified }))
}
