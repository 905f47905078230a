package runs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"flow/pkg/event"
)

// remembered is how many times of a stage are kept.
const remembered = 5

// Expected returns how long a stage's commands are likely to take: the median of
// the last few times they ran well; 0 when they never did. The first call reads one
// small file.
func (h *History) Expected(stage string) time.Duration {
	h.timesOnce.Do(func() { h.times = h.readTimes() })
	lately := slices.Clone(h.times[stage])
	if len(lately) == 0 {
		return 0
	}
	slices.Sort(lately)
	return time.Duration(lately[len(lately)/2]) * time.Millisecond
}

// readTimes reads lines of milliseconds, the newest last, and the stage's name:
//
//	1200,1310,1180 train
//
// What can't be read is not known: it costs an expectation and nothing else.
func (h *History) readTimes() map[string][]int64 {
	times := map[string][]int64{}
	text, err := h.root.Read(h.dir + "/times")
	if err != nil {
		return times
	}
	for line := range strings.Lines(string(text)) {
		numbers, stage, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !found {
			continue
		}
		var lately []int64
		for number := range strings.SplitSeq(numbers, ",") {
			if ms, err := strconv.ParseInt(number, 10, 64); err == nil && ms >= 0 {
				lately = append(lately, ms)
			}
		}
		times[stage] = lately
	}
	return times
}

// learn adds what a run's stages took.
func (h *History) learn(ctx context.Context, run *Run) error {
	guard, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	times, learnt := h.readTimes(), false
	for i := range run.Stages {
		stage := &run.Stages[i]
		if stage.Status != event.Ran || strings.Contains(stage.Name, "\n") {
			continue
		}
		lately := append(times[stage.Name], stage.Took().Milliseconds())
		times[stage.Name] = lately[max(0, len(lately)-remembered):]
		learnt = true
	}
	if !learnt {
		return nil
	}
	var text strings.Builder
	for _, stage := range slices.Sorted(maps.Keys(times)) {
		numbers := make([]string, len(times[stage]))
		for i, ms := range times[stage] {
			numbers[i] = strconv.FormatInt(ms, 10)
		}
		text.WriteString(strings.Join(numbers, ",") + " " + stage + "\n")
	}
	if err := h.root.Replace(h.dir+"/times", []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("keep how long stages took: %w", err)
	}
	return nil
}
