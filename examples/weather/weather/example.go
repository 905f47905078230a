package weather

import (
	"fmt"
	"strconv"
)

// Example is a day as a model sees it.
type Example struct {
	Features []float64 // in the order of FeatureNames
	Class    int
}

// FeatureNames returns the names of the numbers that a model gets for a day.
func FeatureNames() []string {
	return []string{
		"precipitation_log", "wet", "temp_max", "temp_min", "temp_range", "wind", "month_sin", "month_cos",
	}
}

// ReadExamples reads what WriteExamples wrote.
func ReadExamples(path string) ([]Example, error) {
	rows, err := readTable(path, append(FeatureNames(), "weather"))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: there are no days in it", path)
	}
	examples := make([]Example, len(rows))
	for i, row := range rows {
		if examples[i], err = parseExample(row); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+2, err)
		}
	}
	return examples, nil
}

// WriteExamples writes a file of examples.
func WriteExamples(path string, examples []Example) error {
	rows := [][]string{append(FeatureNames(), "weather")}
	for _, example := range examples {
		var row []string
		for _, feature := range example.Features {
			row = append(row, Format(feature, 6))
		}
		rows = append(rows, append(row, Classes()[example.Class]))
	}
	return WriteTable(path, rows)
}

func parseExample(row []string) (Example, error) {
	last := len(row) - 1
	example := Example{Features: make([]float64, last)}
	for i, cell := range row[:last] {
		feature, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			return Example{}, fmt.Errorf("%s %q is no number", FeatureNames()[i], cell)
		}
		example.Features[i] = feature
	}
	var err error
	example.Class, err = parseClass(row[last])
	return example, err
}
