// Preprocess repairs the training days and turns all days into the numbers a model
// learns from. Whatever it learns on the way, it learns from the training days alone.
package main

import (
	"fmt"
	"log"

	"flow/examples/weather/weather"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatalf("preprocess: %v", err)
	}
}

func run() error {
	params, err := weather.ReadParams()
	if err != nil {
		return err
	}
	damaged, err := weather.ReadYears("data/train")
	if err != nil {
		return err
	}
	test, err := weather.ReadYears("data/test")
	if err != nil {
		return err
	}
	train := dropDuplicates(damaged)
	repair := fitRepair(train, params.Preprocess.Fence)
	scaler := fitScaler(examples(train, repair))
	if err := weather.WriteExamples("data/clean/train.csv", scaler.scale(examples(train, repair))); err != nil {
		return err
	}
	if err := weather.WriteExamples("data/clean/test.csv", scaler.scale(examples(test, repair))); err != nil {
		return err
	}
	clipped, imputed := repair.count(train)
	fmt.Printf("%d days dropped, %d readings clipped, %d imputed\n", len(damaged)-len(train), clipped, imputed)
	return weather.WriteJSON("data/clean/scaler.json", scaler.file())
}
