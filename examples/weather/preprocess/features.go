package main

import (
	"math"

	"flow/examples/weather/weather"
)

// examples returns the days as a model sees them, before scaling.
func examples(days []weather.Day, repair repair) []weather.Example {
	list := make([]weather.Example, len(days))
	for i, day := range days {
		list[i] = weather.Example{Features: features(repair.mend(day)), Class: day.Class}
	}
	return list
}

// features returns the numbers of weather.FeatureNames.
func features(day weather.Day) []float64 {
	precipitation := day.Readings[weather.Precipitation]
	wet := 0.0
	if precipitation > 0 {
		wet = 1
	}
	high, low := day.Readings[weather.TempMax], day.Readings[weather.TempMin]
	return []float64{
		weather.Log(1 + precipitation), // from 1 to 2 mm is as much more as from 10 to 20
		wet,
		high,
		low,
		high - low,
		day.Readings[weather.Wind],
		clock(day.Month()),
		clock(day.Month() + 3), // the cosine is the sine a quarter of a year on
	}
}

// clock returns the sine of a month on the circle of the year, so that December is next
// to January. It is a table, as math.Sin is not the same on all processors.
func clock(month int) float64 {
	half, most := 0.5, math.Sqrt(3)/2
	return []float64{0, half, most, 1, most, half, 0, -half, -most, -1, -most, -half}[month%12]
}
