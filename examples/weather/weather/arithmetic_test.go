package weather

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExp(t *testing.T) {
	for x := -690.0; x <= 709; x += 0.0731 {
		require.InEpsilon(t, math.Exp(x), Exp(x), 1e-12, "x = %v", x)
	}
	for x := -1.0; x <= 1; x += 0.00097 {
		require.InEpsilon(t, math.Exp(x), Exp(x), 1e-15, "x = %v", x)
	}
	require.Equal(t, 1.0, Exp(0))
	require.Equal(t, 0.0, Exp(-1000))
	require.Equal(t, 0.0, Exp(math.Inf(-1)))
	require.True(t, math.IsInf(Exp(1000), 1))
	require.True(t, math.IsNaN(Exp(math.NaN())))
}

func TestLog(t *testing.T) {
	for exponent := -300.0; exponent <= 300; exponent += 0.0731 {
		x := math.Pow(10, exponent)
		require.InDelta(t, math.Log(x), Log(x), 1e-12*max(1, math.Abs(math.Log(x))), "x = %v", x)
	}
	for x := 0.5; x <= 2; x += 0.00097 {
		require.InDelta(t, math.Log(x), Log(x), 1e-15, "x = %v", x)
	}
	require.Equal(t, 0.0, Log(1))
	for _, x := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		require.True(t, math.IsNaN(Log(x)), "x = %v", x)
	}
}

func TestMeanAndDeviation(t *testing.T) {
	mean, deviation := MeanAndDeviation([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	require.InDelta(t, 5, mean, 1e-15)
	require.InDelta(t, 2, deviation, 1e-15)
}

func TestQuantile(t *testing.T) {
	sorted := []float64{10, 20, 30, 40}
	require.Equal(t, 10.0, Quantile(sorted, 0))
	require.Equal(t, 25.0, Quantile(sorted, 0.5))
	require.Equal(t, 32.5, Quantile(sorted, 0.75))
	require.Equal(t, 40.0, Quantile(sorted, 1))
	require.Equal(t, 7.0, Quantile([]float64{7}, 0.5))
}

func TestFormat(t *testing.T) {
	require.Equal(t, "0.125", Format(0.125, 3))
	require.Equal(t, "-12.3", Format(-12.34, 1))
	require.Equal(t, "0.0", Format(-0.04, 1))
	require.Equal(t, "-0.1", Format(-0.06, 1))

	text, err := json.Marshal([]Fixed{1, -2e-9, 0.1234567})
	require.NoError(t, err)
	require.Equal(t, "[1.000000,0.000000,0.123457]", string(text))
}
