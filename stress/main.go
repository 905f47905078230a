//go:build unix

// Command stress runs random pipelines under random kills for as long as it is told, and
// holds what is left against an undisturbed twin.
//
// It makes two equal projects of some hundred stages. In each round it edits both in the
// same way; in one, runs of flow are killed at random moments (flow alone, its process
// group, one of the commands, or by a signal that asks to stop), then one run may end. In
// the other one run does it all. After that both must be the same: every file, the lock, the
// status. The cache must be sound, no command may be left over, and nothing unfinished.
//
//	go run ./stress                               # one minute, 500 stages
//	go run ./stress -for 8h -stages 500 -jobs 4
//	go run ./stress -for 30s -seed 7 -stages 40   # the same pipeline and edits again
//
// The last line says how many kills were survived. The exit code is 1, and the projects
// stay for a look, when something was lost.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

type options struct {
	time   time.Duration
	rounds int
	stages int
	jobs   int
	kills  int
	seed   uint64
	binary string
	json   bool
}

// tally is what happened so far.
type tally struct {
	Seed   uint64  `json:"seed"`
	Stages int     `json:"stages"`
	Jobs   int     `json:"jobs"`
	Rounds int     `json:"rounds"`
	Kills  int     `json:"kills"`
	Ended  int     `json:"ended_before_the_kill"`
	Lost   int     `json:"lost"`
	Secs   float64 `json:"seconds"`
}

func main() {
	var o options
	flag.DurationVar(&o.time, "for", time.Minute, "how long to go on; a round that has begun is ended")
	flag.IntVar(&o.rounds, "rounds", 0, "how many rounds at most; 0: as many as there is time for")
	flag.IntVar(&o.stages, "stages", 500, "how many stages the pipeline has")
	flag.IntVar(&o.jobs, "jobs", 2, "how many stages run at a time")
	flag.IntVar(&o.kills, "kills", 20, "how many kills a round has at most")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "what the pipeline, the edits and the kills are drawn from")
	flag.StringVar(&o.binary, "flow", "", "the flow to test; built when not given")
	flag.BoolVar(&o.json, "json", false, "print the figures as JSON")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "stress:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	dir, err := os.MkdirTemp("", "flow-stress-")
	if err != nil {
		return err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			_ = os.RemoveAll(dir)
			return
		}
		err = fmt.Errorf("%w\n  seed %d; what is left is in %s", err, o.seed, dir)
	}()
	if o.binary == "" {
		o.binary = filepath.Join(dir, "flow")
		build := exec.Command("go", "build", "-o", o.binary, "flow/cmd/flow")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build flow: %w\n%s", err, out)
		}
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	total, err := rounds(o, dir)
	if o.json {
		_ = json.NewEncoder(os.Stdout).Encode(total)
	} else {
		fmt.Printf("%d kills survived in %d rounds of %d stages with -j %d, %d runs ended before their kill, %d rounds lost something; %.0f s, seed %d\n",
			total.Kills, total.Rounds, total.Stages, total.Jobs, total.Ended, total.Lost, total.Secs, total.Seed)
	}
	return err
}

// rounds goes on until the time is over, or something is lost.
func rounds(o options, dir string) (total tally, err error) {
	started := time.Now()
	total = tally{Seed: o.seed, Stages: o.stages, Jobs: o.jobs}
	defer func() { total.Secs = time.Since(started).Seconds() }()
	chance := rand.New(rand.NewPCG(o.seed, 0))
	w := newWorld(o, chance)
	stressed, calm := filepath.Join(dir, "stressed"), filepath.Join(dir, "calm")
	for _, project := range []string{stressed, calm} {
		if err := w.write(project); err != nil {
			return total, err
		}
	}
	for time.Since(started) < o.time && (o.rounds == 0 || total.Rounds < o.rounds) {
		total.Rounds++
		if err := w.edit(chance, stressed, calm); err != nil {
			return total, err
		}
		for range 1 + chance.IntN(o.kills) {
			killed, err := o.disturb(stressed, chance)
			if err != nil {
				return total, err
			}
			if killed {
				total.Kills++
			} else {
				total.Ended++
			}
		}
		if err := errors.Join(o.settle(stressed), o.settle(calm)); err != nil {
			total.Lost++
			return total, err
		}
		if err := w.compare(o, stressed, calm); err != nil {
			total.Lost++
			return total, fmt.Errorf("round %d: %w", total.Rounds, err)
		}
	}
	return total, nil
}
