package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/examples/weather/weather"
)

// someDays returns n days of January and on, whose readings can be told apart.
func someDays(n int) []weather.Day {
	var days []weather.Day
	for i := range n {
		day := weather.Day{Date: fmt.Sprintf("2012-%02d-%02d", 1+i/28%12, 1+i%28), Class: i % 3}
		day.Readings[weather.Precipitation] = float64(i % 2)
		day.Readings[weather.TempMax] = float64(i % 30)
		day.Readings[weather.TempMin] = float64(i%30) - 10
		day.Readings[weather.Wind] = float64(i % 7)
		days = append(days, day)
	}
	return days
}

func TestSplit_coversAllAndOverlapsNowhere(t *testing.T) {
	days := someDays(300)
	train, test := split(days, weather.Create{Seed: 42, TestFraction: 0.25})
	require.Len(t, test, 75)
	require.ElementsMatch(t, days, append(append([]weather.Day{}, train...), test...)) // all dates differ
	classes := map[int]int{}
	for _, day := range test {
		classes[day.Class]++
	}
	require.Equal(t, map[int]int{0: 25, 1: 25, 2: 25}, classes)
	for _, part := range [][]weather.Day{train, test} {
		for i := 1; i < len(part); i++ {
			require.Less(t, part[i-1].Date, part[i].Date)
		}
	}
}

func TestSplit_seed(t *testing.T) {
	days := someDays(300)
	_, one := split(days, weather.Create{Seed: 1, TestFraction: 0.25})
	_, same := split(days, weather.Create{Seed: 1, TestFraction: 0.25, Noise: 1})
	_, other := split(days, weather.Create{Seed: 2, TestFraction: 0.25})
	require.Equal(t, one, same)
	require.NotEqual(t, one, other)
}

func TestDamage_none(t *testing.T) {
	days := someDays(300)
	require.Equal(t, days, damage(days, weather.Create{Seed: 42}))
}

func TestDamage_noise(t *testing.T) {
	days := someDays(300)
	damaged := damage(days, weather.Create{Seed: 42, Noise: 0.1})
	require.Len(t, damaged, len(days))
	for i, day := range damaged {
		require.NotEqual(t, days[i].Readings[weather.TempMax], day.Readings[weather.TempMax])
		require.InDelta(t, days[i].Readings[weather.TempMax], day.Readings[weather.TempMax], 6) // 0.1 · 8.7 · 6 at most
		require.GreaterOrEqual(t, day.Readings[weather.Wind], 0.0)
		require.Equal(t, days[i].Readings[weather.Precipitation] > 0, day.Readings[weather.Precipitation] > 0)
	}
}

func TestDamage_anomalies(t *testing.T) {
	days := someDays(300)
	damaged := damage(days, weather.Create{Seed: 42, Anomalies: weather.Anomalies{Missing: 0.1, Spikes: 0.05, Duplicates: 0.2}})
	twice, missing, spikes := 0, 0, 0
	for i, day := range damaged {
		if i > 0 && day.Date == damaged[i-1].Date {
			twice++
		}
		for column, reading := range day.Readings {
			switch {
			case math.IsNaN(reading):
				missing++
			case math.Abs(reading) > 35, column == weather.Wind && reading > 7, column == weather.Precipitation && reading > 1:
				spikes++
			}
		}
	}
	readings := float64(4 * len(damaged))
	require.Equal(t, len(days)+twice, len(damaged))
	require.InDelta(t, 0.2, float64(twice)/float64(len(days)), 0.07)
	require.InDelta(t, 0.1, float64(missing)/readings, 0.03)
	require.InDelta(t, 0.05, float64(spikes)/readings, 0.02)
}
