package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/engine"
	"flow/pkg/event"
)

// racing is a Runner for many stages at once. A script is names of files to join, a
// greater-than sign and names of files to write; each takes a random moment.
type racing struct {
	mu       sync.Mutex
	started  []string
	running  map[string]engine.Command
	most     int
	meet     int           // a script ends only when so many have run at the same time
	together chan struct{} // closed when they have
	met      sync.Once
	seen     func(map[string]engine.Command)
	fails    map[string]bool
}

func newRacing() *racing {
	return &racing{running: map[string]engine.Command{}, together: make(chan struct{}), fails: map[string]bool{}}
}

func (r *racing) Run(ctx context.Context, command engine.Command, output func(bool, string)) (engine.Outcome, error) {
	r.mu.Lock()
	r.started = append(r.started, command.Stage)
	r.running[command.Stage] = command
	if r.most = max(r.most, len(r.running)); len(r.running) == r.meet {
		r.met.Do(func() { close(r.together) })
	}
	if r.seen != nil {
		r.seen(r.running)
	}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.running, command.Stage)
		r.mu.Unlock()
	}()
	if r.meet > 0 {
		select {
		case <-r.together:
		case <-time.After(20 * time.Second):
			return engine.Outcome{}, errors.New("too few ran at the same time")
		}
	}
	time.Sleep(rand.N(2 * time.Millisecond))
	output(false, command.Stage+" prints")
	if r.fails[command.Stage] {
		return engine.Outcome{Code: 1}, nil
	}
	return engine.Outcome{}, join(command)
}

// join writes the files after the sign.
func join(command engine.Command) error {
	before, after, _ := strings.Cut(command.Script, ">")
	text := command.Stage + "\n"
	for _, name := range strings.Fields(before) {
		content, err := os.ReadFile(filepath.Join(command.Dir, name))
		if err != nil {
			return err
		}
		text += string(content)
	}
	for _, name := range strings.Fields(after) {
		if err := os.WriteFile(filepath.Join(command.Dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// run runs the world's pipeline with a racing runner.
func (w *world) race(runner *racing, options engine.Options, change func(*engine.Engine)) error {
	w.t.Helper()
	e := w.open()
	e.Runner = runner
	if change != nil {
		change(e)
	}
	w.log = nil
	return e.Repro(context.Background(), options, &w.log)
}

// wide is a pipeline of so many stages that don't wait for each other.
func wide(n int, more string) string {
	text := "stages:\n"
	for i := range n {
		text += fmt.Sprintf("  s%d: {cmd: 'raw > o%d', deps: [raw], outs: [o%d]%s}\n", i, i, i, more)
	}
	return text
}

func wideWorld(t *testing.T, n int, more string) *world {
	return newWorld(t, map[string]string{"pipeline.yaml": wide(n, more), "raw": "1\n"})
}

func TestParallel_jobsRunTogether(t *testing.T) {
	w := wideWorld(t, 4, "")
	runner := newRacing()
	runner.meet = 4
	require.NoError(t, w.race(runner, engine.Options{Jobs: 4}, nil))
	require.Equal(t, 4, runner.most)
}

func TestParallel_neverMoreThanJobs(t *testing.T) {
	for _, jobs := range []int{0, 1, 3} {
		w := wideWorld(t, 9, "")
		runner := newRacing()
		require.NoError(t, w.race(runner, engine.Options{Jobs: jobs}, nil))
		require.LessOrEqual(t, runner.most, max(1, jobs))
		if jobs < 2 {
			require.True(t, slices.IsSorted(runner.started), "one at a time runs in order of declaration: %v", runner.started)
		}
	}
}

func TestParallel_cores(t *testing.T) {
	w := wideWorld(t, 6, "")
	w.write("pipeline.yaml", w.read("pipeline.yaml")+"  big: {cmd: 'raw > big', deps: [raw], outs: [big], resources: {cpu: 2}}\n")
	runner := newRacing()
	runner.seen = func(running map[string]engine.Command) {
		cores := len(running)
		if _, there := running["big"]; there {
			cores++
		}
		require.LessOrEqual(t, cores, 3)
	}
	require.NoError(t, w.race(runner, engine.Options{Jobs: -1}, func(e *engine.Engine) { e.Totals = map[string]int64{"cpu": 3} }))
	require.Len(t, runner.started, 7)
}

func TestParallel_resources(t *testing.T) {
	w := wideWorld(t, 8, ", resources: {licence: 1, memory: 3GiB}")
	runner := newRacing()
	runner.meet = 2
	require.NoError(t, w.race(runner, engine.Options{Jobs: 8}, func(e *engine.Engine) {
		e.Totals = map[string]int64{"licence": 5, "memory": 8 << 30}
	}))
	require.Equal(t, 2, runner.most)
}

func TestParallel_gpus(t *testing.T) {
	w := newWorld(t, map[string]string{"raw": "1\n", "pipeline.yaml": wide(6, ", resources: {gpu: 1}") +
		"  two: {cmd: 'raw > two', deps: [raw], outs: [two], resources: {gpu: 2}}\n" +
		"  none: {cmd: 'raw > none', deps: [raw], outs: [none]}\n" +
		"  blind: {cmd: 'raw > blind', deps: [raw], outs: [blind], resources: {gpu: 0}}\n"})
	runner := newRacing()
	runner.seen = func(running map[string]engine.Command) {
		taken := map[string]string{}
		for stage, command := range running {
			devices, told := "", false
			for _, entry := range command.Env {
				if after, is := strings.CutPrefix(entry, "CUDA_VISIBLE_DEVICES="); is {
					devices, told = after, true
				}
			}
			require.Equal(t, stage != "none", told, stage)
			list := strings.FieldsFunc(devices, func(r rune) bool { return r == ',' })
			require.Len(t, list, map[string]int{"two": 2, "none": 0, "blind": 0, "s0": 1, "s1": 1, "s2": 1, "s3": 1, "s4": 1, "s5": 1}[stage])
			for _, device := range list {
				require.Contains(t, []string{"4", "GPU-b", "7"}, device)
				require.Empty(t, taken[device], "%s and %s have the same device", taken[device], stage)
				taken[device] = stage
			}
		}
	}
	require.NoError(t, w.race(runner, engine.Options{Jobs: 9}, func(e *engine.Engine) {
		e.Totals, e.Devices = map[string]int64{"gpu": 3}, []string{"4", "GPU-b", "7"}
	}))
	require.Len(t, runner.started, 9)
}

func TestParallel_moreThanThereIs(t *testing.T) {
	w := wideWorld(t, 2, "")
	w.write("pipeline.yaml", w.read("pipeline.yaml")+"  big: {cmd: 'o0 > big', deps: [o0], outs: [big], resources: {gpu: 2, licence: 1, memory: 4GiB}}\n")
	totals := map[string]int64{"gpu": 1, "memory": 1 << 30}
	runner := newRacing()
	err := w.race(runner, everything, func(e *engine.Engine) { e.Totals = totals })
	require.ErrorContains(t, err, `stage "big" needs 2 of the resource gpu, and there is only 1`)
	require.ErrorContains(t, err, `stage "big" needs 1 of the resource licence, and there is none: the config declares no resources.licence`)
	require.ErrorContains(t, err, `stage "big" needs 4GiB of the resource memory, and there is only 1GiB`)
	require.Empty(t, runner.started, "nothing runs before the mistake is told")

	require.NoError(t, w.race(runner, engine.Options{Selection: engine.Selection{Targets: []string{"s0", "s1"}}}, func(e *engine.Engine) { e.Totals = totals }))
	all := map[string]int64{"gpu": 2, "memory": 4 << 30, "licence": 1}
	require.NoError(t, w.race(runner, everything, func(e *engine.Engine) { e.Totals, e.Devices = all, []string{"0", "1"} }))
	w.remove("big")
	require.NoError(t, w.race(runner, everything, func(e *engine.Engine) { e.Totals = totals }), "what is restored needs nothing")
	require.Equal(t, event.Restored, w.ended()["big"])
}

func TestParallel_bigStageIsNotStarved(t *testing.T) {
	w := newWorld(t, map[string]string{"raw": "1\n", "pipeline.yaml": "stages:\n" +
		"  first: {cmd: 'raw > f', deps: [raw], outs: [f], resources: {slot: 1}}\n" +
		"  big: {cmd: 'raw > big', deps: [raw], outs: [big], resources: {slot: 2}}\n" +
		strings.TrimPrefix(wide(6, ", resources: {slot: 1}"), "stages:\n") +
		"  other: {cmd: 'raw > other', deps: [raw], outs: [other]}\n"})
	runner := newRacing()
	require.NoError(t, w.race(runner, engine.Options{Jobs: 3}, func(e *engine.Engine) { e.Totals = map[string]int64{"slot": 2} }))
	order := slices.DeleteFunc(slices.Clone(runner.started), func(name string) bool { return name == "other" })
	require.Equal(t, []string{"first", "big"}, order[:2], "those behind it wait, too: %v", runner.started)
	require.Less(t, slices.Index(runner.started, "other"), slices.Index(runner.started, "s0"), "what needs none of it doesn't: %v", runner.started)
}

func TestParallel_longestChainFirst(t *testing.T) {
	w := newWorld(t, map[string]string{"raw": "1\n", "pipeline.yaml": `stages:
  short: {cmd: 'raw > short', deps: [raw], outs: [short]}
  unknown: {cmd: 'raw > unknown', deps: [raw], outs: [unknown]}
  head: {cmd: 'raw > head', deps: [raw], outs: [head]}
  long: {cmd: 'raw > long', deps: [raw], outs: [long]}
  tail: {cmd: 'head > tail', deps: [head], outs: [tail]}
`})
	times := map[string]time.Duration{"short": time.Minute, "head": 20 * time.Minute, "long": 30 * time.Minute, "tail": 20 * time.Minute}
	runner := newRacing()
	expect := func(e *engine.Engine) {
		e.Expected = func(stage string) time.Duration { return times[stage] }
		e.Totals = map[string]int64{"one": 1}
	}
	text := w.read("pipeline.yaml")
	w.write("pipeline.yaml", strings.ReplaceAll(text, "}", ", resources: {one: 1}}")) // many jobs, but one at a time
	require.NoError(t, w.race(runner, engine.Options{Jobs: 4}, expect))
	require.Equal(t, []string{"head", "long", "tail", "unknown", "short"}, runner.started, "the unknown is taken for an average one")

	e := w.open()
	expect(e)
	plan, err := e.Plan(context.Background(), engine.Options{Force: true})
	require.NoError(t, err)
	require.Equal(t, engine.Forecast{Sum: 71 * time.Minute, Chain: 40 * time.Minute, Unknown: 1}, e.Forecast(plan, everything))
	w.log = nil
	require.NoError(t, e.Repro(context.Background(), engine.Options{Force: true, Dry: true}, &w.log))
	require.Equal(t, 40*time.Minute, w.log[len(w.log)-1].(event.RunFinished).Forecast.Chain)
	plan, err = e.Plan(context.Background(), everything)
	require.NoError(t, err)
	require.Zero(t, e.Forecast(plan, everything), "what is up to date takes no time")
}

func TestParallel_failureLetsTheOthersEnd(t *testing.T) {
	w := wideWorld(t, 4, "")
	w.write("pipeline.yaml", w.read("pipeline.yaml")+"  below: {cmd: 'o1 > below', deps: [o1], outs: [below]}\n  beside: {cmd: 'o2 > beside', deps: [o2], outs: [beside]}\n")
	runner := newRacing()
	runner.meet, runner.fails["s1"] = 4, true
	err := w.race(runner, engine.Options{Jobs: 4}, nil)
	require.Error(t, err)
	require.Equal(t, map[string]event.Status{"s0": event.Ran, "s1": event.Failed, "s2": event.Ran, "s3": event.Ran, "below": event.Skipped}, without(w.ended(), "beside"))

	for name, options := range map[string]engine.Options{"keep going": {Jobs: 4, KeepGoing: true}, "ignore errors": {Jobs: 4, IgnoreErrors: true}} {
		w := wideWorld(t, 4, "")
		w.write("pipeline.yaml", w.read("pipeline.yaml")+"  below: {cmd: 'o0 > below', deps: [o1, o0], outs: [below]}\n  beside: {cmd: 'o2 > beside', deps: [o2], outs: [beside]}\n")
		w.write("o1", "from before\n")
		runner := newRacing()
		runner.fails["s1"] = true
		err := w.race(runner, options, nil)
		want := event.Skipped
		if options.IgnoreErrors {
			want = event.Ran
			require.NoError(t, err)
		} else {
			require.Error(t, err)
		}
		require.Equal(t, map[string]event.Status{"s0": event.Ran, "s1": event.Failed, "s2": event.Ran, "s3": event.Ran, "below": want, "beside": event.Ran}, w.ended(), name)
	}
}

func without(statuses map[string]event.Status, name string) map[string]event.Status {
	delete(statuses, name)
	return statuses
}

// TestParallel_sameAsOne runs random pipelines one stage at a time and many at a time,
// after random edits: lock, outs, cache, ignore files and summary are the same.
func TestParallel_sameAsOne(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for seed := range rounds {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		one, many := newWorld(t, nil), newWorld(t, nil)
		one.git, many.git = true, true
		both := []*world{one, many}
		for edit := range 3 {
			text := randomPipeline(random)
			for _, w := range both {
				w.write("pipeline.yaml", text)
				w.write("raw", fmt.Sprint("round ", edit, "\n"))
			}
			for i, w := range both {
				err := w.race(newRacing(), engine.Options{Jobs: 1 + 7*i}, func(e *engine.Engine) { e.Totals = map[string]int64{"slot": 3} })
				require.NoError(t, err, "seed %d\n%s", seed, text)
			}
			require.Equal(t, one.ended(), many.ended(), "seed %d", seed)
			require.Equal(t, one.files(), many.files(), "seed %d\n%s", seed, text)
			require.Equal(t, one.counts(), many.counts(), "seed %d", seed)
		}
	}
}

// randomPipeline makes stages each of which reads some of those above it.
func randomPipeline(random *rand.Rand) string {
	text := "data: [raw]\nstages:\n"
	for i := range 4 + random.IntN(20) {
		deps := []string{"raw"}
		for above := range i {
			if random.IntN(i+1) < 2 {
				deps = append(deps, fmt.Sprintf("o%d", above))
			}
		}
		text += fmt.Sprintf("  s%d: {cmd: '%s > o%d m%d', deps: [%s], outs: [o%d], metrics: [{m%d: {cache: false}}], resources: {slot: %d}}\n",
			i, strings.Join(deps, " "), i, i, strings.Join(deps, ", "), i, i, random.IntN(4))
	}
	return text
}

// files returns all that a world holds, by path; of flow's own only what stays.
func (w *world) files() map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(w.dir, path)
		name = filepath.ToSlash(name)
		switch {
		case err != nil:
			return err
		case name == ".flow/tmp" || name == ".flow/index" || name == ".flow/cache/tmp":
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		case strings.HasPrefix(name, ".flow/cache/") && !strings.HasPrefix(name, ".flow/cache/objects/"):
			found[name] = "" // records tell when they were made
			return nil
		}
		content, err := os.ReadFile(path)
		found[name] = string(content)
		return err
	})
	require.NoError(w.t, err)
	return found
}

// counts returns the numbers of the summary.
func (w *world) counts() map[event.Status]int {
	return w.log[len(w.log)-1].(event.RunFinished).Counts
}

func TestParallel_interrupted(t *testing.T) {
	w := wideWorld(t, 2, "")
	w.write("pipeline.yaml", w.read("pipeline.yaml")+"  below: {cmd: 'o0 o1 > below', deps: [o0, o1], outs: [below]}\n")
	ctx, stop := context.WithCancel(context.Background())
	e := w.open()
	runner := newRacing()
	e.Runner = stopping{runner, stop}
	err := e.Repro(ctx, engine.Options{Jobs: 2}, &w.log)
	var interrupted *engine.InterruptedError
	require.ErrorAs(t, err, &interrupted)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "interrupted in stage s1; 1 of 3 stages done and saved", interrupted.Error())
}

// stopping stops the run in stage s1, once s0 has ended.
type stopping struct {
	*racing
	stop func()
}

func (s stopping) Run(ctx context.Context, command engine.Command, output func(bool, string)) (engine.Outcome, error) {
	if command.Stage != "s1" {
		return s.racing.Run(ctx, command, output)
	}
	for { // until s0's result is recorded
		if text, err := os.ReadFile(filepath.Join(command.Dir, ".flow", "journal")); err == nil && strings.Contains(string(text), "s0") {
			s.stop()
			return engine.Outcome{}, ctx.Err()
		}
		time.Sleep(time.Millisecond)
	}
}

// eachHasIts is a Runner whose first two commands wait for one another, and that no two may
// be in at a time that have the same device.
type eachHasIts struct {
	t     *testing.T
	met   sync.WaitGroup
	mu    sync.Mutex
	count int
	taken map[string]bool
	most  int
}

func (r *eachHasIts) Run(_ context.Context, command engine.Command, _ func(bool, string)) (engine.Outcome, error) {
	device := ""
	for _, entry := range command.Env {
		if after, is := strings.CutPrefix(entry, "CUDA_VISIBLE_DEVICES="); is {
			device = after
		}
	}
	r.mu.Lock()
	r.count++
	first := r.count <= 2
	require.Contains(r.t, []string{"3", "5", "6"}, device)
	require.False(r.t, r.taken[device], "two commands have device %s", device)
	r.taken[device] = true
	r.most = max(r.most, len(r.taken))
	r.mu.Unlock()
	if first {
		r.met.Done()
		r.met.Wait()
	}
	err := os.WriteFile(filepath.Join(command.Dir, command.Script), []byte("made\n"), 0o644)
	r.mu.Lock()
	delete(r.taken, device)
	r.mu.Unlock()
	return engine.Outcome{}, err
}

// TestParallel_mapped: what a map stage asks for is for each of its commands, so no more
// of them run at a time than there is enough for, and each has a device of its own.
func TestParallel_mapped(t *testing.T) {
	files := map[string]string{"of/keep": "", "pipeline.yaml": `stages:
  each: {map: {over: "raw/*", jobs: 5}, cmd: "of/${map.name}", outs: ["of/${map.name}"], resources: {gpu: 1, memory: 3GiB}}
`}
	for i := range 8 {
		files[fmt.Sprint("raw/", i)] = fmt.Sprint(i)
	}
	w := newWorld(t, files)
	runner := &eachHasIts{t: t, taken: map[string]bool{}}
	runner.met.Add(2)
	e := w.open()
	e.Runner, e.Totals, e.Devices = runner, map[string]int64{"gpu": 3, "memory": 8 << 30}, []string{"3", "5", "6"}
	require.NoError(t, e.Repro(context.Background(), everything, &w.log))
	require.Equal(t, 8, runner.count)
	require.Equal(t, 2, runner.most)
}
