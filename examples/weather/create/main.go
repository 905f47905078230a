// Create divides the days of Seattle's weather into training and test, and damages the
// training days as a bad sensor would: noise, readings lost or far off, days sent twice.
package main

import (
	"fmt"
	"log"

	"flow/examples/weather/weather"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatalf("create: %v", err)
	}
}

func run() error {
	params, err := weather.ReadParams()
	if err != nil {
		return err
	}
	days, err := weather.ReadDays("data/seattle-weather.csv")
	if err != nil {
		return err
	}
	train, test := split(days, params.Create)
	damaged := damage(train, params.Create)
	if err := weather.WriteYears("data/train", damaged); err != nil {
		return err
	}
	if err := weather.WriteYears("data/test", test); err != nil {
		return err
	}
	fmt.Printf("%d days to train on, %d of them twice; %d to test on\n", len(train), len(damaged)-len(train), len(test))
	return nil
}
