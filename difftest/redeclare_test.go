package difftest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

func addDep(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	from := append(t.w.readable(s.born), "src/f0", "src/f1", "src/f2", "src/d", "src/d/a")
	name := from[r.IntN(len(from))]
	if !s.addRead(name, r.IntN(2) == 0) {
		return "", nil
	}
	t.shuffled = !t.w.sorted()
	return fmt.Sprintf("%s has the dep %s", s.name, name), nil
}

// removeDep takes a dep away that the command does not read.
func removeDep(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	if len(s.idle) == 0 || t.sick(s) || s.frozen || s.grows() || len(s.deps()) == 1 {
		return "", nil
	}
	at := r.IntN(len(s.idle))
	name := s.idle[at]
	s.idle = slices.Delete(slices.Clone(s.idle), at, at+1)
	t.shrunk[s.tag] = true
	return fmt.Sprintf("%s has lost the dep %s", s.name, name), nil
}

// removeOut takes an out away that no stage reads; the command still writes it.
func removeOut(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	if len(s.outs) < 2 || t.sick(s) || s.frozen || s.grows() {
		return "", nil
	}
	o := s.outs[len(s.outs)-1]
	for _, other := range t.w.stages {
		for _, dep := range other.deps() {
			if overlap(dep, o.path) {
				return "", nil
			}
		}
	}
	s.outs, s.gone = s.outs[:len(s.outs)-1], append([]out{o}, s.gone...)
	t.shrunk[s.tag] = true
	return fmt.Sprintf("%s has lost the out %s", s.name, o.path), nil
}

func readdOut(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	if len(s.gone) == 0 {
		return "", nil
	}
	o := s.gone[0]
	s.outs, s.gone = append(s.outs, o), s.gone[1:]
	return fmt.Sprintf("%s has the out %s again", s.name, o.path), nil
}

func deleteLock(t *trial, _ *rand.Rand) (string, error) {
	return "rm the lock", errors.Join(t.dvc.remove(t.dvc.lock), t.flow.remove(t.flow.lock))
}

// mayLose reports whether the caches may lose outs. Not where a stage
// fails or an out grows: DVC runs a stage once more than flow then, and it would
// show.
func (t *trial) mayLose() bool {
	return !slices.ContainsFunc(t.w.stages, func(s *stage) bool {
		return t.sick(s) || s.grows()
	})
}

// grows reports whether a stage's outs differ each time it runs.
func (s *stage) grows() bool {
	return slices.ContainsFunc(s.outs, func(o out) bool { return o.persist })
}

// dropCache loses what is in the caches.
func dropCache(t *trial, _ *rand.Rand) (string, error) {
	if !t.mayLose() {
		return "", nil
	}
	for _, s := range t.w.stages {
		t.lost[s.tag] = true
	}
	return "rm the objects of the cache", errors.Join(t.dvc.remove(".dvc/cache/files"), t.flow.remove(".flow/cache/objects"))
}

// breakWorld makes a stage fail for a reason that no hash tells.
func breakWorld(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	if t.shrunk[s.tag] || t.loses() {
		return "", nil
	}
	if r.IntN(2) == 0 {
		s.prefix = r.IntN(3)
	}
	return fmt.Sprintf("%s fails from now on; its prefix is %d", s.name, s.prefix), os.WriteFile(filepath.Join(t.broken, s.tag), nil, 0o644)
}

func breakCmd(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	if t.shrunk[s.tag] || t.loses() || s.broken {
		return "", nil
	}
	s.broken = true
	return "the cmd of " + s.name + " fails", nil
}

func heal(t *trial, _ *rand.Rand) (string, error) {
	told := ""
	for _, s := range t.w.stages {
		if t.sick(s) {
			told += s.name + " no longer fails; "
		}
		s.broken = false
		if err := os.RemoveAll(filepath.Join(t.broken, s.tag)); err != nil {
			return "", err
		}
	}
	return told, nil
}

// sick reports whether a stage fails when it runs.
func (t *trial) sick(s *stage) bool {
	_, err := os.Stat(filepath.Join(t.broken, s.tag))
	return s.broken || err == nil
}

func freeze(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	if t.shrunk[s.tag] {
		return "", nil
	}
	s.frozen = !s.frozen
	return fmt.Sprintf("frozen of %s is %t", s.name, s.frozen), nil
}

// rename gives a stage a name that no stage had before.
func rename(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	old := s.name
	s.name = fmt.Sprintf("%s-%d", s.tag, len(t.trace))
	return old + " is now called " + s.name, nil
}

// shuffle declares the stages in another order, which is no change.
func shuffle(t *trial, r *rand.Rand) (string, error) {
	r.Shuffle(len(t.w.stages), func(i, j int) { t.w.stages[i], t.w.stages[j] = t.w.stages[j], t.w.stages[i] })
	t.shuffled = !t.w.sorted()
	return fmt.Sprintf("the stages are declared in the order %v", t.w.order()), nil
}

func addStage(t *trial, r *rand.Rand) (string, error) {
	born := 0
	for _, s := range t.w.stages {
		born = max(born, s.born+1)
	}
	if born >= len(letters) {
		return "", nil
	}
	t.w.addStage(r, born)
	return "another stage, " + letters[born], nil
}

// loses reports whether outs may be missing from the caches.
func (t *trial) loses() bool {
	for _, lost := range t.lost {
		if lost {
			return true
		}
	}
	return false
}
