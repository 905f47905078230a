// Train fits a softmax regression to the training days.
package main

import (
	"fmt"
	"log"
	"strconv"

	"flow/examples/weather/weather"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatalf("train: %v", err)
	}
}

func run() error {
	params, err := weather.ReadParams()
	if err != nil {
		return err
	}
	examples, err := weather.ReadExamples("data/clean/train.csv")
	if err != nil {
		return err
	}
	model, curve := fit(examples, params.Train)
	if err := weather.WriteModel("model/model.json", model); err != nil {
		return err
	}
	rows := [][]string{{"epoch", "loss", "accuracy"}}
	for epoch, p := range curve {
		rows = append(rows, []string{strconv.Itoa(epoch + 1), weather.Format(p.loss, 6), weather.Format(p.accuracy, 6)})
	}
	last := curve[len(curve)-1]
	fmt.Printf("%d epochs: loss %s, accuracy on the training days %s\n",
		len(curve), weather.Format(last.loss, 4), weather.Format(last.accuracy, 3))
	return weather.WriteTable("plots/training.csv", rows)
}
