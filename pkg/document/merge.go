package document

import "gopkg.in/yaml.v3"

// isMerge tells whether a key is the plain <<.
func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Tag == "!!merge"
}

// merge puts what << names in its place. A key that stands in the Map itself counts
// more, and one of an earlier Map in << more than that of a later.
func (b *builder) merge(node *Node) {
	own := node.Entries
	taken := make(map[string]bool, len(own))
	for _, entry := range own {
		taken[entry.Key.Text] = true
	}
	merged := make([]Entry, 0, len(own))
	for _, entry := range own {
		if !isMergeKey(entry.Key) {
			merged = append(merged, entry)
			continue
		}
		for _, source := range b.mergeSources(entry) {
			for _, entry := range source.Entries {
				if !taken[entry.Key.Text] {
					taken[entry.Key.Text] = true
					merged = append(merged, entry)
				}
			}
		}
	}
	node.Entries = merged
	b.extra(node).own = own
	if len(merged) >= indexFrom {
		node.more.index = indexKeys(merged)
	}
}

// isMergeKey is isMerge for a key that was built: a plain text is not quoted.
func isMergeKey(key *Node) bool { return key.Text == "<<" && !key.Quoted && key.alias() == "" }

func (b *builder) mergeSources(entry Entry) []*Node {
	sources := []*Node{entry.Value}
	if entry.Value.Kind == List {
		sources = entry.Value.Items
	}
	for _, source := range sources {
		if source.Kind != Map {
			b.add(source.Errorf("<< needs a mapping, or a list of them, not a %s", source.Kind))
			return nil
		}
	}
	return sources
}
