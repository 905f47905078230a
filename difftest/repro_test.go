package difftest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRepro_likeDVC does the same to random projects under both tools.
func TestRepro_likeDVC(t *testing.T) {
	d, f := startDVC(t), buildFlow(t)
	cases := number(t, "FLOW_DIFF_CASES", 5)
	seed := uint64(number(t, "FLOW_DIFF_SEED", int(time.Now().UnixNano()%1_000_000)))
	t.Logf("FLOW_DIFF_SEED=%d FLOW_DIFF_CASES=%d", seed, cases)
	applied, ended, wrong := map[string]int{}, 0, 0
	for i := range uint64(cases) {
		p := newPlot(seed + i)
		trial, err := perform(t, d, f, p)
		for name, count := range trial.applied {
			applied[name] += count
		}
		if errors.Is(err, errEnd) {
			ended++
		} else if err != nil {
			wrong++
			report(t, d, f, p)
		}
		if wrong == 3 {
			t.Fatal("that's enough")
		}
	}
	t.Logf("rules needed: %v; trials that ended early: %d", applied, ended)
}

func number(t *testing.T, name string, usual int) int {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// perform does what a plot says until the two tools differ.
func perform(t *testing.T, d *dvcTool, f tool, p plot) (*trial, error) {
	base, err := os.MkdirTemp("", "flow-diff-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	trial, err := newTrial(base, d, f, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(trial.w.stages) == 0 {
		return trial, nil
	}
	first := trial.w.pipeline()
	trial.trace = append(trial.trace, "pipeline.yaml:\n"+first)
	for _, o := range p.ops {
		if err := trial.do(o); err != nil {
			if last := trial.w.pipeline(); last != first {
				trial.trace = append(trial.trace, "pipeline.yaml in the end:\n"+last)
			}
			return trial, err
		}
	}
	return trial, nil
}

// shrinks is how often a failure is tried with less.
const shrinks = 60

// report makes a failure smaller and tells it.
func report(t *testing.T, d *dvcTool, f tool, p plot) {
	t.Helper()
	tries := 0
	fails := func(p plot) bool {
		tries++
		_, err := perform(t, d, f, p)
		return tries <= shrinks && err != nil && !errors.Is(err, errEnd)
	}
	for born := len(letters) - 1; born >= 0; born-- {
		less := plot{seed: p.seed, without: map[int]bool{born: true}, ops: p.ops}
		for other := range p.without {
			less.without[other] = true
		}
		if fails(less) {
			p = less
		}
	}
	for i := len(p.ops) - 1; i >= 0; i-- {
		less := plot{seed: p.seed, without: p.without, ops: slices.Delete(slices.Clone(p.ops), i, i+1)}
		if fails(less) {
			p = less
		}
	}
	trial, err := perform(t, d, f, p)
	if err == nil {
		err = fmt.Errorf("it fails no longer when tried again: the tools or the test depend on time")
	}
	t.Errorf("seed %d: %v\n%s", p.seed, err, strings.Join(trial.trace, "\n"))
}
