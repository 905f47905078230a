package stages

import (
	"fmt"
	"strings"

	"flow/pkg/document"
)

// grid is the combinations of a matrix while they are made.
type grid struct {
	*expander
	declared         *document.Node
	axes             []axis
	exclude, include []*document.Node // mappings

	cells []cell
}

// cell is one combination: a value of each variable, then what an include adds.
type cell struct {
	place   *document.Node
	entries []document.Entry
	names   []string // of the values, that the stage's name is made of
}

// exclusions tells which excludes matched a combination, over all the times that a
// matrix is expanded.
type exclusions struct {
	items   []*document.Node
	hints   []string
	matched []bool
}

// note keeps whether an exclude matched, and a hint only while it is always the same.
func (x *exclusions) note(i int, matched bool, hint string) {
	if x.hints[i] != "" && x.hints[i] != hint {
		hint = "in no round of the foreach are there such values"
	}
	x.matched[i], x.hints[i] = x.matched[i] || matched, hint
}

// isRule tells an exclude or include from a variable of that name, whose list holds
// something that is no mapping.
func (e *expander) isRule(entry document.Entry) bool {
	maps := 0
	for _, item := range entry.Value.Items {
		if item.Kind == document.Map {
			maps++
		}
	}
	if maps > 0 && maps < len(entry.Value.Items) {
		e.fail(entry.Key, "write each item as `{name: value}`; for a variable of that name, take another",
			"%s mixes mappings with other values", entry.Key.Text)
	}
	return maps == len(entry.Value.Items)
}

// members returns the combinations as the members of a group.
func (g *grid) members(total int, excluded *exclusions) []member {
	if len(g.axes) > 0 {
		g.product(total)
	}
	if !g.checkRules() {
		return nil
	}
	g.drop(excluded)
	g.add()
	members := make([]member, len(g.cells))
	for i, c := range g.cells {
		members[i] = member{key: strings.Join(c.names, "-"), item: c.place.WithEntries(c.entries), named: true}
	}
	return members
}

// product makes a cell for each combination, in order of declaration.
func (g *grid) product(total int) {
	g.cells = make([]cell, total)
	for i := range g.cells {
		entries := make([]document.Entry, len(g.axes))
		names := make([]string, len(g.axes))
		rest := i
		for k := len(g.axes) - 1; k >= 0; k-- {
			at := rest % len(g.axes[k].values)
			rest /= len(g.axes[k].values)
			entries[k] = document.Entry{Key: g.axes[k].key, Value: g.axes[k].values[at]}
			names[k] = g.axes[k].names[at]
		}
		g.cells[i] = cell{g.declared, entries, names}
	}
}

// axisOf returns the rank of a variable, or -1.
func (g *grid) axisOf(name string) int {
	for i, axis := range g.axes {
		if axis.key.Text == name {
			return i
		}
	}
	return -1
}

// checkRules refuses excludes and includes that say nothing or name what isn't there.
func (g *grid) checkRules() bool {
	before := len(g.problems)
	variables := make([]string, len(g.axes))
	for i, axis := range g.axes {
		variables[i] = axis.key.Text
	}
	for _, item := range g.exclude {
		if len(item.Entries) == 0 {
			g.fail(item, "name a variable and the value to leave out", "the exclude names no variable")
		}
		for _, entry := range item.Entries {
			if g.axisOf(entry.Key.Text) < 0 {
				hint := didYouMean(entry.Key.Text, variables)
				if hint == "" {
					hint = "the variables are " + short(strings.Join(variables, ", "))
				}
				g.fail(entry.Key, hint, "the matrix has no variable %q to exclude", entry.Key.Text)
			}
		}
	}
	for _, item := range g.include {
		if len(item.Entries) == 0 {
			g.fail(item, "name a variable and its value", "the include names no variable")
		}
	}
	g.work(g.declared, len(g.cells)*(len(g.exclude)+len(g.include)))
	return len(g.problems) == before
}

// drop takes the cells away that an exclude matches in all that it names.
func (g *grid) drop(excluded *exclusions) {
	if excluded.matched == nil {
		excluded.items, excluded.matched, excluded.hints = g.exclude, make([]bool, len(g.exclude)), make([]string, len(g.exclude))
	}
	for i, item := range g.exclude {
		kept := g.cells[:0]
		for _, c := range g.cells {
			if !g.agrees(c, item) {
				kept = append(kept, c)
			}
		}
		if i < len(excluded.matched) {
			excluded.note(i, len(kept) < len(g.cells), g.foreign(item))
		}
		g.cells = kept
	}
}

// agrees tells whether a cell has the values that a rule gives to its variables.
func (g *grid) agrees(c cell, rule *document.Node) bool {
	for _, entry := range rule.Entries {
		if k := g.axisOf(entry.Key.Text); k >= 0 && !same(c.entries[k].Value, entry.Value) {
			return false
		}
	}
	return true
}

// foreign says which value of an exclude its variable never has.
func (g *grid) foreign(rule *document.Node) string {
	for _, entry := range rule.Entries {
		axis := g.axes[g.axisOf(entry.Key.Text)]
		if axis.find(entry.Value) < 0 {
			return fmt.Sprintf("%s is one of %s", axis.key.Text, short(strings.Join(axis.names, ", ")))
		}
	}
	return "an exclude before it may have taken them"
}

// add gives the variables of each include to the cells that agree with it; one that
// none agrees with is a cell of its own. Variables of the matrix keep their values.
func (g *grid) add() {
	first := len(g.cells)
	for rank, rule := range g.include {
		found := false
		for i := range g.cells[:first] {
			if g.agrees(g.cells[i], rule) {
				g.cells[i].entries = g.extended(g.cells[i].entries, rule)
				found = true
			}
		}
		if !found {
			g.cells = append(g.cells, g.own(rule, rank))
		}
	}
}

// extended adds what a rule has beside the variables of the matrix.
func (g *grid) extended(entries []document.Entry, rule *document.Node) []document.Entry {
next:
	for _, entry := range rule.Entries {
		if g.axisOf(entry.Key.Text) >= 0 {
			continue
		}
		for i := len(g.axes); i < len(entries); i++ {
			if entries[i].Key.Text == entry.Key.Text {
				entries[i] = entry
				continue next
			}
		}
		entries = append(entries, entry)
	}
	return entries
}

// own is the cell that an include makes by itself: the variables of the matrix that it
// has, then the others.
func (g *grid) own(rule *document.Node, rank int) cell {
	c := cell{place: rule}
	add := func(entry document.Entry, name string) {
		if entry.Value.Kind == document.Null {
			g.fail(entry.Value, "write a text, a number or a boolean", "an item is empty")
		}
		c.entries = append(c.entries, entry)
		c.names = append(c.names, name)
	}
	for _, axis := range g.axes {
		for _, entry := range rule.Entries {
			if entry.Key.Text == axis.key.Text {
				add(entry, axis.nameOf(entry.Value, rank))
			}
		}
	}
	for _, entry := range rule.Entries {
		if g.axisOf(entry.Key.Text) < 0 {
			add(entry, axis{key: entry.Key}.nameOf(entry.Value, rank))
		}
	}
	return c
}

// find returns the rank of a value among those of a variable, or -1.
func (a axis) find(value *document.Node) int {
	for i := range a.values {
		if same(a.values[i], value) {
			return i
		}
	}
	return -1
}

// nameOf is how the value of an include is called in a name: as the variable's own
// values are, of which a list or a mapping counts on behind them.
func (a axis) nameOf(value *document.Node, rank int) string {
	switch i := a.find(value); {
	case i >= 0:
		return a.names[i]
	case value.Kind >= document.List:
		return fmt.Sprintf("%s%d", a.key.Text, a.size+rank)
	}
	return scalarText(value)
}

// same tells whether two values are equal: scalars by their text in a name.
func same(a, b *document.Node) bool {
	if a.Kind < document.List && b.Kind < document.List {
		return scalarText(a) == scalarText(b) && (a.Kind == document.Null) == (b.Kind == document.Null)
	}
	if a.Kind != b.Kind || len(a.Items) != len(b.Items) || len(a.Entries) != len(b.Entries) {
		return false
	}
	for i := range a.Items {
		if !same(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for _, entry := range a.Entries {
		if other := child(b, scalarText(entry.Key)); other == nil || !same(entry.Value, other) {
			return false
		}
	}
	return true
}

// warnUnmatched warns of excludes that took nothing away.
func (e *expander) warnUnmatched(excluded exclusions) {
	for i, item := range excluded.items {
		if !excluded.matched[i] {
			e.pipeline.Warnings.Add(item.Errorf("the exclude matches no combination").WithHint("%s", excluded.hints[i]))
		}
	}
}
