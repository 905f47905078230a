package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

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

func BenchmarkSave(b *testing.B) {
	content := make([]byte, 2048)
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		for i := range 1000 {
			copy(content, fmt.Sprint(i, time.Now()))
			write(b, dir, fmt.Sprintf("data/%d/%d", i/100, i), string(content))
		}
		w := openAt(b, dir, Options{})
		b.StartTimer()
		_, err := w.Save(b.Context(), "data", SaveOptions{})
		require.NoError(b, err)
	}
}

func BenchmarkCheckout(b *testing.B) {
	dir := b.TempDir()
	manyFiles(b, filepath.Join(dir, "data"), 10_000)
	w := openAt(b, dir, Options{})
	content, err := w.Save(b.Context(), "data", SaveOptions{})
	require.NoError(b, err)
	for b.Loop() {
		b.StopTimer()
		require.NoError(b, os.RemoveAll(filepath.Join(dir, "data")))
		b.StartTimer()
		_, err := w.Checkout(b.Context(), "data", content)
		require.NoError(b, err)
	}
}
