package stages

import (
	"flow/pkg/diag"
	"flow/pkg/document"
)

// Artifact is a path of the project under a name by which other projects and tools
// find it: a model, a data set.
type Artifact struct {
	ID     string
	Path   string
	Pos    diag.Pos
	Desc   string
	Type   string
	Labels []string
	Meta   *document.Node // whatever the person wrote; nil for nothing
}

// artifacts decodes a mapping of ids to what is behind them.
func (l *loader) artifacts(node *document.Node) []Artifact {
	if node.Kind == document.Null {
		return nil
	}
	if node.Kind != document.Map {
		l.fail(node, "write each as `id: {path: ...}`", "artifacts must be a mapping, not %s", kindName(node))
		return nil
	}
	var artifacts []Artifact
	for _, entry := range node.Entries {
		artifact, ok := l.artifact(entry)
		if ok {
			artifacts = append(artifacts, artifact)
		}
	}
	return artifacts
}

func (l *loader) artifact(entry document.Entry) (artifact Artifact, ok bool) {
	artifact = Artifact{ID: entry.Key.Text, Pos: entry.Key.Pos}
	what := "artifact " + artifact.ID
	declared := false
	l.fields(entry.Value, what, map[string]field{
		"path": func(n *document.Node) {
			declared = true
			artifact.Path, ok = l.path(n, l.dir, "path of "+what)
		},
		"desc":   func(n *document.Node) { artifact.Desc = l.text(n, "desc") },
		"type":   func(n *document.Node) { artifact.Type = l.text(n, "type") },
		"labels": func(n *document.Node) { artifact.Labels = l.labels(n) },
		"meta":   func(n *document.Node) { artifact.Meta = n },
	})
	if !declared && entry.Value.Kind == document.Map {
		l.fail(entry.Key, "add path: and the file or directory", "%s has no path", what)
	}
	return artifact, ok
}

func (l *loader) labels(node *document.Node) []string {
	var labels []string
	for _, item := range l.list(node, "labels") {
		labels = append(labels, l.text(item, "a label"))
	}
	return labels
}
