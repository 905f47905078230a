package stages

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/values"
)

// varsFile is a file that vars name, as it was read.
type varsFile struct {
	root *document.Node // a Map; nil when something was wrong with it
}

// globals reads what all templates of the pipeline may use: params.yaml beside it
// when it is there, then its vars.
func (e *expander) globals(vars *document.Node) *scope {
	global := newScope(nil)
	params := path.Join(e.dir, ParamsFile)
	if _, err := e.read(params); !errors.Is(err, fs.ErrNotExist) {
		e.importFile(global, params, nil, e.root)
	}
	e.vars(global, vars, e.dir)
	return global
}

// vars merges a list of files and mappings into a scope; the files are relative to dir.
func (e *expander) vars(into *scope, vars *document.Node, dir string) {
	if vars == nil {
		return
	}
	for _, item := range e.list(vars, "vars") {
		if !e.plain(item) {
			continue
		}
		switch item.Kind {
		case document.String:
			e.varsFile(into, item, dir)
		case document.Map:
			if e.merge(into, e.settings.inVars(e.file, item)) {
				for _, entry := range item.Entries {
					into.used.declare(into, Var{Name: scalarText(entry.Key), Pos: entry.Key.Pos}, scalarText(entry.Key))
				}
			}
		default:
			e.fail(item, "write `file`, `file:key,key`, or `name: value`", "vars are files and mappings, not %s", kindName(item))
		}
	}
}

func (e *expander) merge(into *scope, from *document.Node) bool {
	problem := into.merge(from)
	e.problems.Add(problem)
	e.work(from, into.copied+len(from.Entries))
	into.copied = 0
	return problem == nil
}

// plain refuses templates: vars are what templates are filled in from.
func (e *expander) plain(node *document.Node) bool {
	fine := true
	switch node.Kind {
	case document.List:
		for _, item := range node.Items {
			fine = e.plain(item) && fine
		}
	case document.Map:
		for _, entry := range node.Entries {
			fine = e.plain(entry.Key) && e.plain(entry.Value) && fine
		}
	case document.String:
		if found := matches(node.Text); len(found) > 0 {
			e.failAt(node, found[0], "write the value out", "vars can't have templates")
			return false
		}
	}
	return fine
}

// varsFile reads `file` or `file:key,key`.
func (e *expander) varsFile(into *scope, node *document.Node, dir string) {
	name, list, _ := strings.Cut(node.Text, ":")
	file := node.Replace(name)
	file.Kind = document.String
	location, ok := e.path(file, dir, "vars file")
	if !ok {
		return
	}
	keys := slices.DeleteFunc(strings.Split(list, ","), func(key string) bool { return key == "" })
	if len(keys) == 0 {
		keys = nil
	}
	if loaded, found := into.imported(location); found {
		switch {
		case loaded == nil && keys == nil:
			return
		case loaded == nil:
			e.fail(node, "remove the line: its keys are there", "%s is loaded as a whole already", location)
			return
		case keys == nil:
			e.fail(node, "load it as a whole once, or by keys", "%s is loaded in part already", location)
			return
		}
		for _, key := range keys {
			if slices.Contains(loaded, key) {
				e.fail(node, "name each key once", "%q of %s is loaded already", key, location)
				return
			}
		}
	}
	e.importFile(into, location, keys, node)
}

// importFile merges a file, or some of its keys, into a scope. The node is where a
// problem with the file as such is shown.
func (e *expander) importFile(into *scope, location string, keys []string, node *document.Node) {
	root := e.load(location, node)
	if root == nil {
		return
	}
	if keys != nil {
		var entries []document.Entry
		e.work(node, len(keys)*len(root.Entries))
		for _, key := range keys {
			i := slices.IndexFunc(root.Entries, func(entry document.Entry) bool { return entry.Key.Text == key })
			if i < 0 {
				e.fail(node, didYouMean(key, root.Keys()), "%s has no key %q", location, key)
				return
			}
			if !slices.ContainsFunc(entries, func(entry document.Entry) bool { return entry.Key.Text == key }) {
				entries = append(entries, root.Entries[i])
			}
		}
		root = root.WithEntries(entries)
	}
	if !e.merge(into, root) {
		return
	}
	e.declareFile(into, location, keys, node)
	loaded, _ := into.imported(location)
	if keys != nil {
		keys = append(slices.Clone(loaded), keys...)
	}
	into.imports[location] = keys
}

// declareFile notes a file that vars name as a whole, or each key of it that they name.
func (e *expander) declareFile(into *scope, location string, keys []string, node *document.Node) {
	for _, key := range keys {
		into.used.declare(into, Var{Name: key, Pos: node.Pos}, key)
	}
	if keys == nil && node != e.root {
		into.used.declare(into, Var{Name: location, File: true, Pos: node.Pos}, e.files[location].root.Keys()...)
	}
}

// load reads a file once and returns its mapping, or nil and a problem.
func (e *expander) load(location string, node *document.Node) *document.Node {
	if file, found := e.files[location]; found {
		return file.root
	}
	file := &varsFile{}
	e.files[location] = file
	text, err := e.read(location)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		delete(e.files, location)
		e.fail(node, "paths of vars are relative to the pipeline's file, in a stage to its wdir", "the vars file %s is not there", location)
		return nil
	case err != nil:
		delete(e.files, location)
		e.fail(node, "", "the vars file %s can't be read: %v", location, err)
		return nil
	}
	e.sources[location] = diag.NewLines(text)
	tree, err := values.Load(location, text)
	if err != nil {
		e.problems.AddErr(err)
		return nil
	}
	root := e.settings.in(tree).Node()
	switch {
	case root == nil:
		root = (&document.Node{}).WithEntries(nil)
	case root.Kind != document.Map:
		e.fail(root, "write `name: value` on each line", "%s must be a mapping to be used in templates, not %s", location, kindName(root))
		return nil
	}
	file.root = root
	return root
}
