package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
	"flow/pkg/store"
)

// BenchmarkBatch_small adds 20,000 files of 100 bytes and commits them.
func BenchmarkBatch_small(b *testing.B) {
	const count = 20_000
	dir := b.TempDir()
	for i := range count {
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), fmt.Appendf(nil, "%0100d", i), 0o644))
	}
	add := func(b *testing.B, files *store.Files) {
		batch := files.Begin()
		for i := range count {
			source, err := os.Open(filepath.Join(dir, fmt.Sprint(i)))
			require.NoError(b, err)
			_, _, err = batch.Add(b.Context(), source)
			require.NoError(b, err)
			source.Close()
		}
		require.NoError(b, batch.Commit(b.Context()))
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			add(b, newFiles(b))
		}
	})
	b.Run("stored", func(b *testing.B) {
		files := newFiles(b)
		add(b, files)
		for b.Loop() {
			add(b, files)
		}
	})
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
