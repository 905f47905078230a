package weather

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDays_roundTrip(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data", "train")
	days := []Day{
		{Date: "2012-01-31", Readings: [numColumns]float64{0, 12.8, -5, 4.7}, Class: 4},
		{Date: "2012-12-01", Readings: [numColumns]float64{10.9, 10.6, 2.8, 4.5}, Class: 2},
		{Date: "2013-02-01", Readings: [numColumns]float64{0.1, 1, 0, 0}, Class: 3},
	}
	require.NoError(t, WriteYears(folder, append(days, Day{Date: "2014-01-01"})))
	require.NoError(t, WriteYears(folder, days)) // leaves nothing of what was there before
	read, err := ReadYears(folder)
	require.NoError(t, err)
	require.Equal(t, days, read)
	require.Equal(t, 11, read[1].Month())
}

func TestDays_missingReading(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, WriteYears(folder, []Day{{Date: "2012-01-31", Readings: [numColumns]float64{1, math.NaN(), 3, 4}}}))
	text, err := os.ReadFile(filepath.Join(folder, "2012.csv"))
	require.NoError(t, err)
	require.Equal(t, "date,precipitation,temp_max,temp_min,wind,weather\n2012-01-31,1.0,,3.0,4.0,drizzle\n", string(text))
	days, err := ReadYears(folder)
	require.NoError(t, err)
	require.True(t, math.IsNaN(days[0].Readings[TempMax]))
}

func TestReadDays_errors(t *testing.T) {
	const header = "date,precipitation,temp_max,temp_min,wind,weather\n"
	for text, want := range map[string]string{
		"":                                    "days.csv:1: the columns are not",
		"date,rain\n":                         "days.csv:1: the columns are not",
		header + "2012-13-01,1,2,3,4,sun\n":   `days.csv:2: "2012-13-01" is no date`,
		header + "2012-01-01,1,x,3,4,sun\n":   `days.csv:2: temp_max "x" is no number`,
		header + "2012-01-01,1,2,Inf,4,sun\n": `days.csv:2: temp_min "Inf" is no number`,
		header + "2012-01-01,1,2,3,4,hurricane\n": `days.csv:2: "hurricane" is no kind of weather`,
		header + "2012-01-01,1,2,3\n":             "days.csv: record on line 2: wrong number of fields",
	} {
		path := filepath.Join(t.TempDir(), "days.csv")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err := ReadDays(path)
		require.ErrorContains(t, err, want)
	}
	_, err := ReadDays("nowhere.csv")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestExamples_roundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "train.csv")
	examples := []Example{{Features: []float64{1, 2, 3, -4.5, 0.000001, 6, 7, 8}, Class: 1}}
	require.NoError(t, WriteExamples(path, examples))
	read, err := ReadExamples(path)
	require.NoError(t, err)
	require.Equal(t, examples, read)
}

func TestWrite_replacesALink(t *testing.T) {
	folder := t.TempDir()
	cached, path := filepath.Join(folder, "cached"), filepath.Join(folder, "metrics.json")
	require.NoError(t, os.WriteFile(cached, []byte("kept"), 0o644))
	require.NoError(t, os.Symlink(cached, path))
	require.NoError(t, WriteJSON(path, 1))
	text, err := os.ReadFile(cached)
	require.NoError(t, err)
	require.Equal(t, "kept", string(text))
}

func TestReadParams(t *testing.T) {
	text, err := os.ReadFile("../../../params.yaml")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	write := func(text string) {
		require.NoError(t, os.WriteFile("params.yaml", []byte(text), 0o644))
	}
	write(string(text))
	_, err = ReadParams()
	require.NoError(t, err)

	write(string(text) + "  learning_rat: 1\n")
	_, err = ReadParams()
	require.ErrorContains(t, err, "learning_rat")

	write("create: {test_fraction: .nan}\n")
	_, err = ReadParams()
	require.ErrorContains(t, err, "create.test_fraction is NaN, and must be from 0.01 to 0.9")
}
