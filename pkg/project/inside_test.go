package project

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/cache"
	"flow/pkg/digest"
)

// drawTree returns a valid tree: each entry put into it as a path is added to a directory.
func drawTree(t *rapid.T, label string) cache.Tree {
	var tree cache.Tree
	for range rapid.IntRange(0, 6).Draw(t, label) {
		name := rapid.SampledFrom([]string{"a", "a-b", "a/b", "a/b/c", "ab", "b", "b/a", "b/é x"}).Draw(t, "name")
		tree = replacePart(tree, name, cache.Tree{drawEntry(t, name)})
	}
	return tree
}

func drawEntry(t *rapid.T, name string) cache.TreeEntry {
	text := rapid.SampledFrom([]string{"1", "22"}).Draw(t, "text")
	switch rapid.IntRange(0, 3).Draw(t, "mode") {
	case 0:
		return cache.DirEntry(name)
	case 1:
		return cache.LinkEntry(name, text)
	case 2:
		return cache.FileEntry(name, digest.Exec, digest.Sum([]byte(text)), int64(len(text)))
	}
	return cache.FileEntry(name, digest.File, digest.Sum([]byte(text)), int64(len(text)))
}

// TestReplacePart_touchesNothingElse: the tree stays one that a directory can have, holds
// what was put into it, and all else but what stood in the way.
func TestReplacePart_touchesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		was := drawTree(t, "was")
		require.NoError(t, was.Validate())
		name := rapid.SampledFrom([]string{"a", "a/b", "b", "new", "ab/x"}).Draw(t, "put")
		part := cache.Tree{drawEntry(t, name)}
		if rapid.Bool().Draw(t, "folder") {
			part = nil
			for _, entry := range drawTree(t, "part") {
				entry.Path = name + "/" + entry.Path
				part = append(part, entry)
			}
		}
		is := replacePart(was, name, part)
		require.NoError(t, is.Validate())
		for _, entry := range part {
			require.Contains(t, is, entry)
		}
		for _, entry := range was {
			inTheWay := entry.Path == name || strings.HasPrefix(entry.Path, name+"/") || strings.HasPrefix(name, entry.Path+"/")
			if !inTheWay {
				require.Contains(t, is, entry)
			}
		}
	})
}
