package stages

import (
	"slices"

	"flow/pkg/document"
)

// inlined is what an included file holds, expanded.
type inlined struct {
	prefix string // of its stages' names in the file that includes it
	root   *document.Node
}

// inline puts what a file includes in the place of its include.
func inline(root *document.Node, parts []inlined) *document.Node {
	if len(parts) == 0 {
		return root
	}
	entries := slices.DeleteFunc(slices.Clone(root.Entries), func(entry document.Entry) bool { return entry.Key.Text == "include" })
	for _, part := range parts {
		if part.root == nil || part.root.Kind != document.Map {
			continue
		}
		for _, entry := range part.root.Entries {
			switch entry.Key.Text {
			case "env", "shell", "include":
				continue
			case "stages":
				entry.Value = part.stages(entry.Value)
			case "pipelines":
				entry.Value = part.sets(entry.Value)
			}
			entries = merged(entries, entry)
		}
	}
	return root.WithEntries(entries)
}

// merged adds what stands under a key to what stands there already.
func merged(entries []document.Entry, entry document.Entry) []document.Entry {
	i := slices.IndexFunc(entries, func(e document.Entry) bool { return e.Key.Text == entry.Key.Text })
	switch {
	case i < 0:
		return append(entries, entry)
	case entries[i].Value.Kind == document.Null:
		entries[i].Value = entry.Value
	case entries[i].Value.Kind == document.Map && entry.Value.Kind == document.Map:
		entries[i].Value = entries[i].Value.WithEntries(slices.Concat(entries[i].Value.Entries, entry.Value.Entries))
	case entry.Value.Kind != document.Null:
		entries[i].Value = entries[i].Value.WithItems(slices.Concat(listed(entries[i].Value), listed(entry.Value)))
	}
	return entries
}

// listed is the items of a list, or of a mapping as a list: one mapping for each key.
func listed(node *document.Node) []*document.Node {
	if node.Kind != document.Map {
		return node.Items
	}
	var items []*document.Node
	for _, entry := range node.Entries {
		items = append(items, node.WithEntries([]document.Entry{entry}))
	}
	return items
}

// stages gives the stages their names in the including file, and the env and the shell
// of the file that they come from.
func (part inlined) stages(node *document.Node) *document.Node {
	env, shell := part.root.Get("env"), part.root.Get("shell")
	var entries []document.Entry
	for _, entry := range node.Entries {
		stage := entry.Value
		if env != nil && env.Kind == document.Map {
			stage = stage.WithEntries(underneath(stage.Entries, document.Entry{Key: document.Of("env"), Value: env}))
		}
		if shell != nil && stage.Get("shell") == nil {
			stage = stage.WithEntries(append(slices.Clone(stage.Entries), document.Entry{Key: document.Of("shell"), Value: shell}))
		}
		entries = append(entries, document.Entry{Key: part.named(entry.Key), Value: stage})
	}
	return node.WithEntries(entries)
}

// underneath adds a mapping below the one of the same key, whose values win.
func underneath(entries []document.Entry, base document.Entry) []document.Entry {
	entries = slices.Clone(entries)
	i := slices.IndexFunc(entries, func(e document.Entry) bool { return e.Key.Text == base.Key.Text })
	if i < 0 {
		return append(entries, base)
	}
	over := entries[i].Value
	kept := slices.DeleteFunc(slices.Clone(base.Value.Entries), func(e document.Entry) bool { return over.Get(e.Key.Text) != nil })
	entries[i].Value = base.Value.WithEntries(append(kept, over.Entries...))
	return entries
}

func (part inlined) sets(node *document.Node) *document.Node {
	var entries []document.Entry
	for _, entry := range node.Entries {
		var targets []*document.Node
		for _, target := range entry.Value.Items {
			targets = append(targets, part.named(target))
		}
		entries = append(entries, document.Entry{Key: part.named(entry.Key), Value: entry.Value.WithItems(targets)})
	}
	return node.WithEntries(entries)
}

func (part inlined) named(node *document.Node) *document.Node {
	if part.prefix == "" {
		return node
	}
	return node.Replace(part.prefix + node.Text)
}
