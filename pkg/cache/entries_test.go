package cache

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/disk"
)

// numbered is a tree of files, of which some hold the same.
func numbered(files, contents int) Tree {
	tree := make(Tree, files)
	for i := range tree {
		id := digest.Sum(fmt.Append(nil, i%contents))
		tree[i] = FileEntry(fmt.Sprintf("d%03d/f%04d", i/1000, i%1000), digest.File, id, int64(i))
	}
	return append(tree, LinkEntry("l", "d000/f0000"), DirEntry("nothing"))
}

func withTree(t testing.TB, text []byte) (*Cache, digest.ID) {
	root, err := disk.OpenRoot(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	c, err := Open(root, Options{})
	require.NoError(t, err)
	id := digest.Sum(text)
	require.NoError(t, c.Objects().Put(context.Background(), id, bytes.NewReader(text)))
	return c, id
}

func TestEachShelves(t *testing.T) {
	tree := numbered(5000, 3000)
	c, id := withTree(t, tree.Encode())
	want := sorted(tree.IDs())
	for _, most := range []int{1, 2, 100, 3000, 3001, manyNames} {
		var got []digest.ID
		calls := 0
		require.NoError(t, c.eachShelves(context.Background(), id, most, func(ids []digest.ID) error {
			calls++
			got = append(got, ids...)
			return nil
		}))
		require.Equal(t, want, got)
		require.LessOrEqual(t, calls, 256)
		require.Equal(t, most > 5000, calls == 1, "%d", most)
	}
}

func TestEachShelves_oneContent(t *testing.T) {
	c, id := withTree(t, numbered(5000, 1).Encode())
	calls := 0
	require.NoError(t, c.eachShelves(context.Background(), id, 100, func(ids []digest.ID) error {
		calls++
		require.Len(t, ids, 1)
		return nil
	}))
	require.Equal(t, 1, calls)
}

func TestTreeText_inPieces(t *testing.T) {
	tree := numbered(2500, 2500)
	text := tree.Encode()
	for _, size := range []int{1, 7, 13, 14, 100, 4096, len(text)} {
		var got Tree
		decoder := &treeText{do: func(e TreeEntry) error {
			got = append(got, e)
			return nil
		}}
		for piece := range slices.Chunk(text, size) {
			_, err := decoder.Write(slices.Clone(piece))
			require.NoError(t, err)
		}
		require.NoError(t, decoder.end())
		require.Equal(t, tree, got)
	}
}

func TestTreeText_errorsInPieces(t *testing.T) {
	good := string(numbered(3, 3).Encode())
	for _, text := range []string{"", "flow tree v2\n", "flow tree v1", "flow tree v11111111", good + "dir a", good + "dir a\n", good + "what\n", good + "\n"} {
		_, want := DecodeTree([]byte(text))
		require.Error(t, want, "%q", text)
		for size := 1; size < len(text); size++ {
			decoder := &treeText{do: func(TreeEntry) error { return nil }}
			var err error
			for piece := range slices.Chunk([]byte(text), size) {
				if _, err = decoder.Write(piece); err != nil {
					break
				}
			}
			if err == nil {
				err = decoder.end()
			}
			require.Equal(t, want, err, "%q in pieces of %d", text, size)
		}
	}
}

func TestEntries_stopsEarly(t *testing.T) {
	c, id := withTree(t, numbered(10, 10).Encode())
	n := 0
	for _, err := range c.Entries(context.Background(), id) {
		require.NoError(t, err)
		if n++; n == 3 {
			break
		}
	}
	require.Equal(t, 3, n)
}
