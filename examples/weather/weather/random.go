package weather

import (
	"math/bits"
	"math/rand/v2"
)

// Random draws numbers that look random, and are the same for the same seed.
type Random struct {
	source *rand.PCG
}

// NewRandom returns a generator. Two purposes with the same seed don't share a
// sequence, so that more of one doesn't change the other.
func NewRandom(seed uint64, purpose uint64) *Random {
	return &Random{rand.NewPCG(seed, purpose)}
}

// Share draws a number from 0 up to, and without, 1.
func (r *Random) Share() float64 {
	return float64(r.source.Uint64()>>11) / (1 << 53)
}

// Below draws a whole number from 0 up to, and without, n.
func (r *Random) Below(n int) int {
	high, _ := bits.Mul64(r.source.Uint64(), uint64(n))
	return int(high)
}

// Normal draws from a bell curve of mean 0 and deviation 1. Twelve shares add up to
// one near enough, without a logarithm; nothing is further out than 6.
func (r *Random) Normal() float64 {
	sum := -6.0
	for range 12 {
		sum += r.Share()
	}
	return sum
}

// Shuffle brings a list into any order.
func Shuffle[T any](r *Random, list []T) {
	for i := len(list) - 1; i > 0; i-- {
		j := r.Below(i + 1)
		list[i], list[j] = list[j], list[i]
	}
}
