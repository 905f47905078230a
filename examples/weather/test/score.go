package main

import (
	"slices"

	"flow/examples/weather/weather"
)

// answer is the class that a day has, and the one the model gave it.
type answer struct {
	actual, predicted int
}

// scores is metrics.json.
type scores struct {
	Accuracy  weather.Fixed            `json:"accuracy"`
	Baseline  weather.Fixed            `json:"baseline"` // the accuracy of always saying the commonest class
	MacroF1   weather.Fixed            `json:"macro_f1"` // the mean over the classes, rare ones counting as much
	N         int                      `json:"n"`
	Precision map[string]weather.Fixed `json:"precision"` // of those called a class, the share that is one
	Recall    map[string]weather.Fixed `json:"recall"`    // of those of a class, the share that is called so
}

// score judges at least one answer. A share of nothing is 0.
func score(answers []answer, classes []string) scores {
	actual, predicted, right := count(answers, len(classes))
	found := scores{N: len(answers), Precision: map[string]weather.Fixed{}, Recall: map[string]weather.Fixed{}}
	hits, f1 := 0, 0.0
	for class, name := range classes {
		hits += right[class]
		found.Precision[name] = weather.Fixed(share(right[class], predicted[class]))
		found.Recall[name] = weather.Fixed(share(right[class], actual[class]))
		// The harmonic mean of both is 2·right / (actual + predicted).
		f1 += share(2*right[class], actual[class]+predicted[class])
	}
	found.Accuracy = weather.Fixed(share(hits, len(answers)))
	found.Baseline = weather.Fixed(share(slices.Max(actual), len(answers)))
	found.MacroF1 = weather.Fixed(f1 / float64(len(classes)))
	return found
}

// count returns for each class how many are one, how many are called one, and how many both.
func count(answers []answer, classes int) (actual, predicted, right []int) {
	actual, predicted, right = make([]int, classes), make([]int, classes), make([]int, classes)
	for _, a := range answers {
		actual[a.actual]++
		predicted[a.predicted]++
		if a.actual == a.predicted {
			right[a.actual]++
		}
	}
	return actual, predicted, right
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
