package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/examples/weather/weather"
)

func day(date string, precipitation, high, low, wind float64) weather.Day {
	return weather.Day{Date: date, Readings: [4]float64{precipitation, high, low, wind}}
}

func TestDropDuplicates(t *testing.T) {
	one, two := day("2012-01-01", 1, 1, 1, 1), day("2012-01-02", 1, 1, 1, 1)
	require.Equal(t, []weather.Day{one, two}, dropDuplicates([]weather.Day{one, one, two, one}))
}

func TestRepair(t *testing.T) {
	nan := math.NaN()
	repair := fitRepair([]weather.Day{
		day("2012-01-01", 0, 10, 0, 1),
		day("2012-01-02", 1, 12, 0, 2),
		day("2012-01-03", 2, 14, 0, 3),
		day("2012-01-04", 3, nan, 0, 4),
		day("2012-07-01", 4, 16, 0, 5),
		day("2012-07-02", 5, 18, 0, 900),
	}, 1)
	// Highs of 10 … 18: quartiles 12 and 16. Wet days of 1 … 5 mm: quartiles 2 and 4.
	require.Equal(t, []float64{8, 20}, []float64{repair.low[weather.TempMax], repair.high[weather.TempMax]})
	require.Equal(t, []float64{0, 6}, []float64{repair.low[weather.Precipitation], repair.high[weather.Precipitation]})

	mended := repair.mend(day("2012-07-09", nan, nan, 0, 900))
	require.Equal(t, [4]float64{4.5, 17, 0, 7.25}, mended.Readings) // wind: quartiles 2.25 and 4.75
	require.Equal(t, 12.0, repair.mend(day("2012-01-09", 0, nan, 0, 1)).Readings[weather.TempMax])
	require.Equal(t, 13.0, math.Floor(repair.mend(day("2012-03-09", 0, 13, 0, 1)).Readings[weather.TempMax]))
	require.Equal(t, 14.0, repair.mend(day("2012-03-09", 0, nan, 0, 1)).Readings[weather.TempMax]) // no March: all months
	clipped, imputed := repair.count([]weather.Day{day("2012-07-09", nan, nan, 0, 900)})
	require.Equal(t, []int{1, 2}, []int{clipped, imputed})
}

func TestScaler(t *testing.T) {
	train := []weather.Example{
		{Features: []float64{1, 0, 5, 0, 0, 0, 0, 0}},
		{Features: []float64{3, 0, 5, 0, 0, 0, 0, 0}, Class: 2},
	}
	scaler := fitScaler(train)
	require.Equal(t, []float64{2, 0, 5, 0, 0, 0, 0, 0}, scaler.means)
	require.Equal(t, []float64{1, 1, 1, 1, 1, 1, 1, 1}, scaler.deviations)
	scaled := scaler.scale(train)
	require.Equal(t, -1.0, scaled[0].Features[0])
	require.Equal(t, 1.0, scaled[1].Features[0])
	require.Equal(t, 2, scaled[1].Class)
	// Other days are scaled by what the training days were like.
	require.Equal(t, []float64{98, 1, -5, 0, 0, 0, 0, 0}, scaler.scale([]weather.Example{{Features: []float64{100, 1, 0, 0, 0, 0, 0, 0}}})[0].Features)
}

func TestFeatures(t *testing.T) {
	got := features(day("2012-04-01", math.E-1, 12, 5, 3))
	require.InDeltaSlice(t, []float64{1, 1, 12, 5, 7, 3, 1, 0}, got, 1e-12)
	require.Len(t, got, len(weather.FeatureNames()))
	for month := range 24 {
		require.InDelta(t, math.Sin(float64(month)*math.Pi/6), clock(month), 1e-12)
	}
}
