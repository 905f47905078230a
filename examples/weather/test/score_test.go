package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"flow/examples/weather/weather"
)

func TestScore(t *testing.T) {
	const dry, wet, odd = 0, 1, 2
	got := score([]answer{
		{dry, dry}, {dry, dry}, {dry, dry}, {dry, wet},
		{wet, wet}, {wet, dry},
		{odd, wet}, {odd, dry},
	}, []string{"dry", "wet", "odd"})
	require.Equal(t, scores{
		Accuracy:  0.5,
		Baseline:  0.5,
		MacroF1:   weather.Fixed((2./3 + 2./5 + 0) / 3),
		N:         8,
		Precision: map[string]weather.Fixed{"dry": 0.6, "wet": weather.Fixed(1. / 3), "odd": 0},
		Recall:    map[string]weather.Fixed{"dry": 0.75, "wet": 0.5, "odd": 0},
	}, got)
}
