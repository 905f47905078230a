package weather

import (
	"math"
	"strconv"
	"strings"
)

// Exp returns e to the power of x, within some units in the last place of math.Exp.
func Exp(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x > 709.7: // beyond it a power of two overflows
		return math.Inf(1)
	case x < -700:
		return 0
	}
	// x = k·ln 2 + r, with r so small that a short series is exact enough. ln 2 is in two
	// parts, the first short enough that k times it is exact.
	const (
		ln2High = 6.93147180369123816490e-01
		ln2Low  = 1.90821492927058770002e-10
	)
	k := math.Floor(float64(x/math.Ln2) + 0.5)
	r := float64(x-float64(k*ln2High)) - float64(k*ln2Low)
	sum := 1.0
	for n := 14; n >= 1; n-- { // 1 + r/1·(1 + r/2·(1 + r/3·(…)))
		sum = 1 + float64(float64(r/float64(n))*sum)
	}
	return math.Ldexp(sum, int(k))
}

// Log returns the natural logarithm of a finite x above 0, within some units in the
// last place of math.Log, and NaN for any other x.
func Log(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) {
		return math.NaN()
	}
	fraction, exponent := math.Frexp(x)
	if fraction < math.Sqrt2/2 {
		fraction, exponent = fraction*2, exponent-1
	}
	// ln f = 2·artanh s = 2·(s + s³/3 + s⁵/5 + …), for s = (f-1)/(f+1)
	s := (fraction - 1) / (fraction + 1)
	square := float64(s * s)
	sum := 0.0
	for n := 25; n >= 1; n -= 2 {
		sum = float64(sum*square) + 1/float64(n)
	}
	return float64(float64(2*s)*sum) + float64(float64(exponent)*math.Ln2)
}

// Dot returns the sum of the products of two lists of the same length.
func Dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i] * b[i])
	}
	return sum
}

// MeanAndDeviation returns the mean and the standard deviation of at least one number.
func MeanAndDeviation(numbers []float64) (mean, deviation float64) {
	n := float64(len(numbers))
	for _, number := range numbers {
		mean += number / n
	}
	for _, number := range numbers {
		deviation += float64((number-mean)*(number-mean)) / n
	}
	return mean, math.Sqrt(deviation) // a square root is exact everywhere
}

// Quantile returns the number below which a share of the sorted numbers lies, and
// between two of them draws a straight line.
func Quantile(sorted []float64, share float64) float64 {
	place := float64(share * float64(len(sorted)-1))
	below := int(place)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + float64((place-float64(below))*(sorted[above]-sorted[below]))
}

// Format writes a number with a fixed count of decimals, and no zero with a sign.
func Format(x float64, decimals int) string {
	text := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return text
}

// Fixed is a number that JSON shows with six decimals.
type Fixed float64

// MarshalJSON returns the number in digits.
func (f Fixed) MarshalJSON() ([]byte, error) {
	return []byte(Format(float64(f), 6)), nil
}
