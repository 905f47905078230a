package difftest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMigrate_random migrates random projects in the middle of their life under DVC:
// what is stale then, what the next repro runs, and what it leaves, must be as DVC has
// it.
func TestMigrate_random(t *testing.T) {
	d, f := startDVC(t), buildFlow(t)
	cases := number(t, "FLOW_DIFF_CASES", 5)
	seed := uint64(number(t, "FLOW_DIFF_SEED", int(time.Now().UnixNano()%1_000_000)))
	t.Logf("FLOW_DIFF_SEED=%d FLOW_DIFF_CASES=%d", seed, cases)
	for i := range uint64(cases) {
		if trace, err := migrateTrial(t, d, f, newPlot(seed+i)); err != nil {
			t.Errorf("seed %d: %v\n%s", seed+i, err, strings.Join(trace, "\n"))
		}
	}
}

// migrateTrial has DVC do what a plot says, but for its end, then migrates a copy.
func migrateTrial(t *testing.T, d *dvcTool, f *flowTool, p plot) ([]string, error) {
	base := t.TempDir()
	trial, err := newTrial(base, d, f, p)
	if err != nil || len(trial.w.stages) == 0 {
		return nil, err
	}
	for i, o := range p.ops[:len(p.ops)*2/3] {
		if o.kind == "status" {
			continue
		}
		if o.kind != "run" {
			if err := trial.do(o); err != nil {
				return trial.trace, err
			}
			continue
		}
		args := []string{"repro"}
		if i%5 == 4 {
			args = append(args, "-s", trial.w.stages[0].name)
		}
		a, ran, err := trial.dvc.run(args...)
		if err != nil {
			return trial.trace, err
		}
		trial.trace = append(trial.trace, fmt.Sprintf("$ dvc %s: exit %d, ran %v", strings.Join(args, " "), a.Code, ran))
	}
	trial.trace = append(trial.trace, "dvc.yaml:\n"+trial.w.pipeline())
	right, err := newSide(f, base, "migrated", "pipeline.yaml", "pipeline.lock")
	if err != nil {
		return nil, err
	}
	copyAll(t, trial.dvc.dir, right.dir)
	return trial.trace, trial.compareMigrated(t, right)
}

func (t *trial) compareMigrated(test *testing.T, right *side) error {
	a, _, err := right.run("migrate")
	if err != nil || a.Code != 0 {
		return errors.Join(err, fmt.Errorf("flow migrate: exit %d: %s", a.Code, a.Output))
	}
	dvc, flow := dvcStatus(test, t.dvc), staleUnderFlow(test, right)
	listed := slices.Sorted(maps.Keys(dvc))
	told := must(test, right, "status").Output
	for _, name := range flow {
		if !slices.Contains(listed, name) {
			return fmt.Errorf("%s is stale under flow, not under DVC, which lists %v\n%s", name, listed, told)
		}
	}
	maybe := notFresh(test, right)
	for name, reasons := range dvc {
		if s := t.w.stage(name); s != nil && s.frozen {
			continue // flow never runs it, DVC does when it is always_changed, too
		}
		if !slices.Contains(maybe, name) && !onlyNotInCache(string(reasons)) {
			return fmt.Errorf("%s is stale under DVC (%s), not under flow\n%s", name, reasons, told)
		}
	}
	if slices.ContainsFunc(t.w.stages, func(s *stage) bool { return t.sick(s) || s.frozen }) {
		return nil
	}
	_, dvcRan, err := t.dvc.run("repro")
	if err != nil {
		return err
	}
	b, flowRan, err := right.run("repro")
	if err != nil {
		return err
	}
	slices.Sort(dvcRan)
	slices.Sort(flowRan)
	if !slices.Equal(dvcRan, flowRan) {
		return fmt.Errorf("DVC ran %v, flow ran %v\n%s\n%s", dvcRan, flowRan, told, b.Output)
	}
	left, err := t.dvc.files()
	if err != nil {
		return err
	}
	now, err := right.files()
	if err != nil {
		return err
	}
	delete(now, ".flowignore")
	for name := range now {
		if left[name] != now[name] {
			return fmt.Errorf("%s differs: %q under DVC, %q under flow", name, left[name], now[name])
		}
	}
	if len(left) != len(now) {
		return fmt.Errorf("DVC left %d files, flow %d", len(left), len(now))
	}
	return nil
}

// onlyNotInCache knows the one reason of DVC's that is none for flow, which has taken
// the out from the workspace.
func onlyNotInCache(reasons string) bool {
	return strings.Count(reasons, "changed") == 1 && strings.Contains(reasons, "not in cache") && !strings.Contains(reasons, "modified") &&
		!strings.Contains(reasons, "deleted")
}

func notFresh(t *testing.T, s *side) []string {
	t.Helper()
	var names []string
	for line := range strings.Lines(must(t, s, "status").Output) {
		if name, _, found := strings.Cut(line, ": "); found && !strings.HasPrefix(line, " ") {
			names = append(names, name)
		}
	}
	return names
}
