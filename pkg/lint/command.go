package lint

import (
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/glob"
	"flow/pkg/stages"
)

// alwaysRuns finds stages of which flow can't tell whether they are up to date.
func (c *checker) alwaysRuns() {
	for _, stage := range c.pipeline.Commands() {
		if stage.Callback() && !stage.AlwaysChanged {
			c.add(stage, diag.At(stage.Pos, "stage %q has neither deps nor outs, so that it runs every time", stage.Name).
				WithHint("declare what it reads and writes, or say always_changed: true"))
		}
	}
}

// unquoted passes on templates in commands whose text the shell takes apart.
func (c *checker) unquoted() {
	for _, problem := range c.pipeline.Templates.Unquoted {
		c.add(nil, problem)
	}
}

// undeclaredDeps finds files that a command names and that the stage does not declare.
func (c *checker) undeclaredDeps() {
	c.eachUse(func(stage *stages.Stage, use use) {
		if use.written || reads(stage, use.path) || writes(stage, use.path) {
			return
		}
		owner := c.madeBy(stage, use.path)
		if owner != nil && !owner.Source {
			c.add(stage, use.problem("the command of %q names %s, which %q makes, but it is no dep", stage.Name, use.path, owner.Title()).
				WithHint("add it to the deps, so that %s runs first", owner.Title()))
			return
		}
		info, err := c.files.Lstat(use.path)
		if owner == nil && (err != nil || info.IsDir() && !use.folder) {
			return
		}
		c.add(stage, use.problem("the command of %q names %s, which is no dep", stage.Name, use.path).
			WithHint("add it to the deps, so that a change of it counts"))
	})
}

// undeclaredOuts finds files that a command writes by > and that the stage does not
// declare.
func (c *checker) undeclaredOuts() {
	c.eachUse(func(stage *stages.Stage, use use) {
		if use.written && !writes(stage, use.path) {
			c.add(stage, use.problem("the command of %q writes %s, which is no out", stage.Name, use.path).
				WithHint("add it to the outs, so that flow keeps it"))
		}
	})
}

// madeBy returns another stage that makes a path or something around it.
func (c *checker) madeBy(stage *stages.Stage, name string) *stages.Stage {
	for _, owner := range c.pipeline.OwnerOf(name) {
		if owner.Stage != stage && covers(owner.Out.Path, owner.Out.Glob, name) {
			return owner.Stage
		}
	}
	return nil
}

// covers tells whether a declared path or pattern is a path, or is around it.
func covers(declared string, pattern bool, name string) bool {
	if pattern {
		matcher := glob.Compile(declared, true)
		return matcher.Match(name)
	}
	return name == declared || strings.HasPrefix(name, declared+"/")
}

// reads tells whether a stage declares that it reads a path, something around it, or
// something inside it.
func reads(stage *stages.Stage, name string) bool {
	return depends(stage, name) || slices.ContainsFunc(stage.Params, func(p stages.Param) bool {
		return p.File == name || strings.HasPrefix(p.File, name+"/")
	})
}

// depends is reads without the params files.
func depends(stage *stages.Stage, name string) bool {
	return slices.ContainsFunc(stage.Deps, func(dep stages.Dep) bool {
		return dep.InProject() && (covers(dep.Path, dep.Kind == stages.GlobDep, name) || strings.HasPrefix(dep.Path, name+"/"))
	})
}

// writes is reads for outs.
func writes(stage *stages.Stage, name string) bool {
	return slices.ContainsFunc(stage.Outs, func(out stages.Out) bool {
		return covers(out.Path, out.Glob, name) || strings.HasPrefix(out.Path, name+"/")
	})
}

// use is a word of a command that may name a path of the project.
type use struct {
	path    string
	written bool // it stands behind >
	folder  bool // it may be a folder, as it is written as a path
	pos     diag.Pos
	width   int
}

func (u use) problem(format string, args ...any) *diag.Error {
	problem := diag.At(u.pos, format, args...)
	problem.Width = u.width
	return problem
}

// eachUse calls do for each path that a command names.
func (c *checker) eachUse(do func(*stages.Stage, use)) {
	for _, stage := range c.pipeline.Commands() {
		for i, script := range stage.Cmd {
			place := func(t token) use { return c.place(stage, i, script, t) }
			w := &walker{dir: stage.Wdir, place: place, do: func(u use) { do(stage, u) }}
			w.walk(split(script))
		}
	}
}

// place finds a word of a script in the file: the whole command, when it stands
// otherwise there.
func (c *checker) place(stage *stages.Stage, i int, script string, t token) use {
	raw := script[t.start:t.end]
	found := use{pos: stage.CmdPos[i], width: 1}
	if text := c.text(found.pos.File); text != nil {
		if pos, ok := text.Find(found.pos, raw, strings.Count(script[:t.start], raw), len(script)); ok {
			found.pos, found.width = pos, len([]rune(raw))
		}
	}
	return found
}

// walker goes through the words of a script.
type walker struct {
	dir     string   // that the shell is in; "" when that can't be told
	outer   []string // the dirs around a (
	command string   // whose words these are
	last    string   // the word before
	place   func(token) use
	do      func(use)
}

// mute are commands whose words are no files that they read.
var mute = map[string]bool{
	"echo": true, "printf": true, "mkdir": true, "rm": true, "rmdir": true, "touch": true, "chmod": true, "chown": true, "git": true,
	"ls": true, "test": true, "[": true, "[[": true, "export": true, "unset": true, "set": true, "trap": true, "kill": true, "sleep": true,
	"which": true, "type": true, "alias": true, "for": true, "case": true, "local": true, "read": true, "docker": true, "pip": true,
	"make": true, "npm": true, "yarn": true,
}

func (w *walker) walk(tokens []token) {
	for _, t := range tokens {
		if t.op != "" {
			w.operator(t.op)
			continue
		}
		switch {
		case t.redirect != "":
			w.redirected(t)
		case t.command && assignment(t.text):
		case t.command:
			w.command = path.Base(t.text)
			if strings.Contains(t.text, "/") {
				w.tell(t, t.text, false)
			}
		case w.command == "cd" || w.command == "pushd":
			w.dir = w.joined(t, t.text)
		case !mute[w.command]:
			w.argument(t)
		}
		w.last = t.text
	}
}

func (w *walker) operator(op string) {
	w.last, w.command = "", ""
	switch op {
	case "(":
		w.outer = append(w.outer, w.dir)
	case ")":
		if n := len(w.outer); n > 0 {
			w.dir, w.outer = w.outer[n-1], w.outer[:n-1]
		}
	}
}

func (w *walker) redirected(t token) {
	switch t.redirect {
	case "<":
		w.tell(t, t.text, false)
	case ">":
		w.tell(t, t.text, true)
	}
}

// argument looks at a word behind a command: a path, --option=path, @path, or a module
// of Python.
func (w *walker) argument(t token) {
	text := t.text
	if strings.HasPrefix(w.command, "python") && w.last == "-m" {
		module := strings.ReplaceAll(text, ".", "/")
		w.tell(t, module+".py", false)
		w.tell(t, module+"/__main__.py", false)
		return
	}
	if strings.HasPrefix(text, "-") || assignment(text) {
		_, text, _ = strings.Cut(text, "=")
	}
	w.tell(t, strings.TrimPrefix(text, "@"), false)
}

// tell passes on a word that can be a path of the project.
func (w *walker) tell(t token, text string, written bool) {
	name := w.joined(t, text)
	if name == "" || name == "." || strings.HasPrefix(name, ".git/") {
		return
	}
	u := w.place(t)
	u.path, u.written, u.folder = name, written, strings.Contains(text, "/")
	w.do(u)
}

// joined returns a word as a path from the project's root; "" when it is none.
func (w *walker) joined(t token, text string) string {
	if w.dir == "" || !t.plain || text == "" || strings.HasPrefix(text, "-") || strings.Contains(text, "://") || path.IsAbs(text) || strings.ContainsAny(text, "\x00\n") {
		return ""
	}
	name := path.Join(w.dir, text)
	if name == "." {
		return name
	}
	if disk.CheckName(name) != nil {
		return ""
	}
	return name
}
