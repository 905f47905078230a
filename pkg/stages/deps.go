package stages

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/glob"
)

// deps decodes what a stage reads: paths, patterns, URLs, and mappings for all else.
func (l *loader) deps(node *document.Node, wdir string) []Dep {
	var deps []Dep
	seen := map[string]diag.Pos{}
	for _, item := range l.list(node, "deps") {
		dep, ok := l.dep(item, wdir)
		if !ok {
			continue
		}
		if _, found := seen[dep.Path]; found {
			l.fail(item, "name it once", "dep %q is declared twice", dep.Path)
			continue
		}
		seen[dep.Path] = item.Pos
		deps = append(deps, dep)
	}
	return deps
}

func (l *loader) dep(item *document.Node, wdir string) (Dep, bool) {
	if item.Kind == document.Map {
		return l.otherDep(item, wdir)
	}
	if isScalar(item) && strings.Contains(item.Text, "://") {
		return l.urlDep(item)
	}
	return l.pathDep(item, wdir)
}

func (l *loader) pathDep(item *document.Node, wdir string) (Dep, bool) {
	location, ok := l.path(item, wdir, "dep")
	if !ok {
		return Dep{}, false
	}
	if location == "." {
		l.fail(item, "name the files and directories that the command reads", "a dep can't be the whole project")
		return Dep{}, false
	}
	for _, kind := range otherKinds {
		if strings.HasPrefix(location, string(kind)+":") {
			l.fail(item, "did you mean {"+string(kind)+": "+strings.TrimPrefix(location, string(kind)+":")+"}?", "a dep can't be a file whose name begins with %s:", kind)
			return Dep{}, false
		}
	}
	if !glob.HasMeta(location) {
		return Dep{Path: location, Pos: item.Pos}, true
	}
	if problem := glob.Problem(location); problem != "" {
		l.fail(item, "", "the pattern %q %s", location, problem)
		return Dep{}, false
	}
	return Dep{Kind: GlobDep, Path: location, Pos: item.Pos}, true
}

// otherKinds are the kinds of dep that are recorded with their kind.
var otherKinds = []DepKind{CmdDep, EnvDep, ExeDep}

// otherDep decodes {cmd: ...}, {env: ...}, {exe: ...}, {url: ...} and {path: ...}.
func (l *loader) otherDep(item *document.Node, wdir string) (dep Dep, ok bool) {
	known := map[string]field{
		"path": func(n *document.Node) { dep, ok = l.dep(n, wdir) },
		"url":  func(n *document.Node) { dep, ok = l.urlDep(n) },
		"cmd":  func(n *document.Node) { dep, ok = l.namedDep(n, CmdDep, strings.TrimRight(l.text(n, "cmd"), "\n")) },
		"env":  func(n *document.Node) { dep, ok = l.namedDep(n, EnvDep, l.text(n, "env")) },
		"exe":  func(n *document.Node) { dep, ok = l.namedDep(n, ExeDep, l.text(n, "exe")) },
	}
	if len(item.Entries) != 1 {
		l.fail(item, "write one of path, url, cmd, env and exe", "a dep has one key, not %d", len(item.Entries))
		return dep, false
	}
	l.fields(item, "a dep", known)
	return dep, ok
}

func (l *loader) namedDep(node *document.Node, kind DepKind, text string) (Dep, bool) {
	dep := Dep{Kind: kind, Path: string(kind) + ":" + text, Pos: node.Pos}
	switch {
	case strings.TrimSpace(text) == "":
		l.fail(node, "", "the %s of a dep is empty", kind)
		return dep, false
	case strings.ContainsRune(text, 0):
		l.fail(node, "", "the %s of a dep holds a NUL byte", kind)
		return dep, false
	case kind == EnvDep && strings.ContainsAny(text, "=$ {}"):
		l.fail(node, "write the variable's name only", "%q can't be the name of an environment variable", text)
		return dep, false
	case kind == ExeDep && (path.Base(text) != text || strings.ContainsAny(text, `\ `)):
		l.fail(node, "a program is looked for on PATH by its name; one of the project is a plain dep", "%q is no name of a program", text)
		return dep, false
	}
	return dep, true
}

// urlDep decodes an address. The schemes that can be read need no client of their own.
func (l *loader) urlDep(node *document.Node) (Dep, bool) {
	text := l.text(node, "url")
	dep := Dep{Kind: URLDep, Path: text, Pos: node.Pos}
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Host == "":
		l.fail(node, "", "%q is no address", text)
		return dep, false
	case address.User != nil:
		l.fail(node, "leave it out: the pipeline is no place for secrets", "the address has a user or a password in it")
		return dep, false
	case !slices.Contains([]string{"http", "https"}, strings.ToLower(address.Scheme)):
		l.fail(node, "fetch it to a file in a stage of its own, and depend on the file", "dep %q is a URL of a kind that this version does not read; http and https it does", text)
		return dep, false
	}
	return dep, true
}
