package difftest

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A world is a project as the test knows it: what the pipeline declares and what
// the sources hold. It is written for both tools with the same text.
type world struct {
	stages  []*stage
	sources map[string]string
	values  map[string]*value // by leaf, as in leaves
	swapped bool              // the values are written in another order
	numeric bool              // a number may change its form; then no run cache, whose keys DVC makes of the form
}

// stage is one stage of a world. All its paths are relative to the root.
type stage struct {
	name   string
	tag    string // what it writes to the log; stays when the stage is renamed
	born   int    // a stage reads only those born before it
	wdir   string
	reads  []string // the deps that its command reads
	idle   []string // deps that are declared only
	params []string
	outs   []out
	gone   []out // outs that it writes but that are no longer declared
	salt   int   // differs: another command with the same effect
	prefix int   // differs: another command with another effect
	broken bool  // the command ends in failure
	list   bool  // the command is a list
	desc   int
	frozen bool
	always bool
}

// out is one out of a stage.
type out struct {
	path    string
	kind    string // outs, metrics or plots
	verb    int
	dir     bool
	inGit   bool // cache: false
	persist bool
}

// value is a param's text, now and before.
type value struct{ now, before string }

// verbs make an out from what a stage reads. Some throw most of it away, so that
// the out may come out the same. All read to the end: flow's shell has pipefail on,
// where a pipe that is closed early is a failure.
var verbs = []string{
	"cat", "LC_ALL=C sort", "wc -l", "cksum", "sed -n 1p", "tr a-z A-Z", "{ grep -c alpha || true; }", "sort -u", "cut -c 1-3",
}

// leaves are the params that there may be: the file, the dotted key, the first
// value, and the pattern of sed that finds its line. (No command has two spaces in a
// row: DVC breaks lines at 80 columns in its lock, and loses one of them there.)
var leaves = []struct{ file, key, first, line string }{
	{"params.yaml", "p0", "1", "^p0:"},
	{"params.yaml", "p1", `"one"`, "^p1:"},
	{"params.yaml", "p2", "[1, 2]", "^p2:"},
	{"params.yaml", "train.t0", "0.5", "^ {2}t0:"},
	{"params.yaml", "train.t1", "true", "^ {2}t1:"},
	{"params.yaml", "train.opt.u0", "7", "^ {4}u0:"},
	{"conf.json", "x0", "3", `"x0"`},
	{"conf.json", "y.x1", `"deep"`, `"x1"`},
}

// branches are the params that are more than one value. A stage may depend on one.
var branches = []struct{ name, file, key, line string }{
	{"train", "params.yaml", "train", "^ {2,4}[tu][0-9]+:"},
	{"train.opt", "params.yaml", "train.opt", "^ {4}u[0-9]+:"},
	{"conf.json:y", "conf.json", "y", `"x1"`},
	{"conf.json:", "conf.json", "", `"x[0-9]"`},
}

// param returns where a param of a stage is found.
func param(name string) (file, key, line string) {
	for _, leaf := range leaves {
		if leafName(leaf.file, leaf.key) == name {
			return leaf.file, leaf.key, leaf.line
		}
	}
	for _, branch := range branches {
		if branch.name == name {
			return branch.file, branch.key, branch.line
		}
	}
	panic("no param " + name)
}

func leafName(file, key string) string {
	if file == "params.yaml" {
		return key
	}
	return file + ":" + key
}

// deps returns all that a stage declares to read.
func (s *stage) deps() []string { return append(slices.Clone(s.reads), s.idle...) }

// rel returns a path as the stage writes it, from its wdir.
func (s *stage) rel(name string) string {
	rel, err := filepath.Rel(path.Join("/", s.wdir), path.Join("/", name))
	if err != nil {
		panic(err)
	}
	return filepath.ToSlash(rel)
}

// dirs are the paths that are directories, whoever makes them.
func (w *world) dirs() map[string]bool {
	dirs := map[string]bool{"src/d": true, "grp": true}
	for _, s := range w.stages {
		for _, o := range append(slices.Clone(s.outs), s.gone...) {
			if o.dir {
				dirs[o.path] = true
			}
		}
	}
	return dirs
}

// gather is the command that prints all that a stage reads.
func (s *stage) gather(dirs map[string]bool) string {
	var files, folders, parts []string
	for _, name := range s.reads {
		if dirs[name] {
			folders = append(folders, s.rel(name))
		} else {
			files = append(files, s.rel(name))
		}
	}
	if s.prefix > 0 {
		parts = append(parts, fmt.Sprintf("echo prefix %d", s.prefix))
	}
	if len(files) > 0 {
		parts = append(parts, "cat "+strings.Join(files, " "))
	}
	if len(folders) > 0 {
		parts = append(parts, "find "+strings.Join(folders, " ")+" -type f | LC_ALL=C sort | xargs -r cat")
	}
	for _, name := range s.params {
		file, _, line := param(name)
		parts = append(parts, fmt.Sprintf("sed -n -E '/%s/p' %s | tr -d ' ,' | LC_ALL=C sort", line, s.rel(file)))
	}
	if len(parts) == 0 {
		parts = append(parts, "echo constant")
	}
	return "{ " + strings.Join(parts, " && ") + "; }"
}

// commands are the lines of a stage's cmd.
func (s *stage) commands(dirs map[string]bool) []string {
	commands := []string{fmt.Sprintf(`echo %s >> "$FLOW_DIFF_LOG"`, s.tag)}
	if s.salt > 0 {
		commands[0] = fmt.Sprintf(": salt %d && %s", s.salt, commands[0])
	}
	gather := s.gather(dirs)
	for _, o := range append(slices.Clone(s.outs), s.gone...) {
		commands = append(commands, o.make(s.rel(o.path), gather)...)
	}
	if s.broken {
		commands = append(commands, "exit 3")
	}
	return append(commands, fmt.Sprintf(`test ! -e "$FLOW_DIFF_BROKEN/%s"`, s.tag))
}

func (o out) make(name, gather string) []string {
	verb := verbs[o.verb]
	switch {
	case o.dir:
		return []string{
			fmt.Sprintf("mkdir -p %s/sub", name),
			fmt.Sprintf("%s | %s > %s/one", gather, verb, name),
			fmt.Sprintf("%s | wc -l > %s/sub/two", gather, name),
		}
	case o.kind == "metrics":
		return []string{
			"mkdir -p " + path.Dir(name),
			fmt.Sprintf(`printf '{"lines": %%d, "more": {"bytes": %%d}}\n' $(%s | wc -l) $(%s | wc -c) > %s`, gather, gather, name),
		}
	case o.persist:
		return []string{"mkdir -p " + path.Dir(name), fmt.Sprintf("%s | %s >> %s", gather, verb, name)}
	}
	return []string{"mkdir -p " + path.Dir(name), fmt.Sprintf("%s | %s > %s", gather, verb, name)}
}

// stage returns a stage by its name.
func (w *world) stage(name string) *stage {
	for _, s := range w.stages {
		if s.name == name {
			return s
		}
	}
	return nil
}

// overlap reports whether one path is the other or inside it.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// readsFrom reports whether a stage's deps touch an out of another.
func (s *stage) readsFrom(above *stage) bool {
	for _, dep := range s.deps() {
		for _, o := range above.outs {
			if overlap(dep, o.path) {
				return true
			}
		}
	}
	return false
}
