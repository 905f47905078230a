package stages

import (
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

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
	read      Files
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
func (l *loader) expand(root *document.Node, text []byte, read Files) *document.Node {
	if root.Kind != document.Map || !needsExpansion(root, text) {
		return root
	}
	if read == nil {
		read = func(name string) ([]byte, error) {
			return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
		}
	}
	e := &expander{loader: l, read: read, root: root, files: map[string]*varsFile{}, flags: map[*document.Node]string{}}
	e.global = e.globals(root.Get("vars"))
	if len(e.problems) > 0 {
		return nil
	}
	var entries []document.Entry
	for _, entry := range root.Entries {
		switch entry.Key.Text {
		case "vars":
			continue
		case "params", "metrics", "plots", "env", "shell":
			entry.Value = e.fill(entry.Value, e.global, takesAny)
		case "stages":
			if entry.Value.Kind == document.Map {
				entry.Value = e.stages(entry.Value)
			}
		}
		entries = append(entries, entry)
	}
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
		body := entry.Value
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
		entries = append(entries, document.Entry{Key: entry.Key, Value: e.fill(entry.Value, names, may)})
	}
	return body.WithEntries(entries), len(e.problems) == before
}

// member is one stage of a group: what its name has behind the @, and its names.
type member struct {
	key   string
	item  *document.Node
	named bool // ${key} is set
}

// foreach makes a stage for each item of a list or a mapping.
func (e *expander) foreach(name, body *document.Node) []document.Entry {
	before := len(e.problems)
	what := fmt.Sprintf("stage %q", name.Text)
	e.fields(body, what, map[string]field{"foreach": nil, "do": nil})
	data, do := body.Get("foreach"), body.Get("do")
	switch {
	case data == nil:
		e.fail(name, "add foreach: with a list or a mapping", "%s has do without foreach", what)
	case do == nil:
		e.fail(name, "add do: with the stage, cmd and all, below it", "%s has foreach without do", what)
	}
	if len(e.problems) > before {
		return nil
	}
	filled := e.fill(data, e.global, takesAny)
	if len(e.problems) > before {
		return nil
	}
	switch filled.Kind {
	case document.Map:
		return e.group(name, do, e.keyed(filled))
	case document.List:
		return e.group(name, do, e.listed(data, filled))
	}
	e.fail(data, "", "foreach must be a list or a mapping, not %s", kindName(filled))
	return nil
}

func (e *expander) keyed(data *document.Node) []member {
	members := make([]member, len(data.Entries))
	for i, entry := range data.Entries {
		members[i] = member{key: scalarText(entry.Key), item: entry.Value, named: true}
	}
	return members
}

// listed names the stages by the items, or by their ranks when any is a list or a
// mapping. Of equal items there is one.
func (e *expander) listed(declared, data *document.Node) []member {
	var members []member
	byRank := false
	for _, item := range data.Items {
		byRank = byRank || item.Kind >= document.List
	}
	at := map[string]int{}
	for i, item := range data.Items {
		key := strconv.Itoa(i)
		if !byRank {
			key = e.nameOf(declared, data, i)
		}
		if first, found := at[key]; found {
			members[first].item = item
			continue
		}
		at[key] = len(members)
		members = append(members, member{key: key, item: item})
	}
	return members
}

// nameOf is a scalar of a list as part of a name. Booleans that come from a variable
// have the names that DVC gives them.
func (e *expander) nameOf(declared, data *document.Node, i int) string {
	item := data.Items[i]
	switch item.Kind {
	case document.Null:
		e.fail(data.Items[i], "write a text, a number or a boolean", "an item is empty")
	case document.Bool:
		if declared != data && (declared.Kind != document.List || declared.Items[i].Kind != document.Bool) {
			return pythonBool(item)
		}
	}
	return scalarText(item)
}

// group makes the stages of a foreach or a matrix. The first that can't be made is
// reported, as the mistake is mostly in the others, too.
func (e *expander) group(name, body *document.Node, members []member) []document.Entry {
	if len(members) > maxGroup {
		e.fail(name, "", "stage %q makes %d stages, which is more than %d", name.Text, len(members), maxGroup)
	}
	if !e.stageName(name) || len(e.problems) > 0 && len(members) > maxGroup {
		return nil
	}
	if body.Kind != document.Map {
		e.fail(body, "", "do must be a mapping, not %s", kindName(body))
		return nil
	}
	for _, word := range []string{"foreach", "do", "matrix"} {
		if inner := body.Get(word); inner != nil {
			e.fail(inner, "to combine several lists, use one matrix", "a %s can't stand inside another", word)
			return nil
		}
	}
	e.warnShadowed(name, members)
	entries := make([]document.Entry, 0, len(members))
	for _, m := range members {
		if e.exhausted {
			break
		}
		key := placed(name, document.String, name.Text+"@"+m.key)
		if problem := keyProblem(m.key); problem != "" {
			e.fail(m.item, "", "the stage name %q %s", key.Text, problem)
			return nil
		}
		names := newScope(e.global)
		names.reserved = true
		names.set("item", name, m.item)
		if m.named {
			names.set("key", name, placed(name, document.String, m.key))
		}
		before := len(e.problems)
		stage, ok := e.stage(body, names)
		if !ok {
			for _, problem := range e.problems[before:] {
				problem.WithNote(m.item.Pos, "in the stage %s", short(key.Text))
			}
			return nil
		}
		e.groups[key] = name.Text
		entries = append(entries, document.Entry{Key: key, Value: stage})
	}
	return entries
}

// keyProblem says why a text can't stand behind the @ of a stage's name.
func keyProblem(key string) string {
	if strings.TrimSpace(key) == "" {
		return "has nothing behind the @"
	}
	return unshowable(key)
}

// warnShadowed warns of variables that a group's own item and key hide.
func (e *expander) warnShadowed(name *document.Node, members []member) {
	for _, word := range []string{"item", "key"} {
		entry, owner := e.global.find(word)
		if owner == nil || len(members) == 0 || word == "key" && !members[0].named {
			continue
		}
		warning := name.Errorf("in the stages of %q, ${%s} is not the variable of that name", name.Text, word)
		e.pipeline.Warnings.Add(warning.WithNote(entry.Key.Pos, "the variable is defined here"))
	}
}
