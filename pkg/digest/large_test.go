package digest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
)

func bytesOf(size int) []byte {
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content)
	return content
}

func TestSumLarge_isWhatSumIs(t *testing.T) {
	const k, m = 1 << 10, 1 << 20
	content := bytesOf(9*m + 12345)
	for _, size := range []int{0, 1, k - 1, k, k + 1, 15 * k, 16*k - 1, 16 * k, 16*k + 1, 17 * k, 32 * k, 33*k + 7, 48 * k,
		m - 1, m, m + 1, m + k, 2*m - 1, 2 * m, 2*m + 1, 3 * m, 3*m + 16*k, 4*m - 5, 4 * m, 4*m + 1, 5*m + 17*k, 7 * m, 8 * m, len(content)} {
		got, err := digest.SumLarge(context.Background(), bytes.NewReader(content), int64(size))
		require.NoError(t, err)
		require.Equal(t, digest.Sum(content[:size]), got, "%d bytes", size)
	}
}

// TestCopyLarge_isWhatWasRead: the copy is what was read, and what was hashed.
func TestCopyLarge_isWhatWasRead(t *testing.T) {
	content := bytesOf(9<<20 + 12345)
	for _, size := range []int{0, 1, 1 << 20, 1<<20 + 1, 5 << 20, len(content)} {
		name := filepath.Join(t.TempDir(), "copy")
		to, err := os.Create(name)
		require.NoError(t, err)
		got, err := digest.CopyLarge(context.Background(), to, bytes.NewReader(content), int64(size))
		require.NoError(t, err)
		require.NoError(t, to.Close())
		copied, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content[:size], copied), "%d bytes", size)
		require.Equal(t, digest.Sum(copied), got, "%d bytes", size)
	}
	full := fullAt{3 << 20}
	_, err := digest.CopyLarge(context.Background(), full, bytes.NewReader(content), int64(len(content)))
	require.ErrorIs(t, err, errFull)
}

// fullAt is a file that has no room from some place on.
type fullAt struct{ size int64 }

var errFull = errors.New("full")

func (f fullAt) WriteAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > f.size {
		return 0, errFull
	}
	return len(p), nil
}

func TestSumLarge_aFileThatEndsEarly(t *testing.T) {
	_, err := digest.SumLarge(context.Background(), bytes.NewReader(make([]byte, 5<<20)), 6<<20)
	require.ErrorIs(t, err, digest.ErrCut)
}

func TestSumLarge_stops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := digest.SumLarge(ctx, bytes.NewReader(make([]byte, 5<<20)), 5<<20)
	require.ErrorIs(t, err, context.Canceled)
}

// FuzzSumLarge holds it against the hasher that takes bytes one after the other.
func FuzzSumLarge(f *testing.F) {
	f.Add(uint32(3<<20+5), byte(1))
	f.Add(uint32(16<<10), byte(0))
	content := bytesOf(4 << 20)
	f.Fuzz(func(t *testing.T, size uint32, flip byte) {
		part := bytes.Clone(content[:int(size)%len(content)])
		if len(part) > 0 {
			part[len(part)-1] ^= flip
		}
		got, err := digest.SumLarge(context.Background(), bytes.NewReader(part), int64(len(part)))
		require.NoError(t, err)
		require.Equal(t, digest.Sum(part), got)
	})
}

func BenchmarkSumLarge(b *testing.B) {
	content := bytesOf(64 << 20)
	for name, sum := range map[string]func(){
		"tree":   func() { _, _ = digest.SumLarge(context.Background(), bytes.NewReader(content), int64(len(content))) },
		"stream": func() { digest.Sum(content) },
	} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				sum()
			}
		})
	}
}
