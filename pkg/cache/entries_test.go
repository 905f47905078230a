package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
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

// manyLines is the text of a tree of so many files, never whole in memory.
type manyLines struct {
	files, next int
	text        []byte
}

func (m *manyLines) Read(p []byte) (int, error) {
	for len(m.text) < len(p) && m.next <= m.files {
		if m.next == 0 {
			m.text = append(m.text, treeHeader...)
		} else {
			id := digest.ID{byte(m.next * 37), byte(m.next), byte(m.next >> 8), byte(m.next >> 16), byte(m.next >> 24), 1}
			e := FileEntry(fmt.Sprintf("d%05d/f%08d", m.next/1000, m.next), digest.File, id, 16)
			m.text = append(e.append(m.text), '\n')
		}
		m.next++
	}
	if len(m.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.text)
	m.text = append(m.text[:0], m.text[n:]...)
	return n, nil
}

// BenchmarkEntries goes through trees of which the largest has ten million entries, with
// FLOW_BENCH_LARGE set, and tells the most memory that was in use meanwhile.
func BenchmarkEntries(b *testing.B) {
	for _, files := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		if files > 1_000_000 && os.Getenv("FLOW_BENCH_LARGE") == "" {
			continue
		}
		c, _ := withTree(b, nil)
		hasher := digest.New()
		size, err := io.Copy(hasher, &manyLines{files: files})
		require.NoError(b, err)
		id := hasher.Sum()
		require.NoError(b, c.Objects().Put(context.Background(), id, &manyLines{files: files}))
		pass := map[string]func(see func()) error{
			"entries": func(see func()) error {
				for _, err := range c.Entries(context.Background(), id) {
					see()
					if err != nil {
						return err
					}
				}
				return nil
			},
			"shelves": func(see func()) error {
				return c.eachShelves(context.Background(), id, manyNames, func(ids []digest.ID) error {
					for range ids {
						see()
					}
					return nil
				})
			},
		}
		for _, name := range slices.Sorted(maps.Keys(pass)) {
			b.Run(fmt.Sprintf("%s/%d", name, files), func(b *testing.B) {
				b.SetBytes(size)
				var most uint64
				for b.Loop() {
					n := 0
					require.NoError(b, pass[name](func() {
						if n++; n&0x3fff == 0 {
							var now runtime.MemStats
							runtime.ReadMemStats(&now)
							most = max(most, now.HeapAlloc)
						}
					}))
					require.Equal(b, files, n)
				}
				b.ReportMetric(float64(most)/(1<<20), "peak-MB")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(files), "ns/entry")
			})
		}
	}
}

func BenchmarkTreeContent(b *testing.B) {
	tree := numbered(100_000, 100_000)
	for b.Loop() {
		tree.Content()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(tree)), "ns/entry")
}
