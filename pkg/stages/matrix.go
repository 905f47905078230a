package stages

import (
	"fmt"

	"flow/pkg/document"
)

// axis is one variable of a matrix: its values, and how they are called in names.
type axis struct {
	key    *document.Node
	values []*document.Node
	names  []string
	size   int // of its list, equal values counted
}

// matrix makes a stage for each combination of values; the last variable varies first.
func (e *expander) matrix(name, body *document.Node) []document.Entry {
	declared := body.Get("matrix")
	var excluded exclusions
	members, ok := e.combinations(name, declared, e.global, &excluded)
	if !ok || !e.checkDistinct(declared, members) {
		return nil
	}
	e.warnUnmatched(excluded)
	return e.group(name, without(body, "matrix"), members)
}

// without is a mapping without one of its keys.
func without(node *document.Node, key string) *document.Node {
	var entries []document.Entry
	for _, entry := range node.Entries {
		if entry.Key.Text != key {
			entries = append(entries, entry)
		}
	}
	return node.WithEntries(entries)
}

func (e *expander) checkDistinct(declared *document.Node, members []member) bool {
	seen := map[string]bool{}
	for _, m := range members {
		if seen[m.key] {
			e.fail(declared, "change a value, so that each combination has a name of its own", "two combinations have the name %q", m.key)
			return false
		}
		seen[m.key] = true
	}
	return true
}

// combinations returns the members that a matrix makes: the product of its variables,
// less what is excluded, and with what is included.
func (e *expander) combinations(name, declared *document.Node, names *scope, excluded *exclusions) ([]member, bool) {
	before := len(e.problems)
	if declared.Kind != document.Map {
		e.fail(declared, "write each variable as `name: [values]`", "matrix must be a mapping, not %s", kindName(declared))
		return nil, false
	}
	filled := e.fill(declared, names, takesAny)
	if len(e.problems) > before {
		return nil, false
	}
	g := &grid{expander: e, declared: declared}
	total := 1
	for i, entry := range filled.Entries {
		value := declared.Entries[i].Value
		switch {
		case entry.Value.Kind != document.List:
			e.fail(value, "write a list of values", "a variable of a matrix must be a list, not %s", kindName(entry.Value))
			return nil, false
		case entry.Key.Text == "exclude" && e.isRule(entry):
			g.exclude = entry.Value.Items
			continue
		case entry.Key.Text == "include" && e.isRule(entry):
			g.include = entry.Value.Items
			continue
		}
		g.axes = append(g.axes, e.axis(entry.Key, value, entry.Value))
		if total *= len(g.axes[len(g.axes)-1].values); total > maxGroup {
			e.fail(declared, "split the group, or take values away", "stage %q makes more than %d stages", name.Text, maxGroup)
			return nil, false
		}
	}
	if len(g.axes)+len(g.include) == 0 {
		e.fail(declared, "write each variable as `name: [values]`", "the matrix has no variables")
	}
	if len(e.problems) > before {
		return nil, false
	}
	members := g.members(total, excluded)
	return members, len(e.problems) == before
}

// axis names the values of a variable: a scalar by itself, a list or a mapping by the
// variable and its rank. Of equal values there is one.
func (e *expander) axis(key, declared, data *document.Node) axis {
	found := axis{key: key, size: len(data.Items)}
	at := map[string]int{}
	for i, value := range data.Items {
		if value.Kind >= document.List {
			found.values = append(found.values, value)
			found.names = append(found.names, fmt.Sprintf("%s%d", key.Text, i))
			continue
		}
		name := e.nameOf(declared, data, i)
		if first, twice := at[name]; twice {
			found.values[first] = value
			continue
		}
		at[name] = len(found.values)
		found.values = append(found.values, value)
		found.names = append(found.names, name)
	}
	return found
}
