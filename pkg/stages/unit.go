package stages

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// unit is one text of the pipeline while it is read: a file of the project, or one that
// it includes.
type unit struct {
	file   string           // the pipeline file that it belongs to
	dir    string           // which its paths are relative to: that file's
	prefix string           // of its stages' names
	env    []EnvVar         // that its stages have
	shell  []string         // that its stages have
	args   []document.Entry // which the include gives it
	within []string         // the files that include it, from the outermost
}

// newUnit begins a file of the project.
func newUnit(file string) unit {
	u := unit{file: file, dir: path.Dir(file)}
	if u.dir != "." {
		u.prefix = file + ":"
	}
	return u
}

// source reads one text as the unit that is set, and returns it expanded.
func (l *loader) source(name string, text []byte) *document.Node {
	l.sources[name] = diag.NewLines(text)
	doc, err := document.Parse(name, text)
	if err != nil {
		l.problems.AddErr(err)
		return nil
	}
	if doc.Root == nil {
		return nil
	}
	root := l.expand(doc.Root, text)
	if root != nil {
		l.pipelineKeys(root)
	}
	return root
}

// maxIncludes is how deep files may include each other.
const maxIncludes = 20

// include reads another file into the pipeline: `file`, or {file, with, as}. Its paths
// are relative to the including pipeline's folder.
func (l *loader) include(node *document.Node) {
	var name, as *document.Node
	inner := unit{file: l.file, dir: l.dir, prefix: l.prefix, env: l.env, shell: l.shell}
	switch node.Kind {
	case document.Map:
		l.fields(node, "an include", map[string]field{
			"file": func(n *document.Node) { name = n },
			"as":   func(n *document.Node) { as = n },
			"with": func(n *document.Node) { inner.args = l.arguments(n) },
		})
		if name == nil {
			l.fail(node, "add file: and the file to include", "an include has no file")
			return
		}
	default:
		name = node
	}
	if as != nil {
		if !l.stageName(as) {
			return
		}
		inner.prefix += as.Text + "."
	}
	file, text, ok := l.included(name)
	if !ok {
		return
	}
	inner.within = append(slices.Clone(l.within), file)
	outer := l.unit
	l.unit = inner
	before, at, aside := len(l.problems), len(l.inlined), len(l.pipeline.Broken)
	l.inlined = append(l.inlined, inlined{prefix: strings.TrimPrefix(inner.prefix, newUnit(l.file).prefix)})
	l.inlined[at].root = l.source(file, text)
	told := slices.Clone(l.problems[before:])
	for _, broken := range l.pipeline.Broken[aside:] {
		told = append(told, broken.Problems...)
	}
	for _, problem := range told {
		problem.WithNote(node.Pos, "included here")
	}
	l.unit = outer
}

func (l *loader) arguments(node *document.Node) []document.Entry {
	if node.Kind != document.Map {
		l.fail(node, "write each as `name: value`", "with must be a mapping, not %s", kindName(node))
	}
	return node.Entries
}

// included reads the text of an included file.
func (l *loader) included(name *document.Node) (file string, text []byte, ok bool) {
	file, ok = l.path(name, l.dir, "included file")
	if !ok {
		return "", nil, false
	}
	if file == l.file || slices.Contains(l.within, file) {
		l.fail(name, "", "%s includes itself: %s", file, strings.Join(append(slices.Concat([]string{l.file}, l.within), file), " → "))
		return "", nil, false
	}
	if len(l.within) >= maxIncludes {
		l.fail(name, "", "files include each other more than %d deep", maxIncludes)
		return "", nil, false
	}
	text, err := l.read(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.fail(name, "paths are relative to "+describeDir(l.dir), "the included file %s is not there", file)
	case err != nil:
		l.fail(name, "", "the included file %s can't be read: %v", file, err)
	}
	return file, text, err == nil
}

// giveArgs puts the values of an include's with in the place of the file's own vars.
func (e *expander) giveArgs() {
	for _, arg := range e.args {
		name := scalarText(arg.Key)
		if _, owner := e.global.find(name); owner == nil {
			e.fail(arg.Key, didYouMean(name, e.global.names()), "%s has no var %q to give a value to", e.within[len(e.within)-1], name)
			continue
		}
		e.global.set(name, arg.Key, arg.Value)
	}
}

// Set is a name for several targets.
type Set struct {
	Name    string // behind the name of its file and a colon, where that is not at the root
	Targets []string
	Pos     diag.Pos
	places  []diag.Pos // of the targets
	file    string     // the pipeline file that it belongs to
}

// setsOf decodes pipelines: names of sets of targets.
func (l *loader) setsOf(node *document.Node) {
	if node.Kind != document.Map {
		l.fail(node, "write each as `name: [stages]`", "pipelines must be a mapping, not %s", kindName(node))
		return
	}
	for _, entry := range node.Entries {
		if !l.stageName(entry.Key) {
			continue
		}
		set := &Set{Name: l.prefix + entry.Key.Text, Pos: entry.Key.Pos, file: l.file}
		for _, item := range l.list(entry.Value, "a pipeline") {
			if target := l.text(item, "a target"); target != "" {
				set.Targets = append(set.Targets, l.prefix+target)
				set.places = append(set.places, item.Pos)
			}
		}
		if first, found := l.pipeline.sets[set.Name]; found {
			l.problems.Add(entry.Key.Errorf("pipeline %q is declared twice", set.Name).WithNote(first.Pos, "first declared here"))
			continue
		}
		l.pipeline.sets[set.Name] = set
	}
}

// checkSets reports sets that are called as a stage is, and targets that are nothing.
func (l *loader) checkSets() {
	for _, set := range l.pipeline.Sets() {
		if stage, found := l.pipeline.byName[set.Name]; found {
			l.problems.Add(diag.At(set.Pos, "pipeline %q is called as a stage is", set.Name).WithNote(stage.Pos, "the stage is declared here"))
		}
		for i, target := range set.Targets {
			if names := l.pipeline.Named(target); len(names) == 0 && !l.pipeline.isBroken(target) {
				problem := diag.At(set.places[i], "%q is no stage, group or pipeline", strings.TrimPrefix(target, l.prefix))
				if meant := l.pipeline.Nearest(target); meant != "" {
					problem.WithHint("did you mean %q?", meant)
				}
				l.problems.Add(problem)
			}
		}
	}
}

// Sets returns the named sets of targets, sorted by name.
func (p *Pipeline) Sets() []*Set {
	var sets []*Set
	for _, set := range p.sets {
		sets = append(sets, set)
	}
	slices.SortFunc(sets, func(a, b *Set) int { return strings.Compare(a.Name, b.Name) })
	return sets
}

// Named returns the names of the stages that a target stands for: a stage, a group, a
// named pipeline, or a pipeline file for all that it declares. It is empty when there is
// none of that name.
func (p *Pipeline) Named(target string) []string { return p.named(target, nil) }

func (p *Pipeline) named(target string, within []string) []string {
	if target == "" {
		return nil
	}
	if _, found := p.byName[target]; found {
		return []string{target}
	}
	var names []string
	if set, found := p.sets[target]; found && !slices.Contains(within, target) {
		for _, inner := range set.Targets {
			names = append(names, p.named(inner, append(within, target))...)
		}
		return names
	}
	for _, stage := range p.Stages {
		if stage.Group == target || stage.File == target {
			names = append(names, stage.Name)
		}
	}
	return names
}

// StandsFor reports whether a stage is among those that a target stands for; see Named.
func (p *Pipeline) StandsFor(target string, stage *Stage) bool {
	return p.standsFor(target, stage, nil)
}

func (p *Pipeline) standsFor(target string, stage *Stage, within []string) bool {
	if target == "" {
		return false
	}
	if _, found := p.byName[target]; found {
		return stage.Name == target
	}
	if set, found := p.sets[target]; found && !slices.Contains(within, target) {
		return slices.ContainsFunc(set.Targets, func(inner string) bool { return p.standsFor(inner, stage, append(within, target)) })
	}
	return stage.Group == target || stage.File == target
}

// Nearest returns what a person may have meant by a target that there is not: a stage,
// group, pipeline, file or out. It is empty when nothing is near.
func (p *Pipeline) Nearest(target string) string {
	var names []string
	whole := map[string]string{} // by what a name is without its file
	add := func(name, title string) {
		names = append(names, title)
		_, local, found := strings.Cut(name, ":")
		if found && name == title && whole[local] == "" {
			names = append(names, local)
			whole[local] = name
		}
	}
	for _, stage := range p.Stages {
		add(stage.Name, stage.Title())
		add(stage.Group, stage.Group)
		for _, out := range stage.Outs {
			names = append(names, out.Path)
		}
	}
	for _, set := range p.Sets() {
		add(set.Name, set.Name)
	}
	meant := diag.Nearest(target, append(names, p.Files...))
	if name, found := whole[meant]; found {
		return name
	}
	return meant
}
