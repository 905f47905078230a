package stages

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// Load reads a pipeline from a file of a project: the file system's root is the
// project's. The error is a diag.List of all that is wrong with it.
func Load(project fs.FS, file string) (*Pipeline, error) {
	text, err := fs.ReadFile(project, file)
	if err != nil {
		return nil, fmt.Errorf("read the pipeline: %w", err)
	}
	return Parse(file, text, func(name string) ([]byte, error) { return fs.ReadFile(project, name) })
}

// LoadDir is Load for a project in a directory.
func LoadDir(root, file string) (*Pipeline, error) { return Load(os.DirFS(root), file) }

// Files reads the other files that a pipeline is made from, by their name relative to
// the project's root. Where there is none, the error is fs.ErrNotExist.
type Files func(name string) ([]byte, error)

// Parse reads a pipeline from the text of its file, whose name is relative to the
// project's root: the paths in it are relative to the file's directory. The files
// that its vars name come from read, as does params.yaml when there are templates.
func Parse(file string, text []byte, read Files) (*Pipeline, error) {
	return ParseWith(Options{}, file, text, read)
}

// parse is the straight line: read, expand, decode, check. It returns what each file
// holds when it is expanded.
func parse(options Options, files []Source, read Files) (*Pipeline, []*document.Node, error) {
	if read == nil {
		read = func(name string) ([]byte, error) {
			return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
		}
	}
	l := &loader{
		pipeline: &Pipeline{File: files[0].File, byName: map[string]*Stage{}, sets: map[string]*Set{}},
		options:  options,
		read:     read,
		settings: settings{all: options.Set, made: make([]bool, len(options.Set)), cmds: map[*document.Node][]string{}},
		sources:  map[string]*diag.Lines{},
		groups:   map[*document.Node]string{},
	}
	roots := make([]*document.Node, len(files))
	for i, file := range files {
		l.unit = newUnit(file.File)
		l.inlined = nil
		before := len(l.problems)
		if roots[i] = l.source(file.File, file.Text); roots[i] != nil {
			roots[i] = inline(roots[i], l.inlined)
		}
		if len(files) > 1 {
			l.setFileAside(before, file.File)
		}
		l.pipeline.Files = append(l.pipeline.Files, file.File)
	}
	if len(l.problems) == 0 {
		l.checkSets()
		l.checkSettings()
	}
	if len(l.problems) == 0 {
		l.problems = append(l.problems, l.checkGraph()...)
	}
	if err := l.told(l.problems).Err(); err != nil {
		return nil, nil, err
	}
	l.tellBroken()
	l.pipeline.Warnings = append(l.pipeline.Warnings, l.pipeline.FoldedTwice()...)
	return l.pipeline, roots, nil
}

// loader turns nodes into a Pipeline and collects what is wrong.
type loader struct {
	unit
	pipeline *Pipeline
	options  Options
	read     Files
	settings settings
	sources  map[string]*diag.Lines    // the files that problems may be in
	groups   map[*document.Node]string // by the name of a stage: the foreach or matrix that makes it
	inlined  []inlined                 // what the file at hand includes
	problems diag.List
}

// told returns the problems as they are shown. What is wrong in many stages of a group
// is told once, at its place.
func (l *loader) told(problems diag.List) diag.List {
	seen := map[diag.Pos]bool{}
	var told diag.List
	for _, problem := range problems {
		if len(l.groups) > 0 && seen[problem.Pos] {
			continue
		}
		seen[problem.Pos] = true
		if source := l.sources[problem.Pos.File]; source != nil {
			source.Show(problem)
		}
		told = append(told, problem)
	}
	return told
}

// checkGraph reports what only shows when all stages are known.
func (l *loader) checkGraph() diag.List {
	if _, err := l.pipeline.Graph(); err != nil {
		return diag.All(err)
	}
	return nil
}

func (l *loader) fail(node *document.Node, hint, format string, args ...any) {
	problem := node.Errorf(format, args...)
	problem.Hint = hint
	l.problems.Add(problem)
}

// field decodes the value of one key.
type field func(*document.Node)

// fields walks a mapping and calls the field of each key; a key without one is a
// mistake.
func (l *loader) fields(node *document.Node, what string, known map[string]field) {
	if node.Kind != document.Map {
		l.fail(node, "", "%s must be a mapping, not %s", what, kindName(node))
		return
	}
	for _, entry := range node.Entries {
		decode, found := known[entry.Key.Text]
		if !found {
			l.unknown(entry.Key, what, known)
			continue
		}
		if decode != nil {
			decode(entry.Value)
		}
	}
}

func (l *loader) unknown(key *document.Node, what string, known map[string]field) {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	hint := didYouMean(key.Text, names)
	if hint == "" {
		hint = "the keys are " + strings.Join(names, ", ")
	}
	l.fail(key, hint, "%s has an unknown key %q", what, key.Text)
}

func didYouMean(word string, candidates []string) string {
	if near := diag.Nearest(word, candidates[:min(len(candidates), maxCandidates)]); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

func (l *loader) pipelineKeys(root *document.Node) {
	var data, stages, include *document.Node
	l.fields(root, "the pipeline", map[string]field{
		"data":      func(n *document.Node) { data = n },
		"stages":    func(n *document.Node) { stages = n },
		"env":       func(n *document.Node) { l.env = l.envVars(n, nil) },
		"shell":     func(n *document.Node) { l.shell = l.words(n) },
		"params":    func(n *document.Node) { l.pipeline.Params = append(l.pipeline.Params, l.paths(n, "params")...) },
		"metrics":   func(n *document.Node) { l.pipeline.Metrics = append(l.pipeline.Metrics, l.metricFiles(n)...) },
		"plots":     func(n *document.Node) { l.pipeline.Plots = append(l.pipeline.Plots, l.topPlots(n)...) },
		"artifacts": func(n *document.Node) { l.pipeline.Artifacts = append(l.pipeline.Artifacts, l.artifacts(n)...) },
		"meta":      nil,
		"pipelines": l.setsOf,
		"include":   func(n *document.Node) { include = n },
		"vars":      nil, // as are foreach, matrix and do in a stage, it is gone by now
	})
	if data != nil {
		for i, item := range l.list(data, "data") {
			l.dataSource(item, i)
		}
	}
	l.stages(stages)
	if include != nil {
		for _, item := range l.list(include, "include") {
			l.include(item)
		}
	}
}

func (l *loader) stages(node *document.Node) {
	if node == nil || node.Kind == document.Null {
		return
	}
	if node.Kind != document.Map {
		l.fail(node, "write each stage as a name with a mapping below it", "stages must be a mapping, not %s", kindName(node))
		return
	}
	for _, entry := range node.Entries {
		before := len(l.problems)
		l.stage(entry.Key, entry.Value)
		l.setAside(before, entry.Key.Text, entry.Value)
	}
}

// dataSource decodes one entry of data: a path, or a mapping with one.
func (l *loader) dataSource(node *document.Node, i int) {
	stage := &Stage{Source: true, File: l.file, Wdir: l.dir, Pos: node.Pos, Entry: []string{"data", fmt.Sprintf("[%d]", i)}}
	var location string
	var pathNode *document.Node
	switch node.Kind {
	case document.Map:
		l.fields(node, "a data source", map[string]field{
			"path":   func(n *document.Node) { pathNode = n },
			"desc":   func(n *document.Node) { stage.Desc = l.text(n, "desc") },
			"frozen": func(n *document.Node) { stage.Frozen = l.flag(n, "frozen") },
			"url":    func(n *document.Node) { stage.URL = l.text(n, "url") },
			"repo":   func(n *document.Node) { stage.Repo = l.repo(n) },
			"meta":   nil,
		})
		if stage.Repo != nil && stage.URL != "" {
			l.fail(node, "keep one of them", "a data source has both a url and a repo")
		}
		if pathNode == nil {
			l.fail(node, "add path: and the file or directory", "a data source has no path")
			return
		}
	default:
		pathNode = node
	}
	location, ok := l.path(pathNode, l.dir, "data source")
	if !ok {
		return
	}
	stage.Name = SourcePrefix + location
	stage.Outs = []Out{{Path: location, Pos: pathNode.Pos, Kind: PlainOut, Cache: true, Push: true}}
	l.add(stage)
}

func (l *loader) add(stage *Stage) {
	if first, found := l.pipeline.byName[stage.Name]; found {
		l.problems.Add(diag.At(stage.Pos, "%s is declared twice", stage.kindName()).WithNote(first.Pos, "first declared here"))
		return
	}
	l.pipeline.byName[stage.Name] = stage
	l.pipeline.Stages = append(l.pipeline.Stages, stage)
}

// stage decodes one stage.
func (l *loader) stage(name, node *document.Node) {
	group, before := l.groups[name], len(l.problems)
	if group == "" && !l.stageName(name) {
		return
	}
	what := fmt.Sprintf("stage %q", name.Text)
	stage := &Stage{Name: l.prefix + name.Text, File: l.file, Pos: name.Pos, Wdir: l.dir, Shell: l.shell, Env: l.env, Filled: l.settings.cmds[node]}
	if group != "" {
		stage.Group = l.prefix + group
	} else {
		stage.Entry = []string{"stages", name.Text}
	}
	var mapped *document.Node
	if node.Kind == document.Map {
		if wdir := node.Get("wdir"); wdir != nil {
			stage.Wdir = l.wdir(wdir)
		}
	}
	l.fields(node, what, l.effortFields(&stage.Effort, map[string]field{
		"cmd":            func(n *document.Node) { stage.Cmd, stage.CmdPos = l.cmd(n) },
		"wdir":           nil,
		"shell":          func(n *document.Node) { stage.Shell = l.words(n) },
		"env":            func(n *document.Node) { stage.Env = l.envVars(n, l.env) },
		"deps":           func(n *document.Node) { stage.Deps = l.deps(n, stage.Wdir) },
		"params":         func(n *document.Node) { stage.Params = l.params(n, stage.Wdir) },
		"outs":           func(n *document.Node) { l.outs(n, stage, PlainOut) },
		"metrics":        func(n *document.Node) { l.outs(n, stage, Metric) },
		"plots":          func(n *document.Node) { l.outs(n, stage, PlotOut) },
		"frozen":         func(n *document.Node) { stage.Frozen = l.flag(n, "frozen") },
		"always_changed": func(n *document.Node) { stage.AlwaysChanged = l.flag(n, "always_changed") },
		"stdin":          func(n *document.Node) { stage.Stdin = l.stdin(n) },
		"desc":           func(n *document.Node) { stage.Desc = l.text(n, "desc") },
		"meta":           nil,
		"map":            func(n *document.Node) { mapped = n },
		"vars":           nil,
		"foreach":        nil,
		"do":             nil,
		"matrix":         nil,
	}))
	if node.Kind == document.Map && node.Get("cmd") == nil {
		l.fail(name, "add cmd: and the command that makes its outs", "%s has no cmd", what)
	}
	if mapped != nil {
		if l.mapOf(mapped, stage); stage.Map != nil {
			l.mapOuts(stage)
			if stage.Stdin {
				l.fail(node.Get("stdin"), "leave it out, and name the files that the commands read", "%s has map: its commands can't all read one standard input", what)
			}
			l.checkMapCmd(stage, name)
		}
	}
	slices.SortStableFunc(stage.Outs, func(a, b Out) int { return kindOrder[a.Kind] - kindOrder[b.Kind] })
	if !l.setAside(before, name.Text, node) {
		l.add(stage)
	}
}

var kindOrder = map[OutKind]int{PlainOut: 0, Metric: 1, PlotOut: 2}

// NameProblem says why a text can't be a stage's name; "" when it can.
func NameProblem(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "is empty"
	case unshowable(name) != "":
		return unshowable(name)
	case strings.ContainsAny(name, "/\\:"):
		return "has one of the characters / \\ : that belong to paths"
	case strings.HasPrefix(name, "-"):
		return "starts with a dash, as options do"
	}
	return ""
}

func unshowable(name string) string {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return "has characters that can't be shown"
	}
	return ""
}

func (l *loader) stageName(name *document.Node) bool {
	problem := NameProblem(name.Text)
	if problem != "" {
		l.fail(name, "letters, digits, - and _ are safe", "the stage name %q %s", name.Text, problem)
	}
	return problem == ""
}
