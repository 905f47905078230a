package weather

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModel_Probabilities(t *testing.T) {
	m := NewModel()
	features := make([]float64, len(FeatureNames()))
	require.InDeltaSlice(t, []float64{0.2, 0.2, 0.2, 0.2, 0.2}, m.Probabilities(features), 1e-15)
	require.Equal(t, 0, m.Predict(features))

	features[1] = 2
	m.Weights[3][1] = math.Log(3) // a score of log 9 beside four of 0
	require.InDeltaSlice(t, []float64{1. / 13, 1. / 13, 1. / 13, 9. / 13, 1. / 13}, m.Probabilities(features), 1e-15)
	require.Equal(t, 3, m.Predict(features))

	m.Bias[4] = 1e6 // too much for an exponential
	require.Equal(t, []float64{0, 0, 0, 0, 1}, m.Probabilities(features))
}

func TestModel_roundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model", "model.json")
	m := NewModel()
	m.Bias[2], m.Weights[4][7] = 1.5, -0.000001
	require.NoError(t, WriteModel(path, m))
	read, err := ReadModel(path)
	require.NoError(t, err)
	require.Equal(t, m, read)

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), "wind", "wine", 1)), 0o644))
	_, err = ReadModel(path)
	require.ErrorContains(t, err, "other features")
}
