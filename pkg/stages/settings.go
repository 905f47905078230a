package stages

import (
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/values"
)

// settings are the values that a person gives params and vars for one command.
type settings struct {
	all   []values.Setting
	made  []bool   // of all: something has the key
	known []string // keys that could be set, to find one that was meant

	inCmd bool // a cmd is being filled in
	names []string
	cmds  map[*document.Node][]string // by stage: what its cmd was filled in from
}

// filled notes what a template of a cmd stands for.
func (s *settings) filled(path []string) {
	if s.inCmd {
		s.names = append(s.names, strings.Join(path, "."))
	}
}

// in returns a file's values with the settings made.
func (s *settings) in(tree *values.Tree) *values.Tree {
	for i, setting := range s.all {
		var made bool
		tree, made = setting.In(tree)
		s.made[i] = s.made[i] || made
	}
	if len(s.all) > 0 {
		for _, leaf := range tree.Flatten() {
			s.known = append(s.known, leaf.Key)
		}
	}
	return tree
}

// inVars is in for vars that stand in the pipeline file itself.
func (s *settings) inVars(file string, node *document.Node) *document.Node {
	tree, err := values.Of(file, node)
	if err != nil || len(s.all) == 0 {
		return node // what is wrong with it is told elsewhere
	}
	if set := s.in(tree); set != tree {
		return set.Node()
	}
	return node
}

// checkSettings reports settings of what neither a template nor a stage reads.
func (l *loader) checkSettings() {
	if len(l.settings.all) == 0 || len(l.pipeline.Broken) > 0 {
		return
	}
	read := map[string]bool{}
	for _, stage := range l.pipeline.Stages {
		for _, param := range stage.Params {
			if read[param.File] {
				continue
			}
			read[param.File] = true
			text, err := l.read(param.File)
			if err != nil {
				continue // the engine tells
			}
			if tree, err := values.Load(param.File, text); err == nil {
				l.settings.in(tree)
			}
		}
	}
	for i, setting := range l.settings.all {
		if l.settings.made[i] {
			continue
		}
		problem := diag.At(diag.Pos{}, "--set %s: no vars and no stage's params have the key %q", setting.Text, setting.Key)
		if setting.File != "" {
			problem = diag.At(diag.Pos{}, "--set %s: %s has no key %q that templates or stages read", setting.Text, setting.File, setting.Key)
		}
		if near := diag.Nearest(setting.Key, l.settings.known); near != "" {
			problem.WithHint("did you mean %s?", near)
		}
		l.problems.Add(problem)
	}
}
