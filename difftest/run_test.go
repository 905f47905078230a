package difftest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// run is what both tools did with one command.
type run struct {
	args             []string
	before           map[string]string // flow's files
	dvc, flow        answer
	dvcRan, flowRan  []string // tags, in order
	dvcFiles, files  map[string]string
	dvcFailed        []*stage
	targets          bool
	single           bool
	anyOrder         bool // DVC's order is one of several
	forcesDownstream bool
}

// chooseRun makes the words of a repro.
func (t *trial) chooseRun(r *rand.Rand, plain bool) []string {
	args := []string{"repro"}
	if plain {
		return t.guard(args, false)
	}
	target := func() string { return t.pick(r).name }
	targets := true
	switch r.IntN(16) {
	case 0, 1:
		args = append(args, target())
	case 2:
		args = append(args, target(), target())
	case 3, 4:
		args = append(args, "-s", target())
	case 5:
		args = append(args, "-s", target(), target())
	case 6:
		args = append(args, "--downstream", target())
	case 7:
		args = append(args, "-p", target())
	default:
		targets = false
		if r.IntN(4) == 0 {
			args = append(args, "-P")
		}
	}
	if r.IntN(8) == 0 {
		args = append(args, "-f")
	}
	if r.IntN(8) == 0 && len(t.shrunk) == 0 && !t.loses() && !slices.Contains(args, "-s") {
		args = append(args, "--force-downstream")
	}
	if t.w.numeric || r.IntN(8) == 0 {
		args = append(args, "--no-run-cache")
	}
	if r.IntN(12) == 0 && t.mayLose() {
		args = append(args, "--no-commit")
	}
	if r.IntN(8) == 0 && !slices.Contains(args, "-s") {
		args = append(args, "-k")
	}
	return t.guard(args, targets)
}

// guard adds -k where a stage fails and DVC's order is not flow's: which stages ran
// before it would be chance.
func (t *trial) guard(args []string, targets bool) []string {
	sick := slices.ContainsFunc(t.w.stages, func(s *stage) bool { return s.frozen || t.sick(s) }) // the frozen fail when they never ran
	if !sick || !targets && !t.shuffled || slices.Contains(args, "-k") {
		return args
	}
	if slices.Contains(args, "-s") { // DVC has no graph here, and goes on with what depends on the failed
		return slices.DeleteFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") && arg != args[0] && arg != args[2] })
	}
	return append(args, "-k")
}

// run runs a command under both tools and compares what came of it.
func (t *trial) run(args []string) error {
	t.trace = append(t.trace, "$ "+strings.Join(args, " "))
	r, err := t.runBoth(args)
	if err != nil {
		return err
	}
	t.trace = append(t.trace, fmt.Sprintf("    dvc: exit %d, ran %v; flow: exit %d, ran %v", r.dvc.Code, r.dvcRan, r.flow.Code, r.flowRan))
	if err := t.compare(r); err != nil {
		return fmt.Errorf("%w\n--- dvc said:\n%s--- flow said:\n%s---", err, r.dvc.Output, r.flow.Output)
	}
	return nil
}

func (t *trial) runBoth(args []string) (*run, error) {
	r := &run{args: args, single: slices.Contains(args, "-s"), forcesDownstream: slices.Contains(args, "--force-downstream")}
	r.targets = slices.ContainsFunc(args[1:], func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	r.anyOrder = t.shuffled || r.targets && !r.single
	var err error
	if r.before, err = t.flow.files(); err != nil {
		return nil, err
	}
	if r.dvc, r.dvcRan, err = t.dvc.run(args...); err != nil {
		return nil, err
	}
	if r.flow, r.flowRan, err = t.flow.run(args...); err != nil {
		return nil, err
	}
	for _, name := range failedStages(r.dvc.Output) {
		if s := t.w.stage(name); s != nil {
			r.dvcFailed = append(r.dvcFailed, s)
		}
	}
	return r, t.look(r)
}

// look reads what the two left.
func (t *trial) look(r *run) error {
	var err error
	if r.dvcFiles, err = t.dvc.files(); err != nil {
		return err
	}
	r.files, err = t.flow.files()
	return err
}

var (
	failedLine = regexp.MustCompile(`(?m)^ERROR: failed to reproduce(?: stages:)? ('.*)$`)
	quoted     = regexp.MustCompile(`'([^']*)'`)
)

// failedStages reads the names of failed stages from DVC's last error.
func failedStages(output string) []string {
	found := failedLine.FindStringSubmatch(output)
	if found == nil {
		return nil
	}
	list, _, _ := strings.Cut(found[1], ": ")
	var names []string
	for _, name := range quoted.FindAllStringSubmatch(list, -1) {
		names = append(names, name[1])
	}
	return names
}

// compare applies the rules of where the two differ on purpose, and then wants all
// to be the same.
func (t *trial) compare(r *run) error {
	if r.forcesDownstream && strings.Contains(r.dvc.Output, "is cached - skip") && !tried("force downstream") {
		return errEnd
	}
	for _, rule := range rules {
		used, err := rule.apply(t, r)
		if used {
			t.applied[rule.name]++
		}
		if err != nil {
			return err
		}
	}
	if (r.dvc.Code == 0) != (r.flow.Code == 0) {
		return fmt.Errorf("dvc ended with exit code %d, flow with %d", r.dvc.Code, r.flow.Code)
	}
	if err := t.compareRan(r); err != nil {
		return err
	}
	for _, tag := range r.flowRan {
		delete(t.shrunk, tag)
	}
	return compareFiles(r.dvcFiles, r.files)
}

func (t *trial) compareRan(r *run) error {
	if !slices.Equal(slices.Sorted(slices.Values(r.dvcRan)), slices.Sorted(slices.Values(r.flowRan))) {
		return fmt.Errorf("dvc ran %v, flow ran %v", r.dvcRan, r.flowRan)
	}
	if !r.anyOrder && !slices.Equal(r.dvcRan, r.flowRan) {
		return fmt.Errorf("dvc's order is %v, flow's %v", r.dvcRan, r.flowRan)
	}
	if r.single {
		return nil
	}
	var order []string
	for _, name := range t.w.order() {
		if tag := t.w.stage(name).tag; slices.Contains(r.flowRan, tag) {
			order = append(order, tag)
		}
	}
	if !slices.Equal(order, r.flowRan) {
		return fmt.Errorf("flow ran %v, whose order by declaration is %v", r.flowRan, order)
	}
	return nil
}

func compareFiles(dvc, flow map[string]string) error {
	var differ []string
	for name, text := range dvc {
		switch is, there := flow[name]; {
		case !there:
			differ = append(differ, fmt.Sprintf("%s: dvc %q, flow nothing", name, text))
		case is != text:
			differ = append(differ, fmt.Sprintf("%s: dvc %q, flow %q", name, text, is))
		}
	}
	for name, text := range flow {
		if _, there := dvc[name]; !there {
			differ = append(differ, fmt.Sprintf("%s: dvc nothing, flow %q", name, text))
		}
	}
	if len(differ) == 0 {
		return nil
	}
	slices.Sort(differ)
	return fmt.Errorf("files differ:\n  %s", strings.Join(differ, "\n  "))
}

// status compares whether anything is stale. Of a frozen stage that is also always
// changed, DVC's status says that it is, and DVC's repro that it is not.
func (t *trial) status() error {
	if len(t.shrunk) > 0 || slices.ContainsFunc(t.w.stages, func(s *stage) bool { return s.frozen && s.always }) {
		return nil
	}
	t.trace = append(t.trace, "$ status -q")
	d, _, err := t.dvc.run("status", "-q")
	if err != nil {
		return err
	}
	f, _, err := t.flow.run("status", "-q")
	if err != nil {
		return err
	}
	if (d.Code == 0) != (f.Code == 0) {
		d, _, _ := t.dvc.run("status")
		f, _, _ := t.flow.run("status")
		return fmt.Errorf("the one is clean, the other not\n--- dvc said:\n%s--- flow said:\n%s---", d.Output, f.Output)
	}
	return nil
}
