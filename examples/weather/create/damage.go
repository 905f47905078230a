package main

import (
	"math"

	"flow/examples/weather/weather"
)

// spike is how far off a spike is, in standard deviations of its column.
const spike = 20

// damage returns the days with noise, missing readings, spikes and days that are there twice.
func damage(days []weather.Day, params weather.Create) []weather.Day {
	deviations := deviations(days)
	noise := weather.NewRandom(params.Seed, forNoise)
	anomalies := weather.NewRandom(params.Seed, forAnomalies)
	var damaged []weather.Day
	for _, day := range days {
		for i := range day.Readings {
			day.Readings[i] = addNoise(day.Readings[i], i, float64(params.Noise*deviations[i]), noise)
			day.Readings[i] = addAnomaly(day.Readings[i], i, deviations[i], params.Anomalies, anomalies)
		}
		damaged = append(damaged, day)
		if anomalies.Share() < params.Anomalies.Duplicates {
			damaged = append(damaged, day)
		}
	}
	return damaged
}

// addNoise returns a reading that is a little off. A dry gauge reads 0 whatever happens,
// and neither rain nor wind is ever negative.
func addNoise(reading float64, column int, deviation float64, random *weather.Random) float64 {
	noisy := reading + float64(deviation*random.Normal())
	switch {
	case column == weather.Precipitation && reading == 0:
		return 0
	case column == weather.Precipitation:
		return math.Max(noisy, 0.1) // the least that a wet day shows
	case column == weather.Wind:
		return math.Max(noisy, 0)
	}
	return noisy
}

// addAnomaly returns the reading, or rarely none, or one that is far off.
func addAnomaly(reading float64, column int, deviation float64, shares weather.Anomalies, random *weather.Random) float64 {
	draw, up := random.Share(), random.Below(2) == 0
	switch {
	case draw < shares.Missing:
		return math.NaN()
	case draw >= shares.Missing+shares.Spikes:
		return reading
	case up || column == weather.Precipitation || column == weather.Wind:
		return reading + float64(spike*deviation)
	}
	return reading - float64(spike*deviation)
}

// deviations returns the standard deviation of each column.
func deviations(days []weather.Day) []float64 {
	var found []float64
	for i := range weather.Columns() {
		var readings []float64
		for _, day := range days {
			readings = append(readings, day.Readings[i])
		}
		_, deviation := weather.MeanAndDeviation(readings)
		found = append(found, deviation)
	}
	return found
}
