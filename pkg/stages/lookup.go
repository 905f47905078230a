package stages

import (
	"fmt"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// value returns what a template stands for: what its name is, or its default where the
// name is not defined or empty.
func (e *expander) value(node *document.Node, m match, names *scope, may takes, whole bool) (*document.Node, bool) {
	name, otherwise, hasDefault := strings.Cut(m.inner, defaultMark)
	if hasDefault {
		// A name may hold the mark, as no more than dots and brackets end it.
		if path, problem := segments(m.inner); problem == "" {
			if value, why := names.look(path); why == nil {
				e.settings.filled(path)
				return value, true
			}
		}
	}
	path, problem := segments(name)
	if problem == "" && strings.Contains(otherwise, "${") {
		problem = "has a template in its default"
	}
	if problem != "" {
		e.failAt(node, m, shellHint(m.inner, may), "the template ${%s} %s", short(m.inner), problem)
		return nil, false
	}
	value, why := names.look(path)
	if twofold := ambiguous(path, names); twofold != nil {
		why, hasDefault = twofold, false
	}
	switch {
	case why == nil && !(hasDefault && value.Kind == document.Null):
		e.settings.filled(path)
		return value, true
	case hasDefault && (why == nil || why.undefined && !e.isEnv(path, names)):
		e.warnShellDefault(node, m, path, names, may)
		return defaultOf(node, otherwise, whole), true
	}
	e.failLook(node, m, path, names, may, why)
	return nil, false
}

// defaultOf is a default at the place of its template: a scalar of any kind when the
// template is all of a text, and else the text as it is written.
func defaultOf(node *document.Node, otherwise string, whole bool) *document.Node {
	kind := document.String
	if trimmed := strings.TrimSpace(otherwise); whole && trimmed != "" {
		if kind = new(document.Node).Replace(trimmed).Kind; kind != document.String {
			otherwise = trimmed
		}
	}
	return placed(node, kind, otherwise)
}

// isEnv tells whether a name is meant for the environment, and no variable.
func (e *expander) isEnv(path []string, names *scope) bool {
	_, owner := names.find(path[0])
	return owner == nil && path[0] == "env"
}

// warnShellDefault warns of ${NAME:-default} in a cmd, which looks like the shell's own.
func (e *expander) warnShellDefault(node *document.Node, m match, path []string, names *scope, may takes) {
	_, owner := names.find(path[0])
	shouted := func(r rune) bool { return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_') }
	if may != takesFlags || owner != nil || len(path) > 1 || strings.ContainsFunc(path[0], shouted) {
		return
	}
	warning := e.errorAt(node, m, "nothing is called %q: its default is always filled in", path[0])
	if !slices.ContainsFunc(e.pipeline.Warnings, func(told *diag.Error) bool { return told.Pos == warning.Pos }) {
		e.pipeline.Warnings.Add(warning.WithHint("%s", shellHint(m.inner, may)))
	}
}

// failLook reports a name that stands for nothing.
func (e *expander) failLook(node *document.Node, m match, path []string, names *scope, may takes, why *absence) {
	hint := why.hint
	_, owner := names.find(path[0])
	if nested := nestedHint(path, names); nested != "" && !strings.Contains(why.hint, "${"+eachItem) {
		e.failAt(node, m, nested, "%s", why.problem)
		return
	}
	switch {
	case e.isEnv(path, names):
		hint = envHint(path, may)
	case owner == nil && hint == "":
		hint = shellHint(m.inner, may)
	case owner == nil && may == takesFlags:
		hint += "; " + shellHint(m.inner, may)
	}
	if hint == "" && owner == nil {
		hint = "define it in " + ParamsFile + " or under vars:"
	}
	e.failAt(node, m, hint, "%s", why.problem)
}

// envHint says how a stage gets a variable of the environment.
func envHint(path []string, may takes) string {
	name := "NAME"
	if len(path) == 2 && !strings.ContainsAny(path[1], " $") {
		name = path[1]
	}
	hint := "templates don't see the environment: "
	if may == takesFlags {
		hint += "write $" + name + " in the cmd; "
	}
	return hint + "set it under env:, or depend on it with deps: [{env: " + name + "}]"
}

// shellHint says how to write what a shell is to fill in.
func shellHint(inner string, may takes) string {
	if may != takesFlags {
		return ""
	}
	name := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_')
	}
	if inner != "" && !strings.ContainsFunc(inner, name) {
		return fmt.Sprintf(`for the shell's own variable write $%s or \${%s}`, inner, inner)
	}
	return fmt.Sprintf(`for the shell's own expansion write \${%s}`, short(inner))
}
