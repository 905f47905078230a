package difftest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// plot is what a trial does, so that it can be done again, or with less.
type plot struct {
	seed    uint64
	without map[int]bool // stages left out, by birth
	ops     []op
}

// op is an edit or a run of both tools; its seed says which.
type op struct {
	kind string
	seed uint64
}

// newPlot makes a plot: a first run, then edits and runs.
func newPlot(seed uint64) plot {
	r := rand.New(rand.NewPCG(seed, 1))
	p := plot{seed: seed}
	if r.IntN(5) > 0 {
		p.ops = append(p.ops, op{kind: "run"})
	}
	for range 5 + r.IntN(6) {
		for range max(1, r.IntN(4)) {
			p.ops = append(p.ops, op{kind: editKinds[r.IntN(len(editKinds))], seed: r.Uint64()})
		}
		p.ops = append(p.ops, op{kind: "run", seed: r.Uint64() | 1})
		if r.IntN(6) == 0 {
			p.ops = append(p.ops, op{kind: "status"})
		}
	}
	return p
}

// trial is one project under both tools.
type trial struct {
	w         *world
	dvc, flow *side
	broken    string   // the folder whose files make stages fail
	trace     []string // what was done, as a person would type it
	written   map[string]string
	shrunk    map[string]bool // stages that lost a dep or an out since flow ran them
	lost      map[string]bool // stages whose outs may not be in the caches
	shuffled  bool            // the stages are not declared in the order of their deps
	applied   map[string]int  // how often each rule was needed
	edits     int
}

func newTrial(base string, d *dvcTool, f tool, p plot) (*trial, error) {
	t := &trial{broken: filepath.Join(base, "broken"), written: map[string]string{},
		shrunk: map[string]bool{}, lost: map[string]bool{}, applied: map[string]int{}}
	var err1, err2 error
	t.dvc, err1 = newSide(d, base, "dvc", "dvc.yaml", "dvc.lock")
	t.flow, err2 = newSide(f, base, "flow", "pipeline.yaml", "pipeline.lock")
	if err := errors.Join(err1, err2, os.MkdirAll(t.broken, 0o755)); err != nil {
		return nil, err
	}
	if a, _, err := t.dvc.run("init", "--no-scm", "-q"); err != nil || a.Code != 0 {
		return nil, fmt.Errorf("dvc init: %d %s: %w", a.Code, a.Output, err)
	}
	t.w = newWorld(rand.New(rand.NewPCG(p.seed, 0)))
	t.w.leaveOut(p.without)
	t.shuffled = !t.w.sorted()
	return t, t.sync()
}

// leaveOut drops stages, and what others read of them.
func (w *world) leaveOut(without map[int]bool) {
	kept := w.stages[:0]
	for _, s := range w.stages {
		if !without[s.born] {
			kept = append(kept, s)
		}
	}
	w.stages = kept
	for _, s := range w.stages {
		there := w.readable(s.born)
		nowhere := func(dep string) bool { return !strings.HasPrefix(dep, "src/") && !slices.Contains(there, dep) }
		s.reads = slices.DeleteFunc(s.reads, nowhere)
		s.idle = slices.DeleteFunc(s.idle, nowhere)
	}
}

// sorted reports whether each stage is declared after those that it reads.
func (w *world) sorted() bool {
	for i, s := range w.stages {
		for _, later := range w.stages[i+1:] {
			if s.readsFrom(later) {
				return false
			}
		}
	}
	return true
}

// order is the order in which flow runs stages: each after those that it reads,
// and of those that could be next the one declared first.
func (w *world) order() []string {
	var order []string
	for len(order) < len(w.stages) {
		for _, s := range w.stages {
			waits := slices.Contains(order, s.name)
			for _, above := range w.stages {
				waits = waits || !s.frozen && s.readsFrom(above) && !slices.Contains(order, above.name)
			}
			if !waits {
				order = append(order, s.name)
				break
			}
		}
	}
	return order
}

// sync writes what the world says and the disk doesn't.
func (t *trial) sync() error {
	want := maps.Clone(t.w.sources)
	want["params.yaml"], want["conf.json"] = t.w.paramsYAML(), t.w.confJSON()
	want["PIPELINE"] = t.w.pipeline()
	for name := range t.written {
		if _, there := want[name]; !there {
			if err := errors.Join(t.dvc.remove(name), t.flow.remove(name)); err != nil {
				return err
			}
			delete(t.written, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if old, there := t.written[name]; there && old == want[name] {
			continue
		}
		if err := t.writeBoth(name, want[name]); err != nil {
			return err
		}
		t.written[name] = want[name]
	}
	return nil
}

// writeBoth writes a file for both tools. flow must notice an edit in place, of the
// same size and in the same instant; DVC goes by size, time and inode.
func (t *trial) writeBoth(name, text string) error {
	t.edits++
	dvc, flow := name, name
	if name == "PIPELINE" {
		dvc, flow = t.dvc.pipeline, t.flow.pipeline
	}
	return errors.Join(t.dvc.write(dvc, text, false), t.flow.write(flow, text, t.edits%2 == 0))
}

// do does one op. errEnd says that the two can't be compared any further.
func (t *trial) do(o op) error {
	r := rand.New(rand.NewPCG(o.seed, 2))
	switch o.kind {
	case "run":
		return t.run(t.chooseRun(r, o.seed == 0))
	case "status":
		return t.status()
	}
	told, err := edits[o.kind](t, r)
	if err != nil {
		return err
	}
	if told != "" {
		t.trace = append(t.trace, "# "+told)
	}
	return t.sync()
}

func (t *trial) pick(r *rand.Rand) *stage { return t.w.stages[r.IntN(len(t.w.stages))] }
