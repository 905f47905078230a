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
	{"a frozen stage's missing outs are restored", ruleFrozen},
	{"a failed stage keeps its outs", ruleKeptOuts},
	{"a dep or out less is a change", ruleShrunk},
	{"an out that is in place goes back into the cache", ruleInPlace},
}

// open are DVC's ways that flow does not follow yet, and not on purpose: they are
// tried only when FLOW_DIFF_OPEN names them, separated by commas, or is "all".
var open = map[string]string{
	"force downstream": "flow does not force what is below a restored stage",
}

// tried reports whether something that may be open is tried.
func tried(name string) bool {
	_, isOpen := open[name]
	asked := os.Getenv("FLOW_DIFF_OPEN")
	return !isOpen || asked == "all" || slices.Contains(strings.Split(asked, ","), name)
}

// DVC runs what comes before the stage whose dep is missing, and a forced stage even
// without its dep; flow finds what is missing before anything runs, or before the
// stage does.
func ruleMissing(t *trial, r *run) (bool, error) {
	early := r.flow.Code == 3 && len(r.flowRan) == 0 && r.dvc.Code != 0
	used := false
	for _, s := range r.dvcFailed {
		if !early && !strings.Contains(r.flow.Output, fmt.Sprintf("error: stage %q: dep ", s.name)) {
			continue
		}
		used = used || slices.Contains(r.dvcRan, s.tag)
		r.dvcRan = slices.DeleteFunc(r.dvcRan, func(tag string) bool { return tag == s.tag })
	}
	if early && len(r.dvcRan) > 0 {
		return true, errEnd
	}
	return used, nil
}

// DVC fails at a frozen stage whose outs are missing; flow takes them from its cache,
// and goes on.
func ruleFrozen(t *trial, r *run) (bool, error) {
	for _, s := range r.dvcFailed {
		if s.frozen && restored(r, s) {
			return true, errEnd
		}
	}
	return false, nil
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
// there before something replaced it. Nor does DVC ever restore the outs of a stage
// that reads nothing or that writes on in an out, as flow does from the lock.
func ruleInPlace(t *trial, r *run) (bool, error) {
	used := false
	for _, s := range t.w.stages {
		inDVC, inFlow := slices.Contains(r.dvcRan, s.tag), slices.Contains(r.flowRan, s.tag)
		if inDVC && !inFlow && (t.lost[s.tag] || restored(r, s) && s.neverCached()) {
			if slices.Contains(r.dvcFailed, s) || s.grows() {
				return true, errEnd // nothing fails or grows where nothing runs
			}
			used = true
			r.dvcRan = slices.DeleteFunc(r.dvcRan, func(tag string) bool { return tag == s.tag })
		}
		if err := t.found(r, s, inDVC, inFlow); err != nil {
			return used, err
		}
	}
	return used, t.look(r)
}

// neverCached reports whether DVC never restores a stage.
func (s *stage) neverCached() bool {
	plain := func(o out) bool { return o.inGit }
	return s.grows() || len(s.deps())+len(s.params) == 0 || slices.ContainsFunc(s.outs, plain)
}

// found keeps account of what is lost. Where DVC found a stage's outs again by running
// or restoring it, it remembers the run; so flow runs it, too.
func (t *trial) found(r *run, s *stage, inDVC, inFlow bool) error {
	if slices.Contains(r.args, "--no-commit") {
		t.lost[s.tag] = t.lost[s.tag] || inDVC || inFlow
		return nil
	}
	if t.lost[s.tag] && !inFlow && (inDVC || restored(r, s)) {
		if a, _, err := t.flow.run("repro", "-f", "-s", s.name); err != nil || a.Code != 0 {
			return fmt.Errorf("flow fails to run %s: %s: %w", s.name, a.Output, err)
		}
	}
	t.lost[s.tag] = t.lost[s.tag] && !inFlow && !inDVC && !restored(r, s)
	return nil
}

// restored reports whether flow restored a stage as the lock has it.
func restored(r *run, s *stage) bool {
	return strings.Contains(r.flow.Output, "\n"+s.name+" restored from the lock: ") ||
		strings.HasPrefix(r.flow.Output, s.name+" restored from the lock: ")
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
