package weather

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Model is a softmax regression: a score for each class, which is a bias and the
// features weighted, and probabilities that grow with the scores' exponentials.
type Model struct {
	Weights [][]float64 // for each class, for each feature
	Bias    []float64   // for each class
}

// NewModel returns a model that finds every class as likely.
func NewModel() *Model {
	m := &Model{Bias: make([]float64, len(Classes()))}
	for range Classes() {
		m.Weights = append(m.Weights, make([]float64, len(FeatureNames())))
	}
	return m
}

// Probabilities returns how likely the model finds each class. They add up to 1.
func (m *Model) Probabilities(features []float64) []float64 {
	p := make([]float64, len(m.Bias))
	for class := range p {
		p[class] = m.Bias[class] + Dot(m.Weights[class], features)
	}
	highest := slices.Max(p) // taken away from all, so that no exponential overflows
	sum := 0.0
	for class := range p {
		p[class] = Exp(p[class] - highest)
		sum += p[class]
	}
	for class := range p {
		p[class] /= sum
	}
	return p
}

// Predict returns the class that is most likely; of two alike, the first.
func (m *Model) Predict(features []float64) int {
	p := m.Probabilities(features)
	return slices.Index(p, slices.Max(p))
}

// modelFile is a model as it is written: the names tell what the numbers are for.
type modelFile struct {
	Features []string  `json:"features"`
	Classes  []string  `json:"classes"`
	Bias     []Fixed   `json:"bias"`
	Weights  [][]Fixed `json:"weights"`
}

// ReadModel reads a model, which must be for these features and classes.
func ReadModel(path string) (*Model, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file modelFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m := NewModel()
	fits := slices.Equal(file.Features, FeatureNames()) && slices.Equal(file.Classes, Classes()) &&
		len(file.Bias) == len(m.Bias) && len(file.Weights) == len(m.Weights)
	for class := 0; fits && class < len(m.Bias); class++ {
		m.Bias[class] = float64(file.Bias[class])
		fits = len(file.Weights[class]) == len(m.Weights[class])
		for i := 0; fits && i < len(m.Weights[class]); i++ {
			m.Weights[class][i] = float64(file.Weights[class][i])
		}
	}
	if !fits {
		return nil, fmt.Errorf("%s: the model is for other features or classes", path)
	}
	return m, nil
}

// WriteModel writes a model, rounded to six decimals.
func WriteModel(path string, m *Model) error {
	file := modelFile{Features: FeatureNames(), Classes: Classes(), Bias: fixed(m.Bias)}
	for _, weights := range m.Weights {
		file.Weights = append(file.Weights, fixed(weights))
	}
	return WriteJSON(path, file)
}

// WriteJSON writes a value as indented JSON.
func WriteJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return write(path, func(file *os.File) error {
		_, err := file.Write(append(text, '\n'))
		return err
	})
}

func fixed(numbers []float64) []Fixed {
	list := make([]Fixed, len(numbers))
	for i, number := range numbers {
		list[i] = Fixed(number)
	}
	return list
}
