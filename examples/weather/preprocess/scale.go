package main

import "flow/examples/weather/weather"

// scaler brings every feature to mean 0 and deviation 1 on the days it was fitted to.
type scaler struct {
	means, deviations []float64
}

func fitScaler(examples []weather.Example) scaler {
	var fitted scaler
	for i := range weather.FeatureNames() {
		var numbers []float64
		for _, example := range examples {
			numbers = append(numbers, example.Features[i])
		}
		mean, deviation := weather.MeanAndDeviation(numbers)
		if deviation == 0 { // a feature that never changes stays 0
			deviation = 1
		}
		fitted.means = append(fitted.means, mean)
		fitted.deviations = append(fitted.deviations, deviation)
	}
	return fitted
}

func (s scaler) scale(examples []weather.Example) []weather.Example {
	scaled := make([]weather.Example, len(examples))
	for i, example := range examples {
		scaled[i].Class = example.Class
		for j, feature := range example.Features {
			scaled[i].Features = append(scaled[i].Features, (feature-s.means[j])/s.deviations[j])
		}
	}
	return scaled
}

// scaledFeature is a line of the file that tells how to scale.
type scaledFeature struct {
	Feature   string        `json:"feature"`
	Mean      weather.Fixed `json:"mean"`
	Deviation weather.Fixed `json:"deviation"`
}

func (s scaler) file() []scaledFeature {
	var lines []scaledFeature
	for i, name := range weather.FeatureNames() {
		lines = append(lines, scaledFeature{name, weather.Fixed(s.means[i]), weather.Fixed(s.deviations[i])})
	}
	return lines
}
