package main

import (
	"math"

	"flow/examples/weather/weather"
)

// What random numbers are drawn for, so that more noise doesn't divide the days otherwise.
const (
	forSplit = iota + 1
	forNoise
	forAnomalies
)

// split divides the days, each kind of weather by the same fraction. Both parts keep
// the order the days had.
func split(days []weather.Day, params weather.Create) (train, test []weather.Day) {
	random := weather.NewRandom(params.Seed, forSplit)
	inTest := make([]bool, len(days))
	for class := range weather.Classes() {
		var members []int
		for i, day := range days {
			if day.Class == class {
				members = append(members, i)
			}
		}
		weather.Shuffle(random, members)
		n := int(math.Round(float64(params.TestFraction * float64(len(members)))))
		for _, i := range members[:n] {
			inTest[i] = true
		}
	}
	for i, day := range days {
		if inTest[i] {
			test = append(test, day)
		} else {
			train = append(train, day)
		}
	}
	return train, test
}
