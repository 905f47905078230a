package stages

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/document"
)

// kindName says what a node is, with its article.
func kindName(node *document.Node) string {
	switch node.Kind {
	case document.Null:
		return "empty"
	case document.Bool:
		return "a boolean"
	case document.Int, document.Float:
		return "a number"
	case document.String:
		return "a text"
	case document.List:
		return "a list"
	}
	return "a mapping"
}

func isScalar(node *document.Node) bool {
	return node.Kind != document.List && node.Kind != document.Map && node.Kind != document.Null
}

// text decodes a scalar as the person typed it.
func (l *loader) text(node *document.Node, what string) string {
	if !isScalar(node) {
		l.fail(node, "", "%s must be a text, not %s", what, kindName(node))
		return ""
	}
	return node.Text
}

func (l *loader) flag(node *document.Node, what string) bool {
	if node.Kind != document.Bool {
		l.fail(node, "write true or false", "%s must be true or false, not %s", what, kindName(node))
	}
	return strings.EqualFold(node.Text, "true")
}

// stdin decodes where a command's standard input comes from.
func (l *loader) stdin(node *document.Node) bool {
	text := l.text(node, "stdin")
	if isScalar(node) && text != "inherit" && text != "none" {
		l.fail(node, "write inherit, or none", "stdin can't be %q", text)
	}
	return text == "inherit"
}

// list returns the items of a list; an empty value has none, and one scalar
// stands for a list of one where a person may well write it so.
func (l *loader) list(node *document.Node, what string) []*document.Node {
	switch node.Kind {
	case document.List:
		return node.Items
	case document.Null:
		return nil
	}
	l.fail(node, "put a dash before each item", "%s must be a list, not %s", what, kindName(node))
	return nil
}

// cmd decodes a command: a text is one script, a list is several.
func (l *loader) cmd(node *document.Node) (scripts []string, places []diag.Pos) {
	items := []*document.Node{node}
	if node.Kind == document.List {
		items = node.Items
	}
	for _, item := range items {
		script := l.text(item, "cmd")
		if isScalar(item) && strings.TrimSpace(script) == "" {
			l.fail(item, "write the command that makes the outs", "cmd is empty")
		}
		if strings.ContainsRune(script, 0) {
			l.fail(item, "", "cmd holds a NUL byte")
		}
		scripts, places = append(scripts, strings.TrimRight(script, "\n")), append(places, item.Pos)
	}
	if len(scripts) == 0 {
		l.fail(node, "write the command that makes the outs", "cmd is empty")
	}
	return scripts, places
}

// words decodes the words before a script: a text split at spaces, or a list.
func (l *loader) words(node *document.Node) []string {
	if node.Kind != document.List {
		words := strings.Fields(l.text(node, "shell"))
		if isScalar(node) && len(words) == 0 {
			l.fail(node, "for instance: sh -c", "shell is empty")
		}
		return words
	}
	var words []string
	for _, item := range node.Items {
		words = append(words, l.text(item, "shell"))
	}
	return words
}

// envVars decodes a mapping of names to values, over what is set already.
func (l *loader) envVars(node *document.Node, over []EnvVar) []EnvVar {
	vars := slices.Clone(over)
	if node.Kind == document.Null {
		return vars
	}
	if node.Kind != document.Map {
		l.fail(node, "write each variable as NAME: value", "env must be a mapping, not %s", kindName(node))
		return vars
	}
	for _, entry := range node.Entries {
		name := entry.Key.Text
		if name == "" || strings.ContainsAny(name, "=\x00") {
			l.fail(entry.Key, "", "%q can't be the name of an environment variable", name)
			continue
		}
		value := ""
		if entry.Value.Kind != document.Null {
			value = l.text(entry.Value, "the value of "+name)
		}
		vars = slices.DeleteFunc(vars, func(v EnvVar) bool { return v.Name == name })
		vars = append(vars, EnvVar{Name: name, Value: value})
	}
	slices.SortFunc(vars, func(a, b EnvVar) int { return cmp.Compare(a.Name, b.Name) })
	return vars
}

// path decodes a path relative to dir into one relative to the project's root.
func (l *loader) path(node *document.Node, dir, what string) (string, bool) {
	if !isScalar(node) {
		l.fail(node, "", "a %s must be a path, not %s", what, kindName(node))
		return "", false
	}
	declared := node.Text
	hint := "paths are relative to " + describeDir(dir) + " and stay inside the project"
	switch {
	case declared == "":
		l.fail(node, "", "a %s is an empty path", what)
		return "", false
	case strings.Contains(declared, "://"):
		l.fail(node, "fetch it to a file in a stage of its own, and depend on the file", "%s %q is a URL, which this version does not read", what, declared)
		return "", false
	case path.IsAbs(declared) || windowsAbs(declared):
		l.fail(node, hint, "%s %q is an absolute path", what, declared)
		return "", false
	}
	cleaned := path.Join(dir, declared)
	if cleaned == "." {
		return ".", true
	}
	if cleaned == ".." || strings.HasPrefix(cleaned, "../") {
		l.fail(node, hint, "%s %q lies outside the project", what, declared)
		return "", false
	}
	if err := disk.CheckName(cleaned); err != nil {
		l.fail(node, "", "%s %q can't be used: %v", what, declared, err)
		return "", false
	}
	return cleaned, true
}

// windowsAbs knows C:\x, which would be absolute on another machine.
func windowsAbs(name string) bool {
	return len(name) > 2 && name[1] == ':' && (name[2] == '\\' || name[2] == '/')
}

func describeDir(dir string) string {
	if dir == "." {
		return "the project's root"
	}
	return dir + "/"
}

func (l *loader) wdir(node *document.Node) string {
	dir, _ := l.path(node, l.dir, "wdir")
	return dir
}

func (l *loader) paths(node *document.Node, what string) []Path {
	var found []Path
	for _, item := range l.list(node, what) {
		if location, ok := l.path(item, l.dir, what+" file"); ok {
			found = append(found, Path{Path: location, Pos: item.Pos})
		}
	}
	return found
}

// metricFiles decodes the metrics at the top: paths, and paths with how their values are
// judged.
func (l *loader) metricFiles(node *document.Node) []MetricFile {
	var found []MetricFile
	for _, item := range l.list(node, "metrics") {
		if item.Kind != document.Map {
			if location, ok := l.path(item, l.dir, "metrics file"); ok {
				found = append(found, MetricFile{Path: Path{Path: location, Pos: item.Pos}})
			}
			continue
		}
		for _, entry := range item.Entries {
			location, ok := l.path(entry.Key, l.dir, "metrics file")
			if !ok {
				continue
			}
			file := MetricFile{Path: Path{Path: location, Pos: entry.Key.Pos}}
			if entry.Value.Kind != document.Null {
				l.fields(entry.Value, "metrics file "+location, map[string]field{
					"direction": func(n *document.Node) { file.Direction = l.direction(n) },
					"tolerance": func(n *document.Node) { file.Tolerance = l.tolerance(n) },
				})
			}
			found = append(found, file)
		}
	}
	return found
}

// params decodes "key" of the default file, and {file: [keys]} of others.
func (l *loader) params(node *document.Node, wdir string) []Param {
	var params []Param
	for _, item := range l.list(node, "params") {
		if item.Kind != document.Map {
			key := l.text(item, "a param")
			if key != "" {
				params = append(params, Param{File: path.Join(wdir, ParamsFile), Key: key, Pos: item.Pos})
			}
			continue
		}
		for _, entry := range item.Entries {
			params = append(params, l.paramsOf(entry, wdir)...)
		}
	}
	slices.SortStableFunc(params, func(a, b Param) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Key, b.Key))
	})
	return slices.CompactFunc(params, func(a, b Param) bool { return a.File == b.File && a.Key == b.Key })
}

func (l *loader) paramsOf(entry document.Entry, wdir string) []Param {
	file, ok := l.path(entry.Key, wdir, "params file")
	if !ok {
		return nil
	}
	if entry.Value.Kind == document.Null || entry.Value.Kind == document.List && len(entry.Value.Items) == 0 {
		return []Param{{File: file, Pos: entry.Key.Pos}}
	}
	var params []Param
	for _, item := range l.list(entry.Value, "the keys of "+file) {
		params = append(params, Param{File: file, Key: l.text(item, "a param"), Pos: item.Pos})
	}
	return params
}
