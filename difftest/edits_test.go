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
	"time"
)

// edits are what a person may do between two runs. Each says what it did; "" when
// there was nothing to do it to.
var edits = map[string]func(t *trial, r *rand.Rand) (string, error){
	"source": editSource, "add file": addFile, "remove file": removeFile, "touch": touch,
	"param": editParam, "revert param": revertParam, "swap params": swapParams, "add param": addParam, "number": reformNumber,
	"salt": editSalt, "prefix": editPrefix, "desc": editDesc, "list": editList,
	"delete out": deleteOut, "edit out": editOut,
	"add dep": addDep, "remove dep": removeDep, "remove out": removeOut, "readd out": readdOut,
	"delete lock": deleteLock, "drop cache": dropCache, "break": breakWorld, "break cmd": breakCmd, "heal": heal,
	"freeze": freeze, "rename": rename, "shuffle": shuffle, "add stage": addStage,
}

// editKinds are the edits as often as they come.
var editKinds = []string{
	"source", "source", "source", "add file", "remove file", "touch",
	"param", "param", "revert param", "swap params", "add param", "number",
	"salt", "prefix", "prefix", "desc", "list",
	"delete out", "delete out", "edit out", "edit out", "delete lock", "drop cache",
	"add dep", "add dep", "remove dep", "remove out", "readd out",
	"break", "break", "break cmd", "break cmd", "heal", "heal",
	"freeze", "rename", "shuffle", "add stage",
}

func editSource(t *trial, r *rand.Rand) (string, error) {
	names := t.w.readSources()
	name := names[r.IntN(len(names))]
	lines := strings.Split(strings.TrimSuffix(t.w.sources[name], "\n"), "\n")
	switch r.IntN(4) {
	case 0:
		lines = append(lines, "alpha more")
	case 1: // the first line, the count and the size stay
		last := []byte(lines[len(lines)-1])
		last[len(last)-1] = "0123"[r.IntN(4)]
		lines[len(lines)-1] = string(last)
	case 2:
		lines = lines[:max(1, len(lines)-1)]
	default:
		lines[0] = fmt.Sprintf("first changed %d", r.IntN(2))
	}
	t.w.sources[name] = strings.Join(lines, "\n") + "\n"
	return fmt.Sprintf("%s is now %q", name, t.w.sources[name]), nil
}

// readSources are the sources that stages read, once for each, and one that none
// reads.
func (w *world) readSources() []string {
	names := []string{"sub/here"}
	for _, s := range w.stages {
		for _, dep := range s.deps() {
			for _, name := range slices.Sorted(maps.Keys(w.sources)) {
				if overlap(dep, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

func addFile(t *trial, r *rand.Rand) (string, error) {
	name := fmt.Sprintf("src/d/new%d", r.IntN(3))
	t.w.sources[name] = sourceText(r, name)
	return fmt.Sprintf("%s is now %q", name, t.w.sources[name]), nil
}

func removeFile(t *trial, r *rand.Rand) (string, error) {
	name := fmt.Sprintf("src/d/new%d", r.IntN(3))
	if _, there := t.w.sources[name]; !there {
		return "", nil
	}
	delete(t.w.sources, name)
	return "rm " + name, nil
}

// touch gives a file another time and nothing else.
func touch(t *trial, r *rand.Rand) (string, error) {
	files, err := t.flow.files()
	if err != nil {
		return "", err
	}
	names := slices.Sorted(maps.Keys(files))
	name := names[r.IntN(len(names))]
	at := time.Now().Add(-time.Duration(r.IntN(1000)) * time.Hour)
	return "touch " + name, errors.Join(os.Chtimes(filepath.Join(t.dvc.dir, name), at, at), os.Chtimes(filepath.Join(t.flow.dir, name), at, at))
}

// pickValue returns a param, mostly one that a stage reads.
func (t *trial) pickValue(r *rand.Rand) (string, *value) {
	names := []string{"p0"}
	for _, s := range t.w.stages {
		for _, name := range s.params {
			file, key, _ := param(name)
			for _, leaf := range leaves {
				if leaf.file == file && (key == "" || overlap(strings.ReplaceAll(leaf.key, ".", "/"), strings.ReplaceAll(key, ".", "/"))) {
					names = append(names, leafName(leaf.file, leaf.key))
				}
			}
		}
	}
	name := names[r.IntN(len(names))]
	return name, t.w.values[name]
}

func editParam(t *trial, r *rand.Rand) (string, error) {
	name, v := t.pickValue(r)
	texts := []string{"1", "2", "0.25", `"text"`, `"a: b"`, "[1, 2, 3]", "true", "false", "1e-3", `""`}
	next := texts[r.IntN(len(texts))]
	if alike(next, v.now) {
		return "", nil
	}
	v.before, v.now = v.now, next
	return fmt.Sprintf("param %s is now %s", name, next), nil
}

// alike reports whether Python takes two values for equal that flow does not: true
// is 1 there.
func alike(a, b string) bool {
	return a == b || (a == "true" || b == "true") && (a == "1" || b == "1" || a == "1.0" || b == "1.0")
}

func revertParam(t *trial, r *rand.Rand) (string, error) {
	name, v := t.pickValue(r)
	if alike(v.now, v.before) {
		return "", nil
	}
	v.before, v.now = v.now, v.before
	return fmt.Sprintf("param %s is %s again", name, v.now), nil
}

func swapParams(t *trial, _ *rand.Rand) (string, error) {
	t.w.swapped = !t.w.swapped
	return "the params have another order", nil
}

// addParam adds a key to a branch, or takes it away.
func addParam(t *trial, _ *rand.Rand) (string, error) {
	if _, there := t.w.values["train.opt.u1"]; there {
		delete(t.w.values, "train.opt.u1")
		return "param train.opt.u1 is gone", nil
	}
	t.w.values["train.opt.u1"] = &value{now: "9", before: "9"}
	return "param train.opt.u1 is now 9", nil
}

// reformNumber writes a number in another way, which is no change.
func reformNumber(t *trial, _ *rand.Rand) (string, error) {
	if !t.w.numeric {
		return "", nil
	}
	forms := map[string]string{"1": "1.0", "1.0": "1", "0.5": "0.50", "0.50": "0.5", "7": "7.0", "7.0": "7", "3": "3.0", "3.0": "3"}
	var told []string
	for _, leaf := range leaves {
		v := t.w.values[leafName(leaf.file, leaf.key)]
		if form, found := forms[v.now]; found {
			v.before, v.now = v.now, form
			told = append(told, fmt.Sprintf("param %s is now %s", leafName(leaf.file, leaf.key), form))
		}
	}
	return strings.Join(told, ", "), nil
}

func editSalt(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	s.salt = r.IntN(3)
	return fmt.Sprintf("the cmd of %s has salt %d", s.name, s.salt), nil
}

func editPrefix(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	s.prefix = r.IntN(3)
	return fmt.Sprintf("the cmd of %s has prefix %d", s.name, s.prefix), nil
}

func editDesc(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	s.desc++
	return "another desc for " + s.name, nil
}

func editList(t *trial, r *rand.Rand) (string, error) {
	s := t.pick(r)
	s.list = !s.list
	return "the cmd of " + s.name + " is a list, or no longer", nil
}

// pickOut returns a declared out, or a file in one.
func (t *trial) pickOut(r *rand.Rand) (out, string) {
	s := t.pick(r)
	if len(s.outs) == 0 {
		return out{}, ""
	}
	o := s.outs[r.IntN(len(s.outs))]
	if o.dir {
		return o, o.path + []string{"", "/one", "/sub/two"}[r.IntN(3)]
	}
	return o, o.path
}

func deleteOut(t *trial, r *rand.Rand) (string, error) {
	_, name := t.pickOut(r)
	if name == "" {
		return "", nil
	}
	return "rm -r " + name, errors.Join(t.dvc.remove(name), t.flow.remove(name))
}

// editOut changes an out by hand, or puts a file into it.
func editOut(t *trial, r *rand.Rand) (string, error) {
	o, name := t.pickOut(r)
	if name == "" {
		return "", nil
	}
	if o.dir && name == o.path {
		name += "/by-hand"
	}
	files, err := t.flow.files()
	if err != nil {
		return "", err
	}
	text, there := files[name]
	if !there && !strings.HasSuffix(name, "/by-hand") {
		return "", nil
	}
	text += fmt.Sprintf("by hand %d\n", r.IntN(100))
	return fmt.Sprintf("%s is now %q", name, text), t.writeBoth(name, text)
}
