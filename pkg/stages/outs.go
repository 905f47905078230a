package stages

import (
	"flow/pkg/document"
	"flow/pkg/glob"
)

// outs decodes a list of outs, metrics or plots: each a path, or a path with flags.
func (l *loader) outs(node *document.Node, stage *Stage, kind OutKind) {
	for _, item := range l.list(node, string(kind)+"s") {
		if item.Kind != document.Map {
			l.out(item, nil, stage, kind)
			continue
		}
		for _, entry := range item.Entries {
			l.out(entry.Key, entry.Value, stage, kind)
		}
	}
}

func (l *loader) out(pathNode, flags *document.Node, stage *Stage, kind OutKind) {
	location, ok := l.path(pathNode, stage.Wdir, string(kind))
	if !ok {
		return
	}
	if location == "." {
		l.fail(pathNode, "name the files and directories that the command writes", "an out can't be the whole project")
		return
	}
	out := Out{Path: location, Pos: pathNode.Pos, Kind: kind, Cache: true, Push: true, Glob: glob.HasMeta(location)}
	if out.Glob && !l.pattern(pathNode, location, kind) {
		return
	}
	if flags != nil && flags.Kind != document.Null {
		l.outFlags(flags, &out)
	}
	stage.Outs = append(stage.Outs, out)
}

// pattern checks a pattern of outs.
func (l *loader) pattern(node *document.Node, pattern string, kind OutKind) bool {
	if problem := glob.Problem(pattern); problem != "" {
		l.fail(node, "", "the pattern %q %s", pattern, problem)
		return false
	}
	if kind != PlainOut {
		l.fail(node, "name each file; only outs may be patterns", "a %s can't be a pattern", kind)
	}
	return kind == PlainOut
}

func (l *loader) outFlags(flags *document.Node, out *Out) {
	known := map[string]field{
		"cache":      func(n *document.Node) { out.Cache = l.flag(n, "cache") },
		"persist":    func(n *document.Node) { out.Persist = l.flag(n, "persist") },
		"optional":   func(n *document.Node) { out.Optional = l.flag(n, "optional") },
		"temp":       func(n *document.Node) { out.Temp = l.flag(n, "temp") },
		"push":       func(n *document.Node) { out.Push = l.flag(n, "push") },
		"remote":     func(n *document.Node) { out.Remote = l.text(n, "remote") },
		"desc":       func(n *document.Node) { out.Desc = l.text(n, "desc") },
		"checkpoint": nil,
		"type":       func(n *document.Node) { l.text(n, "type") },
		"labels":     func(n *document.Node) { l.labels(n) },
		"meta":       nil,
	}
	if out.Kind == Metric {
		known["direction"] = func(n *document.Node) { out.Direction = l.direction(n) }
		known["tolerance"] = func(n *document.Node) { out.Tolerance = l.tolerance(n) }
	}
	if out.Kind == PlotOut {
		out.Plot = &Plot{ID: out.Path, Path: out.Path, Pos: out.Pos, Header: true}
		l.plotFields(out.Plot, known)
	}
	if flags.Get("temp") != nil {
		out.Cache = false // unless it is asked for: the point is to save room
	}
	l.fields(flags, string(out.Kind)+" "+out.Path, known)
	switch {
	case out.Temp && out.Persist:
		l.fail(flags.Get("temp"), "take one of the two away", "an out can't be both temp and persist")
	case out.Temp && out.Kind != PlainOut:
		l.fail(flags.Get("temp"), "declare it among the outs", "a %s can't be temp, as it is there to be looked at", out.Kind)
	case out.Glob && out.Persist:
		l.fail(flags.Get("persist"), "name the files", "a pattern can't be persist")
	}
}

// direction decodes higher or lower, for the whole file or by key.
func (l *loader) direction(node *document.Node) map[string]string {
	directions := map[string]string{}
	read := func(key string, n *document.Node) {
		value := l.text(n, "direction")
		if value != "higher" && value != "lower" {
			l.fail(n, `write "higher" or "lower"`, "%q is no direction", value)
		}
		directions[key] = value
	}
	if node.Kind != document.Map {
		read("", node)
		return directions
	}
	for _, entry := range node.Entries {
		read(entry.Key.Text, entry.Value)
	}
	return directions
}
