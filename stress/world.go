//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// world is a pipeline of random stages in layers, and what its sources hold.
type world struct {
	stages  []stage
	sources []string // what each source file holds
	params  []int
}

// stage reads sources and outs of stages before it.
type stage struct {
	sources, above []int
	param          int // -1 for none
	folder         bool
	persist        bool
	millis         int // that its command sleeps, besides working
}

const sourcesPerStage = 4 // one source for so many stages

func newWorld(o options, chance *rand.Rand) *world {
	w := &world{sources: make([]string, 1+o.stages/sourcesPerStage), params: make([]int, 5)}
	for i := range w.sources {
		w.sources[i] = fmt.Sprintf("source %d\n", i)
	}
	for i := range o.stages {
		s := stage{param: chance.IntN(2*len(w.params)) - len(w.params), folder: chance.IntN(4) == 0, millis: chance.IntN(20)}
		s.persist = !s.folder && chance.IntN(20) == 0
		s.sources = []int{chance.IntN(len(w.sources))}
		for range chance.IntN(3) {
			if near := i - 1 - chance.IntN(30); near >= 0 && !contains(s.above, near) {
				s.above = append(s.above, near)
			}
		}
		w.stages = append(w.stages, s)
	}
	return w
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

func (s stage) out(i int) string {
	if s.folder {
		return fmt.Sprintf("out/d%d", i)
	}
	return fmt.Sprintf("out/f%d", i)
}

// pipeline writes the stages as pipeline.yaml. What a command makes depends on nothing
// but what it reads.
func (w *world) pipeline() string {
	var text strings.Builder
	text.WriteString("stages:\n")
	for i, s := range w.stages {
		var reads []string
		for _, n := range s.sources {
			reads = append(reads, fmt.Sprintf("in/s%d", n))
		}
		for _, n := range s.above {
			reads = append(reads, w.stages[n].out(n))
		}
		made := s.out(i)
		fmt.Fprintf(&text, "  s%d:\n    cmd: |\n", i)
		if s.persist {
			fmt.Fprintf(&text, "      rm -f %s\n", made)
		}
		to := made
		if s.folder {
			fmt.Fprintf(&text, "      mkdir -p %s/a/b %s/empty\n      echo %d > %s/a/b/name\n      ln -s a/b/name %s/link\n", made, made, i, made, made)
			to = made + "/sum"
		}
		fmt.Fprintf(&text, "      sleep 0.%03d\n      for d in %s; do find $d -type f | LC_ALL=C sort | xargs cat; done | cksum > %s\n", s.millis, strings.Join(reads, " "), to)
		if s.param >= 0 {
			fmt.Fprintf(&text, "      grep p%d: params.yaml >> %s\n    params: [p%d]\n", s.param, to, s.param)
		}
		fmt.Fprintf(&text, "    deps: [%s]\n    outs: [%s]\n", strings.Join(reads, ", "), map[bool]string{true: "{" + made + ": {persist: true}}", false: made}[s.persist])
	}
	return text.String()
}

func (w *world) paramsText() string {
	var text strings.Builder
	for i, value := range w.params {
		fmt.Fprintf(&text, "p%d: %d\n", i, value)
	}
	return text.String()
}

// write makes a project of the world.
func (w *world) write(dir string) error {
	files := map[string]string{"pipeline.yaml": w.pipeline(), "params.yaml": w.paramsText()}
	for i, text := range w.sources {
		files[fmt.Sprintf("in/s%d", i)] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// edit changes something in both projects: sources, a param, an out.
func (w *world) edit(chance *rand.Rand, dirs ...string) error {
	both := func(name string, change func(path string) error) error {
		for _, dir := range dirs {
			if err := change(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return nil
	}
	for range 1 + chance.IntN(4) {
		n := chance.IntN(len(w.sources))
		w.sources[n] = fmt.Sprintf("source %d, version %d\n", n, chance.IntN(4)) // what was there may come again
		err := both(fmt.Sprintf("in/s%d", n), func(path string) error { return os.WriteFile(path, []byte(w.sources[n]), 0o644) })
		if err != nil {
			return err
		}
	}
	if chance.IntN(3) == 0 {
		w.params[chance.IntN(len(w.params))] = chance.IntN(3)
		if err := both("params.yaml", func(path string) error { return os.WriteFile(path, []byte(w.paramsText()), 0o644) }); err != nil {
			return err
		}
	}
	n := chance.IntN(len(w.stages))
	return both(w.stages[n].out(n), os.RemoveAll)
}

// compare says how the two projects differ. What git would see counts, and the lock.
func (w *world) compare(o options, stressed, calm string) error {
	was, err := snapshot(calm)
	if err != nil {
		return err
	}
	is, err := snapshot(stressed)
	if err != nil {
		return err
	}
	var problems []error
	for name, text := range was {
		if got, found := is[name]; !found {
			problems = append(problems, fmt.Errorf("%s is lost", name))
		} else if got != text {
			problems = append(problems, fmt.Errorf("%s differs", name))
		}
	}
	for name := range is {
		if _, found := was[name]; !found {
			problems = append(problems, fmt.Errorf("%s is left over", name))
		}
	}
	if out, err := o.command(stressed, "fsck").CombinedOutput(); err != nil {
		problems = append(problems, fmt.Errorf("the cache is not sound: %w\n%s", err, out))
	}
	if out, err := o.command(stressed, "status", "-q").CombinedOutput(); err != nil {
		problems = append(problems, fmt.Errorf("a finished run is stale: %w\n%s", err, out))
	}
	return errors.Join(problems...)
}

// snapshot returns what a project holds, but for flow's own folder, of which only what
// is unfinished counts.
func snapshot(dir string) (map[string]string, error) {
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if name == ".flow" {
			return fs.SkipDir
		}
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		case entry.IsDir():
			found[name] = "folder"
			return nil
		}
		text, err := os.ReadFile(path)
		found[name] = string(bytes.TrimSpace(text))
		return err
	})
	attempts, _ := os.ReadDir(filepath.Join(dir, ".flow/tmp/attempt")) // there is none without a run
	for _, entry := range attempts {
		found[".flow/tmp/attempt/"+entry.Name()] = "unfinished"
	}
	return found, err
}
