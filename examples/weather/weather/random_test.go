package weather

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRandom_sameSeedSameNumbers(t *testing.T) {
	one, same, other := NewRandom(42, 1), NewRandom(42, 1), NewRandom(42, 2)
	first := one.Share()
	require.Equal(t, first, same.Share())
	require.NotEqual(t, first, other.Share())
	// Known numbers: they must be these on every machine and with every release of Go.
	known := NewRandom(1, 2)
	require.Equal(t, []int{769, 616, 784, 796}, []int{known.Below(1000), known.Below(1000), known.Below(1000), known.Below(1000)})
}

func TestRandom_distribution(t *testing.T) {
	random := NewRandom(42, 1)
	var normal, share []float64
	for range 20000 {
		normal, share = append(normal, random.Normal()), append(share, random.Share())
	}
	mean, deviation := MeanAndDeviation(normal)
	require.InDelta(t, 0, mean, 0.02)
	require.InDelta(t, 1, deviation, 0.02)
	mean, _ = MeanAndDeviation(share)
	require.InDelta(t, 0.5, mean, 0.01)
	require.GreaterOrEqual(t, slices.Min(share), 0.0)
	require.Less(t, slices.Max(share), 1.0)
}

func TestShuffle(t *testing.T) {
	list := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	shuffled := slices.Clone(list)
	Shuffle(NewRandom(42, 1), shuffled)
	require.ElementsMatch(t, list, shuffled)
	require.NotEqual(t, list, shuffled)
}
