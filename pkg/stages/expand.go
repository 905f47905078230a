package stages

import (
	"bytes"
	"path"

	"flow/pkg/document"
)

// Expand returns the values of a pipeline's file as Parse decodes them: with vars
// merged, templates filled in, and a stage for each item of a foreach or a matrix.
func Expand(file string, text []byte, read Files) (*document.Node, error) {
	return ExpandWith(Options{}, file, text, read)
}

// expander fills in the templates of a pipeline before it is decoded. It works on
// values that know their place, so that all it makes knows its place, too.
type expander struct {
	*loader
	root      *document.Node
	global    *scope
	files     map[string]*varsFile
	flags     map[*document.Node]string // that mappings in cmds became
	nodes     int
	bytes     int
	steps     int
	exhausted bool
}

// expand returns the pipeline without vars, foreach, matrix and templates. What is
// wrong with a stage is among the problems, and the stage is left out.
func (l *loader) expand(root *document.Node, text []byte) *document.Node {
	if root.Kind != document.Map || !needsExpansion(root, text) && len(l.args) == 0 {
		return root
	}
	before := len(l.problems)
	e := &expander{loader: l, root: root, files: map[string]*varsFile{}, flags: map[*document.Node]string{}}
	e.global = e.globals(root.Get("vars"))
	e.giveArgs()
	if len(e.problems) > before {
		return nil
	}
	var entries []document.Entry
	for _, entry := range root.Entries {
		switch entry.Key.Text {
		case "vars":
			continue
		case "params", "metrics", "plots", "artifacts", "include", "env", "shell":
			entry.Value = e.fill(entry.Value, e.global, takesAny)
		case "stages":
			if entry.Value.Kind == document.Map {
				entry.Value = e.stages(entry.Value)
			}
		}
		entries = append(entries, entry)
	}
	e.noteUsage(path.Join(e.dir, ParamsFile))
	return root.WithEntries(entries)
}

// needsExpansion tells whether there is anything to do: without it, nobody reads
// params.yaml.
func needsExpansion(root *document.Node, text []byte) bool {
	if bytes.Contains(text, []byte("${")) || root.Get("vars") != nil {
		return true
	}
	stages := root.Get("stages")
	if stages == nil || stages.Kind != document.Map {
		return false
	}
	for _, entry := range stages.Entries {
		for _, word := range []string{"vars", "foreach", "do", "matrix"} {
			if entry.Value.Kind == document.Map && entry.Value.Get(word) != nil {
				return true
			}
		}
	}
	return false
}

func (e *expander) stages(node *document.Node) *document.Node {
	var entries []document.Entry
	for _, entry := range node.Entries {
		if e.exhausted {
			break
		}
		body, before, made := entry.Value, len(e.problems), len(entries)
		switch {
		case body.Kind != document.Map:
			entries = append(entries, entry)
		case body.Get("foreach") != nil || body.Get("do") != nil:
			entries = append(entries, e.foreach(entry.Key, body)...)
		case body.Get("matrix") != nil:
			entries = append(entries, e.matrix(entry.Key, body)...)
		default:
			if stage, ok := e.stage(body, e.global); ok {
				entries = append(entries, document.Entry{Key: entry.Key, Value: stage})
			}
		}
		if !e.exhausted && e.setAside(before, entry.Key.Text, body) {
			entries = entries[:made]
		}
	}
	return e.checkNames(node, entries)
}

// checkNames reports stages that a group makes under the name of another.
func (e *expander) checkNames(node *document.Node, entries []document.Entry) *document.Node {
	seen := map[string]*document.Node{}
	kept := entries[:0]
	for _, entry := range entries {
		if first, found := seen[entry.Key.Text]; found {
			e.problems.Add(entry.Key.Errorf("stage %q is declared twice", entry.Key.Text).WithNote(first.Pos, "first declared here"))
			continue
		}
		seen[entry.Key.Text] = entry.Key
		kept = append(kept, entry)
	}
	return node.WithEntries(kept)
}

// stage fills in one stage, over the names around it and its own vars.
func (e *expander) stage(body *document.Node, outer *scope) (*document.Node, bool) {
	before, names := len(e.problems), outer
	if vars := body.Get("vars"); vars != nil {
		dir := e.dir
		if wdir := body.Get("wdir"); wdir != nil {
			dir = e.wdir(e.fill(wdir, outer, takesScalars))
		}
		if len(e.problems) > before {
			return nil, false
		}
		names = newScope(outer)
		e.vars(names, vars, dir)
		if len(e.problems) > before {
			return nil, false
		}
	}
	if mapped := body.Get(mapName); mapped != nil {
		names = mapNames(names, mapped)
	}
	e.spend(body, 1, 0)
	entries := make([]document.Entry, 0, len(body.Entries))
	for _, entry := range body.Entries {
		if entry.Key.Text == "vars" {
			continue
		}
		may := takesScalars
		if entry.Key.Text == "cmd" {
			may = takesFlags
		}
		e.settings.inCmd = may == takesFlags && len(e.settings.all) > 0
		entries = append(entries, document.Entry{Key: entry.Key, Value: e.fill(entry.Value, names, may)})
	}
	stage := body.WithEntries(entries)
	e.settings.inCmd = false
	if len(e.settings.names) > 0 {
		e.settings.cmds[stage], e.settings.names = e.settings.names, nil
	}
	return stage, len(e.problems) == before
}
