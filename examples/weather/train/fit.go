package main

import (
	"slices"

	"flow/examples/weather/weather"
)

// progress is how well the model does on the training days after an epoch.
type progress struct {
	loss, accuracy float64
}

// fit goes through the examples epoch by epoch, in a new order each time, and after each
// batch takes a step down the slope of the loss. The steps get smaller towards the end.
func fit(examples []weather.Example, params weather.Train) (*weather.Model, []progress) {
	model := weather.NewModel()
	goal := objective{balance(examples, params.Balance), params.L2}
	random := weather.NewRandom(params.Seed, 0)
	order := slices.Clone(examples)
	var curve []progress
	for epoch := range params.Epochs {
		rate := params.LearningRate * float64(params.Epochs-epoch) / float64(params.Epochs)
		weather.Shuffle(random, order)
		for batch := range slices.Chunk(order, params.BatchSize) {
			step(model, goal.gradient(model, batch), rate)
		}
		curve = append(curve, progress{goal.loss(model, examples), accuracy(model, examples)})
	}
	return model, curve
}

// balance returns how much an example of each class counts: with an exponent of 0 all
// count alike, with 1 each class does, however rare. The mean over the examples is 1.
func balance(examples []weather.Example, exponent float64) []float64 {
	counts := make([]float64, len(weather.Classes()))
	for _, example := range examples {
		counts[example.Class]++
	}
	weights := make([]float64, len(counts))
	sum := 0.0
	for class, count := range counts {
		if count > 0 {
			weights[class] = weather.Exp(-float64(exponent * weather.Log(count)))
			sum += float64(weights[class] * count)
		}
	}
	for class := range weights {
		weights[class] *= float64(len(examples)) / sum
	}
	return weights
}

// objective is what fit makes small.
type objective struct {
	weights []float64 // how much an example of each class counts
	l2      float64   // how much large weights of the model count
}

// loss returns the mean of -log of the probability that the model gave to what was
// right, and l2 halves of the squares of the model's weights.
func (o objective) loss(model *weather.Model, examples []weather.Example) float64 {
	const least = 1e-300 // a probability may round to 0, which has no logarithm
	sum := 0.0
	for _, example := range examples {
		p := model.Probabilities(example.Features)[example.Class]
		sum -= float64(o.weights[example.Class] * weather.Log(max(p, least)))
	}
	squares := 0.0
	for _, weights := range model.Weights {
		squares += weather.Dot(weights, weights)
	}
	return sum/float64(len(examples)) + float64(o.l2/2*squares)
}

// gradient returns the slope of loss, in the shape of the model.
func (o objective) gradient(model *weather.Model, examples []weather.Example) *weather.Model {
	slope := weather.NewModel()
	for _, example := range examples {
		wrong := model.Probabilities(example.Features)
		wrong[example.Class]--
		share := o.weights[example.Class] / float64(len(examples))
		add(slope.Bias, wrong, share)
		for class := range wrong {
			add(slope.Weights[class], example.Features, float64(wrong[class]*share))
		}
	}
	for class := range slope.Weights {
		add(slope.Weights[class], model.Weights[class], o.l2)
	}
	return slope
}

// step moves the model down the slope.
func step(model, slope *weather.Model, rate float64) {
	add(model.Bias, slope.Bias, -rate)
	for class := range model.Weights {
		add(model.Weights[class], slope.Weights[class], -rate)
	}
}

// add adds a list to another, so many times.
func add(to, list []float64, times float64) {
	for i := range to {
		to[i] += float64(times * list[i])
	}
}

// accuracy returns the share of the examples whose class the model finds.
func accuracy(model *weather.Model, examples []weather.Example) float64 {
	right := 0
	for _, example := range examples {
		if model.Predict(example.Features) == example.Class {
			right++
		}
	}
	return float64(right) / float64(len(examples))
}
