package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
)

// BenchmarkBatch_small adds 20,000 files of 100 bytes and commits them.
func BenchmarkBatch_small(b *testing.B) {
	const count = 20_000
	dir := b.TempDir()
	for i := range count {
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), fmt.Appendf(nil, "%0100d", i), 0o644))
	}
	add := func(b *testing.B) {
		files := newFiles(b)
		for b.Loop() {
			batch := files.Begin()
			for i := range count {
				source, err := os.Open(filepath.Join(dir, fmt.Sprint(i)))
				require.NoError(b, err)
				_, _, err = batch.Add(b.Context(), source)
				require.NoError(b, err)
				source.Close()
			}
			require.NoError(b, batch.Commit(b.Context()))
			if b.Name() == "BenchmarkBatch_small/new" {
				b.StopTimer()
				require.NoError(b, files.Root().RemoveAll("cache"))
				b.StartTimer()
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/count, "µs/file")
	}
	b.Run("new", add)
	b.Run("stored", add)
}

// BenchmarkBatch_large adds one file of 256 MiB.
func BenchmarkBatch_large(b *testing.B) {
	content := make([]byte, 256<<20)
	random := rand.NewChaCha8([32]byte{})
	random.Read(content)
	source := file(b, content)
	id := digest.Sum(content)
	files := newFiles(b)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		batch := files.Begin()
		_, _, err := batch.Add(b.Context(), source)
		require.NoError(b, err)
		batch.Abort()
	}
	require.False(b, files.Root().Exists(files.Name(id)))
}
