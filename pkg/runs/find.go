package runs

import (
	"errors"
	"strconv"
	"strings"

	"flow/pkg/diag"
)

// Latest names the newest run that was made here; latest~2 is the second before it.
const Latest = "latest"

// Find returns the run that a person means: by its id or the start of one, its name, a
// tag, or latest. Where several runs have the tag, the newest is meant; where several have
// the name, the newest of those that were made here.
func (h *History) Find(ref string) (*Run, error) {
	if IsID(ref) && h.root.Exists(h.Dir(ref)) {
		return h.Read(ref)
	}
	if back, isLatest := latest(ref); isLatest {
		return h.nthLatest(back)
	}
	all, err := h.List()
	if err != nil {
		return nil, err
	}
	for _, matches := range []func(*Run) bool{
		func(run *Run) bool { return run.Tagged(ref) },
		func(run *Run) bool { return run.Name == ref && run.From == nil },
		func(run *Run) bool { return run.Name == ref },
	} {
		for _, run := range all {
			if matches(run) {
				return run, nil
			}
		}
	}
	return abbreviated(all, ref)
}

// latest takes latest, or latest~N, apart.
func latest(ref string) (back int, isLatest bool) {
	if ref == Latest {
		return 0, true
	}
	rest, found := strings.CutPrefix(ref, Latest+"~")
	back, err := strconv.Atoi(rest)
	return back, found && err == nil && back >= 0
}

// nthLatest reads no more records than it must.
func (h *History) nthLatest(back int) (*Run, error) {
	ids, err := h.IDs()
	if err != nil {
		return nil, err
	}
	n, elsewhere := 0, false
	for _, id := range ids {
		run, err := h.Read(id)
		if err != nil || run.State == Saved {
			continue
		}
		if run.From != nil {
			elsewhere = true
			continue
		}
		if n == back {
			return run, nil
		}
		n++
	}
	if n == 0 && elsewhere {
		return nil, diag.At(diag.Pos{}, "no run was made here, and latest is one that was").
			WithHint("`flow runs list` shows those that were made elsewhere; name one of them")
	}
	if n == 0 {
		return nil, diag.At(diag.Pos{}, "there is no run yet").WithHint("`flow repro` makes one whenever it runs something")
	}
	return nil, diag.At(diag.Pos{}, "there are only %d runs", n).WithHint("`flow runs list` shows them")
}

// Abbreviates reports whether a text is an id, the start of one, or its last four digits.
func Abbreviates(ref, id string) bool {
	return len(ref) >= 2 && strings.HasPrefix(id, ref) || len(ref) == 4 && strings.HasSuffix(id, "-"+ref)
}

// abbreviated finds by the start of an id, or by its last four digits.
func abbreviated(all []*Run, ref string) (*Run, error) {
	var found []*Run
	var names []string
	for _, run := range all {
		if Abbreviates(ref, run.ID) {
			found = append(found, run)
		}
		names = append(append(names, run.Name), run.Tags...)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, diag.At(diag.Pos{}, "%d runs have an id that begins with %q", len(found), ref).
			WithHint("the newest is %s", found[0].ID)
	}
	problem := diag.At(diag.Pos{}, "there is no run %q", ref)
	problem.Err = ErrNoRun
	if meant := diag.Nearest(ref, names); meant != "" {
		return nil, problem.WithHint("did you mean %q?", meant)
	}
	return nil, problem.WithHint("`flow runs list` shows what there is")
}

// ErrNoRun is what a name gets that no run has.
var ErrNoRun = errors.New("no such run")
