package weather

import (
	"errors"
	"fmt"
	"os"

	"gopkg.in/yaml.v3"
)

// Params is params.yaml, a section for each stage that has any.
type Params struct {
	Create     Create     `yaml:"create"`
	Preprocess Preprocess `yaml:"preprocess"`
	Train      Train      `yaml:"train"`
}

// Create says how the data is divided, and what is done to the training part.
type Create struct {
	Seed         uint64    `yaml:"seed"`
	TestFraction float64   `yaml:"test_fraction"`
	Noise        float64   `yaml:"noise"`
	Anomalies    Anomalies `yaml:"anomalies"`
}

// Anomalies are shares: of readings missing or far off, of days that are there twice.
type Anomalies struct {
	Missing    float64 `yaml:"missing"`
	Spikes     float64 `yaml:"spikes"`
	Duplicates float64 `yaml:"duplicates"`
}

// Preprocess says how far outside the quartiles a reading is believed.
type Preprocess struct {
	Fence float64 `yaml:"fence"`
}

// Train says how the model is fitted.
type Train struct {
	Seed         uint64  `yaml:"seed"`
	LearningRate float64 `yaml:"learning_rate"`
	Epochs       int     `yaml:"epochs"`
	BatchSize    int     `yaml:"batch_size"`
	L2           float64 `yaml:"l2"`
	Balance      float64 `yaml:"balance"`
}

// ReadParams reads params.yaml and checks it. A key it doesn't know is an error.
func ReadParams() (Params, error) {
	const path = "params.yaml"
	file, err := os.Open(path)
	if err != nil {
		return Params{}, err
	}
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	var params Params
	if err := decoder.Decode(&params); err != nil {
		return Params{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := params.check(); err != nil {
		return Params{}, fmt.Errorf("%s: %w", path, err)
	}
	return params, nil
}

func (p Params) check() error {
	anomalies := p.Create.Anomalies
	return errors.Join(
		within("create.test_fraction", p.Create.TestFraction, 0.01, 0.9),
		within("create.noise", p.Create.Noise, 0, 10),
		within("create.anomalies.missing", anomalies.Missing, 0, 0.5),
		within("create.anomalies.spikes", anomalies.Spikes, 0, 0.5),
		within("create.anomalies.duplicates", anomalies.Duplicates, 0, 1),
		within("preprocess.fence", p.Preprocess.Fence, 0, 1000),
		within("train.learning_rate", p.Train.LearningRate, 1e-9, 10),
		within("train.epochs", float64(p.Train.Epochs), 1, 1e6),
		within("train.batch_size", float64(p.Train.BatchSize), 1, 1e6),
		within("train.l2", p.Train.L2, 0, 10),
		within("train.balance", p.Train.Balance, 0, 1),
	)
}

func within(name string, value, low, high float64) error {
	if low <= value && value <= high {
		return nil
	}
	return fmt.Errorf("%s is %v, and must be from %v to %v", name, value, low, high)
}
