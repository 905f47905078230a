package difftest

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// newWorld makes a random project of two to six stages, each declared after those
// that it reads.
func newWorld(r *rand.Rand) *world {
	w := &world{sources: map[string]string{}, values: map[string]*value{}, numeric: r.IntN(6) == 0}
	for _, name := range []string{"src/f0", "src/f1", "src/f2", "src/d/a", "src/d/b", "src/d/deep/c", "sub/here"} {
		w.sources[name] = sourceText(r, name)
	}
	for _, leaf := range leaves {
		w.values[leafName(leaf.file, leaf.key)] = &value{now: leaf.first, before: leaf.first}
	}
	count := 2 + r.IntN(5)
	for i := range count {
		w.addStage(r, i)
	}
	if r.IntN(40) == 0 {
		w.stages[r.IntN(count)].frozen = true
	}
	if r.IntN(5) == 0 {
		slices.Reverse(w.stages)
	}
	return w
}

func sourceText(r *rand.Rand, name string) string {
	words := []string{"alpha", "beta", "gamma", "delta"}
	lines := []string{"first of " + path.Base(name)}
	for range 1 + r.IntN(4) {
		lines = append(lines, fmt.Sprintf("%s %d", words[r.IntN(len(words))], r.IntN(3)))
	}
	return strings.Join(lines, "\n") + "\n"
}

// letters name the stages; the names' order is not the stages'.
var letters = []string{"mid", "zeta", "alpha", "train", "eval", "b2"}

func (w *world) addStage(r *rand.Rand, i int) {
	s := &stage{name: letters[i], tag: letters[i], born: i, list: r.IntN(4) == 0}
	if r.IntN(6) == 0 {
		s.wdir = "sub"
	}
	shape := r.IntN(40)
	if shape > 1 {
		w.chooseDeps(r, s)
	}
	if shape != 0 && shape != 2 { // without deps and outs, a stage runs each time
		s.chooseOuts(r)
	}
	s.always = r.IntN(14) == 0
	w.stages = append(w.stages, s)
}

func (w *world) chooseDeps(r *rand.Rand, s *stage) {
	made := w.readable(s.born)
	for k := range 1 + r.IntN(3) {
		from := []string{"src/f0", "src/f1", "src/f2", "src/d", "src/d/a"}
		if len(made) > 0 && (k == 0 && r.IntN(5) > 0 || r.IntN(2) == 0) {
			from = made
		}
		s.addRead(from[r.IntN(len(from))], r.IntN(6) == 0)
	}
	for range r.IntN(3) {
		at := r.IntN(len(leaves) + len(branches))
		name := ""
		if at < len(leaves) {
			name = leafName(leaves[at].file, leaves[at].key)
		} else {
			name = branches[at-len(leaves)].name
		}
		s.addParam(name)
	}
}

// readable is what the outs of the stages born earlier offer: an out, a file
// in it, or a folder around several.
func (w *world) readable(born int) []string {
	var names []string
	for _, s := range w.stages {
		if s.born >= born {
			continue
		}
		for _, o := range s.outs {
			names = append(names, o.path)
			if o.dir {
				names = append(names, o.path+"/one", o.path+"/sub/two")
			}
		}
	}
	if born >= 2 && slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "grp/") }) {
		names = append(names, "grp")
	}
	return names
}

// addRead adds a dep, unless it is inside or around one that is there.
func (s *stage) addRead(name string, idle bool) bool {
	for _, dep := range s.deps() {
		if overlap(dep, name) {
			return false
		}
	}
	if idle {
		s.idle = append(s.idle, name)
	} else {
		s.reads = append(s.reads, name)
	}
	return true
}

// addParam adds a param, unless it is inside or around one that is there.
func (s *stage) addParam(name string) {
	file, key, _ := param(name)
	for _, other := range s.params {
		otherFile, otherKey, _ := param(other)
		if file == otherFile && (key == "" || otherKey == "" || key == otherKey ||
			strings.HasPrefix(key, otherKey+".") || strings.HasPrefix(otherKey, key+".")) {
			return
		}
	}
	s.params = append(s.params, name)
}

func (s *stage) chooseOuts(r *rand.Rand) {
	place := "o/"
	if s.born < 2 && r.IntN(3) == 0 {
		place = "grp/"
	}
	if s.wdir != "" {
		place = "sub/"
	}
	verb := r.IntN(len(verbs))
	switch r.IntN(12) {
	case 0:
		s.outs = append(s.outs, out{path: place + s.tag + ".plain", kind: "outs", verb: verb, inGit: true})
	case 1:
		s.outs = append(s.outs, out{path: place + s.tag + ".grows", kind: "outs", verb: verb, persist: true})
	case 2, 3, 4:
		s.outs = append(s.outs, out{path: place + s.tag + ".dir", kind: "outs", verb: verb, dir: true})
	default:
		s.outs = append(s.outs, out{path: place + s.tag + ".txt", kind: "outs", verb: verb})
	}
	switch r.IntN(6) {
	case 0:
		s.outs = append(s.outs, out{path: "m/" + s.tag + ".json", kind: "metrics", inGit: r.IntN(4) > 0})
	case 1:
		s.outs = append(s.outs, out{path: "m/" + s.tag + ".csv", kind: "plots", verb: r.IntN(len(verbs)), inGit: r.IntN(2) > 0})
	case 2:
		s.outs = append(s.outs, out{path: place + s.tag + ".2nd", kind: "outs", verb: r.IntN(len(verbs))})
	}
}
