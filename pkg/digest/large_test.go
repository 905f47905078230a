package digest_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
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
