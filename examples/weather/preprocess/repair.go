package main

import (
	"math"
	"slices"

	"flow/examples/weather/weather"
)

// repair is what is known of a column from the training days: where its readings are
// believable, and what is usual in a month.
type repair struct {
	low, high []float64   // for each column
	usual     [][]float64 // for each column, for each month: the median
}

// fitRepair learns from days, which may have missing and absurd readings: medians and
// quartiles hardly move for a few of them.
func fitRepair(days []weather.Day, fence float64) repair {
	var fitted repair
	for column := range weather.Columns() {
		var readings []float64
		months := make([][]float64, 12)
		for _, day := range days {
			reading := day.Readings[column]
			if math.IsNaN(reading) {
				continue
			}
			months[day.Month()] = append(months[day.Month()], reading)
			// Half of the days are dry, and say nothing about how hard it can rain.
			if column != weather.Precipitation || reading > 0 {
				readings = append(readings, reading)
			}
		}
		low, high := fences(readings, fence)
		fitted.low, fitted.high = append(fitted.low, low), append(fitted.high, high)
		fitted.usual = append(fitted.usual, medians(months))
	}
	fitted.low[weather.Precipitation] = 0
	return fitted
}

// mend returns the day without missing and without absurd readings.
func (r repair) mend(day weather.Day) weather.Day {
	for column, reading := range day.Readings {
		if math.IsNaN(reading) {
			day.Readings[column] = r.usual[column][day.Month()]
			continue
		}
		day.Readings[column] = math.Max(r.low[column], math.Min(reading, r.high[column]))
	}
	return day
}

// count tells how many readings of the days mend clips and imputes.
func (r repair) count(days []weather.Day) (clipped, imputed int) {
	for _, day := range days {
		for column, reading := range day.Readings {
			switch {
			case math.IsNaN(reading):
				imputed++
			case reading < r.low[column] || reading > r.high[column]:
				clipped++
			}
		}
	}
	return clipped, imputed
}

// fences returns the lowest and highest reading that is believed: some quartile ranges
// outside of the quartiles.
func fences(readings []float64, fence float64) (low, high float64) {
	if len(readings) == 0 {
		return 0, 0
	}
	slices.Sort(readings)
	first, third := weather.Quantile(readings, 0.25), weather.Quantile(readings, 0.75)
	reach := float64(fence * (third - first))
	return first - reach, third + reach
}

// medians returns the median of each month; a month without readings has that of all.
func medians(months [][]float64) []float64 {
	all := slices.Concat(months...)
	slices.Sort(all)
	usual := make([]float64, len(months))
	for month, readings := range months {
		if len(readings) == 0 {
			readings = all
		}
		if len(readings) == 0 {
			continue
		}
		slices.Sort(readings)
		usual[month] = weather.Quantile(readings, 0.5)
	}
	return usual
}

// dropDuplicates returns the days with the first row of each date.
func dropDuplicates(days []weather.Day) []weather.Day {
	seen := map[string]bool{}
	var kept []weather.Day
	for _, day := range days {
		if !seen[day.Date] {
			seen[day.Date] = true
			kept = append(kept, day)
		}
	}
	return kept
}
