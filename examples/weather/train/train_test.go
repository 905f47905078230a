package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"flow/examples/weather/weather"
)

// someExamples returns examples of all classes, and a model with no weight 0.
func someExamples(n int) ([]weather.Example, *weather.Model) {
	random := weather.NewRandom(3, 1)
	model := weather.NewModel()
	for class := range model.Bias {
		model.Bias[class] = random.Normal()
		for i := range model.Weights[class] {
			model.Weights[class][i] = random.Normal()
		}
	}
	var examples []weather.Example
	for i := range n {
		example := weather.Example{Class: i % len(weather.Classes())}
		for range weather.FeatureNames() {
			example.Features = append(example.Features, random.Normal())
		}
		examples = append(examples, example)
	}
	return examples, model
}

func TestGradient_finiteDifferences(t *testing.T) {
	examples, model := someExamples(23)
	goal := objective{weights: []float64{0.5, 1, 2, 3, 0.25}, l2: 0.1}
	slope := goal.gradient(model, examples)
	check := func(number *float64, want float64) {
		const h = 1e-5
		before := *number
		*number = before + h
		above := goal.loss(model, examples)
		*number = before - h
		below := goal.loss(model, examples)
		*number = before
		require.InDelta(t, (above-below)/(2*h), want, 1e-8)
	}
	for class := range model.Bias {
		check(&model.Bias[class], slope.Bias[class])
		for i := range model.Weights[class] {
			check(&model.Weights[class][i], slope.Weights[class][i])
		}
	}
}

func TestBalance(t *testing.T) {
	examples := []weather.Example{{Class: 0}, {Class: 2}, {Class: 2}, {Class: 2}, {Class: 2}}
	require.InDeltaSlice(t, []float64{1, 0, 1, 0, 0}, balance(examples, 0), 1e-12)
	require.InDeltaSlice(t, []float64{2.5, 0, 0.625, 0, 0}, balance(examples, 1), 1e-12)
	half := balance(examples, 0.5) // once 1 and four times 1/2, brought to a mean of 1
	require.InDeltaSlice(t, []float64{5. / 3, 0, 5. / 6, 0, 0}, half, 1e-12)
}

func TestFit_learns(t *testing.T) {
	examples, _ := someExamples(60)
	for i := range examples {
		examples[i].Features[examples[i].Class] += 10
	}
	params := weather.Train{Seed: 1, LearningRate: 0.5, Epochs: 20, BatchSize: 7}
	model, curve := fit(examples, params)
	require.Len(t, curve, 20)
	require.Less(t, curve[19].loss, curve[0].loss)
	require.Equal(t, 1.0, curve[19].accuracy)
	again, _ := fit(examples, params)
	require.Equal(t, model, again)
}
