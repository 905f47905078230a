package difftest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// errEnd ends a trial whose two copies can't be brought together again.
var errEnd = errors.New("the trial ends here")

// A rule is one way in which flow differs from DVC on purpose. It checks that the
// difference is as intended, takes it out of the comparison, and brings DVC's copy
// to flow's state, so that all later runs are compared in full again.
type rule struct {
	name  string
	apply func(t *trial, r *run) (used bool, err error)
}

var rules = []rule{
	{"a run whose data is missing does not start", ruleMissing},
	{"a failed stage keeps its outs", ruleKeptOuts},
	{"a dep or out less is a change", ruleShrunk},
	{"an out that is in place goes back into the cache", ruleInPlace},
}

// open are DVC's ways that flow does not follow yet, and not on purpose: they are
// tried only when FLOW_DIFF_OPEN names them, separated by commas, or is "all".
var open = map[string]string{
	"frozen":           "flow runs the command of a frozen stage; DVC only looks whether its outs are there",
	"persist":          "flow restores a persist out from the lock, over what a person wrote; DVC runs the stage",
	"no deps":          "flow restores the outs of a stage without deps from the lock; DVC runs it",
	"single":           "flow runs a stage although its dep is missing, if a later target of -s makes it",
	"force downstream": "flow does not force what is below a restored stage",
}

// tried reports whether something that may be open is tried.
func tried(name string) bool {
	_, isOpen := open[name]
	asked := os.Getenv("FLOW_DIFF_OPEN")
	return !isOpen || asked == "all" || slices.Contains(strings.Split(asked, ","), name)
}

// DVC runs what comes before the stage whose dep is missing, and with -f that stage's
// command too; flow finds it before anything runs.
func ruleMissing(t *trial, r *run) (bool, error) {
	if r.flow.Code != 3 || len(r.flowRan) > 0 || r.dvc.Code == 0 {
		return false, nil
	}
	used := len(r.dvcRan) > 0
	for _, s := range r.dvcFailed {
		r.dvcRan = slices.DeleteFunc(r.dvcRan, func(tag string) bool { return tag == s.tag })
	}
	if len(r.dvcRan) > 0 {
		return true, errEnd
	}
	return used, nil
}

// DVC removes the outs of a stage before it runs, and leaves what the failed command
// made of them; flow's are as they were before the run.
func ruleKeptOuts(t *trial, r *run) (bool, error) {
	used := false
	for _, s := range r.dvcFailed {
		for _, o := range s.outs {
			kept := under(r.before, o.path)
			if equalFiles(under(r.dvcFiles, o.path), kept) {
				continue
			}
			used = true
			if err := t.dvc.remove(o.path); err != nil {
				return used, err
			}
			for name, text := range kept {
				if err := t.dvc.write(name, text, false); err != nil {
					return used, err
				}
			}
		}
	}
	return used, t.look(r)
}

// DVC does not notice that a stage has a dep or an out less; flow runs it.
func ruleShrunk(t *trial, r *run) (bool, error) {
	var extra []string
	for _, tag := range r.flowRan {
		if t.shrunk[tag] && !slices.Contains(r.dvcRan, tag) {
			extra = append(extra, tag)
		}
	}
	if len(extra) == 0 {
		return false, nil
	}
	for _, s := range t.w.stages {
		if !slices.Contains(extra, s.tag) {
			continue
		}
		a, _, err := t.dvc.run("repro", "-f", "-s", s.name)
		if err != nil {
			return true, err
		}
		if a.Code != 0 {
			return true, errors.New("dvc fails to run " + s.name + ": " + a.Output)
		}
	}
	r.flowRan = slices.DeleteFunc(r.flowRan, func(tag string) bool { return slices.Contains(extra, tag) })
	for _, tag := range extra {
		delete(t.shrunk, tag)
	}
	return true, t.look(r)
}

// DVC runs a stage again whose outs are not all in its cache. flow takes one that is
// in place for what it is, and finds one with cache: false in its cache if it was kept
// there before something replaced it. As DVC then remembers a run more, flow runs the
// stage too, afterwards.
func ruleInPlace(t *trial, r *run) (bool, error) {
	ran, commits := append(slices.Clone(r.dvcRan), r.flowRan...), !slices.Contains(r.args, "--no-commit")
	for _, s := range t.w.stages {
		if !slices.Contains(r.dvcRan, s.tag) || slices.Contains(r.flowRan, s.tag) || !t.lost[s.tag] && !restoredUncached(r, s) {
			continue
		}
		if slices.Contains(r.dvcFailed, s) {
			return true, errEnd // as nothing fails where nothing runs
		}
		r.dvcRan = slices.DeleteFunc(r.dvcRan, func(tag string) bool { return tag == s.tag })
		if commits && t.lost[s.tag] {
			if a, _, err := t.flow.run("repro", "-f", "-s", s.name); err != nil || a.Code != 0 {
				return true, fmt.Errorf("flow fails to run %s: %s: %w", s.name, a.Output, err)
			}
		}
	}
	for _, tag := range ran {
		if commits {
			delete(t.lost, tag)
		} else {
			t.lost[tag] = true
		}
	}
	return len(r.dvcRan)+len(r.flowRan) < len(ran), t.look(r)
}

// restoredUncached reports whether flow restored a stage with an out that DVC never
// puts into its cache.
func restoredUncached(r *run, s *stage) bool {
	return strings.Contains(r.flow.Output, s.name+" restored from the lock: out ") &&
		slices.ContainsFunc(s.outs, func(o out) bool { return o.inGit })
}

// under returns the files at or below a path.
func under(files map[string]string, name string) map[string]string {
	found := map[string]string{}
	for file, text := range files {
		if file == name || strings.HasPrefix(file, name+"/") {
			found[file] = text
		}
	}
	return found
}

func equalFiles(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, text := range a {
		if other, there := b[name]; !there || other != text {
			return false
		}
	}
	return true
}
