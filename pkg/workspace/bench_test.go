package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// manyFiles makes files in folders of a hundred.
func manyFiles(b testing.TB, dir string, files int) {
	content := make([]byte, 2048)
	for i := range files {
		folder := filepath.Join(dir, fmt.Sprintf("d%04d", i/100))
		if i%100 == 0 {
			require.NoError(b, os.MkdirAll(folder, 0o755))
		}
		copy(content, fmt.Sprint(i))
		require.NoError(b, os.WriteFile(filepath.Join(folder, fmt.Sprintf("file%05d", i)), content, 0o644))
	}
}

func BenchmarkDigest_unchanged(b *testing.B) {
	for _, files := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			dir := b.TempDir()
			manyFiles(b, filepath.Join(dir, "data"), files)
			first := openAt(b, dir, Options{})
			want, err := first.Digest(b.Context(), "data")
			require.NoError(b, err)
			require.NoError(b, first.Flush())
			for b.Loop() {
				got, err := openAt(b, dir, Options{}).Digest(b.Context(), "data")
				require.NoError(b, err)
				require.Equal(b, want, got)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(files), "ns/file")
		})
	}
}

// BenchmarkLstat is what the one above is measured against.
func BenchmarkLstat(b *testing.B) {
	dir := b.TempDir()
	manyFiles(b, dir, 10_000)
	var paths []string
	require.NoError(b, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	}))
	for b.Loop() {
		for _, path := range paths {
			if _, err := os.Lstat(path); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/file")
}

func BenchmarkDigest_cold(b *testing.B) {
	dir := b.TempDir()
	manyFiles(b, filepath.Join(dir, "data"), 10_000)
	for b.Loop() {
		_, err := openAt(b, dir, Options{}).Digest(b.Context(), "data")
		require.NoError(b, err)
	}
}
