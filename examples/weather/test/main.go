// Test judges the model on the test days, which no stage before it has learned from.
package main

import (
	"fmt"
	"log"

	"flow/examples/weather/weather"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatalf("test: %v", err)
	}
}

func run() error {
	model, err := weather.ReadModel("model/model.json")
	if err != nil {
		return err
	}
	examples, err := weather.ReadExamples("data/clean/test.csv")
	if err != nil {
		return err
	}
	var answers []answer
	rows := [][]string{{"actual", "predicted"}}
	for _, example := range examples {
		a := answer{actual: example.Class, predicted: model.Predict(example.Features)}
		answers = append(answers, a)
		rows = append(rows, []string{weather.Classes()[a.actual], weather.Classes()[a.predicted]})
	}
	scores := score(answers, weather.Classes())
	if err := weather.WriteJSON("metrics.json", scores); err != nil {
		return err
	}
	if err := weather.WriteTable("plots/confusion.csv", rows); err != nil {
		return err
	}
	fmt.Printf("Model test accuracy is: %s\n", weather.Format(float64(scores.Accuracy), 3))
	return nil
}
