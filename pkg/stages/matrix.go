package stages

import (
	"fmt"
	"strings"

	"flow/pkg/document"
)

// axis is one variable of a matrix: its values, and how they are called in names.
type axis struct {
	key    *document.Node
	values []*document.Node
	names  []string
}

// matrix makes a stage for each combination of values; the last variable varies first.
func (e *expander) matrix(name, body *document.Node) []document.Entry {
	before := len(e.problems)
	declared := body.Get("matrix")
	if declared.Kind != document.Map {
		e.fail(declared, "write each variable as `name: [values]`", "matrix must be a mapping, not %s", kindName(declared))
		return nil
	}
	filled := e.fill(declared, e.global, takesAny)
	if len(e.problems) > before {
		return nil
	}
	axes, total := make([]axis, len(filled.Entries)), 1
	for i, entry := range filled.Entries {
		if entry.Value.Kind != document.List {
			e.fail(declared.Entries[i].Value, "write a list of values", "a variable of a matrix must be a list, not %s", kindName(entry.Value))
			return nil
		}
		axes[i] = e.axis(entry.Key, declared.Entries[i].Value, entry.Value)
		if total *= len(axes[i].values); total > maxGroup {
			e.fail(declared, "split the group, or take values away", "stage %q makes more than %d stages", name.Text, maxGroup)
			return nil
		}
	}
	if len(axes) == 0 {
		e.fail(declared, "write each variable as `name: [values]`", "the matrix has no variables")
	}
	if len(e.problems) > before {
		return nil
	}
	members := combinations(declared, axes, total)
	seen := map[string]bool{}
	for _, m := range members {
		if seen[m.key] {
			e.fail(declared, "change a value, so that each combination has a name of its own", "two combinations have the name %q", m.key)
			return nil
		}
		seen[m.key] = true
	}
	var entries []document.Entry
	for _, entry := range body.Entries {
		if entry.Key.Text != "matrix" {
			entries = append(entries, entry)
		}
	}
	return e.group(name, body.WithEntries(entries), members)
}

// axis names the values of a variable: a scalar by itself, a list or a mapping by the
// variable and its rank. Of equal values there is one.
func (e *expander) axis(key, declared, data *document.Node) axis {
	found := axis{key: key}
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

// combinations returns the product of the axes, in order of declaration.
func combinations(declared *document.Node, axes []axis, total int) []member {
	members := make([]member, total)
	for i := range members {
		entries := make([]document.Entry, len(axes))
		names := make([]string, len(axes))
		rest := i
		for k := len(axes) - 1; k >= 0; k-- {
			at := rest % len(axes[k].values)
			rest /= len(axes[k].values)
			entries[k] = document.Entry{Key: axes[k].key, Value: axes[k].values[at]}
			names[k] = axes[k].names[at]
		}
		members[i] = member{key: strings.Join(names, "-"), item: declared.WithEntries(entries), named: true}
	}
	return members
}
