package stages

import (
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// Bounds of what an expansion may make.
const (
	maxGroup    = 100_000   // stages of one foreach or matrix
	maxExpanded = 2_000_000 // values in all
	maxFilled   = 64 << 20  // bytes of text in all
	maxWork     = 1 << 23   // steps of merging vars
)

// takes says which values a template may stand for.
type takes uint8

const (
	takesScalars takes = iota // one text, number or boolean
	takesFlags                // in a cmd: also a mapping, as options
	takesAny                  // a template that is all of a value may be a list or a mapping
)

// fill returns a node with the templates in its keys and values filled in; a node
// without any is returned as it is.
func (e *expander) fill(node *document.Node, names *scope, may takes) *document.Node {
	switch node.Kind {
	case document.String:
		return e.fillText(node, names, may)
	case document.List:
		return e.fillList(node, names, may)
	case document.Map:
		return e.fillMap(node, names, may)
	}
	return node
}

func (e *expander) fillList(node *document.Node, names *scope, may takes) *document.Node {
	var items []*document.Node
	for i, item := range node.Items {
		filled := e.fill(item, names, may)
		if filled != item && items == nil {
			items = append(make([]*document.Node, 0, len(node.Items)), node.Items[:i]...)
		}
		if items != nil {
			items = append(items, filled)
		}
	}
	if items == nil {
		return node
	}
	e.spend(node, len(items), 0)
	return node.WithItems(items)
}

func (e *expander) fillMap(node *document.Node, names *scope, may takes) *document.Node {
	var entries []document.Entry
	renamed := false
	for i, entry := range node.Entries {
		filled := document.Entry{Key: e.fillKey(entry.Key, names), Value: e.fill(entry.Value, names, may)}
		if filled != entry && entries == nil {
			entries = append(make([]document.Entry, 0, len(node.Entries)), node.Entries[:i]...)
		}
		if entries != nil {
			entries = append(entries, filled)
		}
		renamed = renamed || filled.Key != entry.Key
	}
	if entries == nil {
		return node
	}
	e.spend(node, 2*len(entries), 0)
	if renamed && !e.keysDiffer(entries) {
		return node
	}
	return node.WithEntries(entries)
}

// keysDiffer reports keys that became the same.
func (e *expander) keysDiffer(entries []document.Entry) bool {
	seen := map[string]*document.Node{}
	for _, entry := range entries {
		if first, found := seen[entry.Key.Text]; found {
			e.problems.Add(entry.Key.Errorf("the key %q is there twice", entry.Key.Text).WithNote(first.Pos, "first here"))
			return false
		}
		seen[entry.Key.Text] = entry.Key
	}
	return true
}

// fillKey fills in a key, which is a text whatever its template stands for.
func (e *expander) fillKey(key *document.Node, names *scope) *document.Node {
	filled := e.fill(key, names, takesScalars)
	if filled == key || filled.Kind == document.String {
		return filled
	}
	return placed(key, document.String, scalarText(filled))
}

// fillText fills in one text. A template that is all of it keeps the kind of what it
// stands for; among other text it becomes part of that.
func (e *expander) fillText(node *document.Node, names *scope, may takes) *document.Node {
	if !strings.Contains(node.Text, "${") || e.exhausted {
		return node
	}
	found := matches(node.Text)
	if len(found) == 1 && found[0].start == 0 && found[0].end == len(node.Text) {
		value, ok := e.value(node, found[0], names, may, true)
		if !ok || !e.mayStand(node, found[0], value, may, true) {
			return node
		}
		if !isScalar(value) && value.Kind != document.Null {
			return value
		}
		text := scalarText(value)
		e.spend(node, 1, len(text))
		return placed(node, value.Kind, text)
	}
	var text strings.Builder
	at, fine := 0, true
	for _, m := range found {
		text.WriteString(node.Text[at:m.start])
		at = m.end
		part, ok := e.part(node, m, names, may)
		fine = fine && ok
		text.WriteString(part)
		if !e.spend(node, 0, len(part)) {
			return node
		}
	}
	text.WriteString(node.Text[at:])
	if !fine || !e.spend(node, 1, text.Len()) {
		return node
	}
	return placed(node, document.String, unescape(text.String()))
}

// part returns what a template among other text stands for.
func (e *expander) part(node *document.Node, m match, names *scope, may takes) (text string, ok bool) {
	value, ok := e.value(node, m, names, may, false)
	if !ok || !e.mayStand(node, m, value, may, false) {
		return "", false
	}
	if value.Kind == document.String && may == takesFlags {
		e.checkQuotes(node, m, value.Text)
	}
	if value.Kind != document.Map {
		return scalarText(value), true
	}
	if text, ok = e.flags[value]; ok {
		return text, true
	}
	text, problem := flags(value, e.options.Flags)
	if problem != "" {
		e.failAt(node, m, "", "%q %s", m.name(), problem)
		return "", false
	}
	e.flags[value] = text
	return text, true
}

// placed returns a scalar at the place of another.
func placed(at *document.Node, kind document.Kind, text string) *document.Node {
	made := at.Replace(text)
	made.Kind = kind
	return made
}

// mayStand tells whether a value may stand where its template does.
func (e *expander) mayStand(node *document.Node, m match, value *document.Node, may takes, whole bool) bool {
	name := m.name()
	switch {
	case isScalar(value), whole && may == takesAny:
		return true
	case value.Kind == document.Null && whole && may == takesScalars:
		return true
	case value.Kind == document.Map && !whole && may == takesFlags:
		return true
	}
	hint := "a text, a number or a boolean can be filled in"
	if value.Kind == document.Map && may == takesFlags {
		hint = "as options, it stands behind the command: cmd: python train.py ${" + name + "}"
	}
	if value.Kind == document.Null {
		hint = "give it a value, or allow it to be empty: ${" + name + ":-}"
	}
	problem := e.errorAt(node, m, "%q is %s", name, kindName(value))
	problem.Hint = hint
	if value.Pos.Line > 0 {
		problem.WithNote(value.Pos, "it is here")
	}
	e.problems.Add(problem)
	return false
}

func short(text string) string {
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return text
}

// spend counts what was made, and ends an expansion that explodes.
func (e *expander) spend(node *document.Node, nodes, bytes int) bool {
	e.nodes, e.bytes = e.nodes+nodes, e.bytes+bytes
	if !e.exhausted && (e.nodes > maxExpanded || e.bytes > maxFilled) {
		e.exhausted = true
		e.fail(node, "make fewer stages, or fill in shorter texts", "the templates make more than %d values or %d MiB of text", maxExpanded, maxFilled>>20)
	}
	return !e.exhausted
}

// work counts steps that make nothing by themselves.
func (e *expander) work(node *document.Node, steps int) {
	e.steps += steps
	if !e.exhausted && e.steps > maxWork {
		e.exhausted = true
		e.fail(node, "make fewer stages, or use smaller mappings", "the templates take too much work")
	}
}

// failAt reports a problem with a template in a text.
func (e *expander) failAt(node *document.Node, m match, hint, format string, args ...any) {
	problem := e.errorAt(node, m, format, args...)
	problem.Hint = hint
	e.problems.Add(problem)
}

// errorAt returns an error at a template in a text: at the node, when it can't be
// found in the file as it is written there.
func (e *expander) errorAt(node *document.Node, m match, format string, args ...any) *diag.Error {
	problem := node.Errorf(format, args...)
	word := node.Text[m.start:m.end]
	before := strings.Count(node.Text[:m.start], word)
	if source := e.sources[node.Pos.File]; source != nil {
		if pos, found := source.Find(node.Pos, word, before, len(node.Text)); found {
			problem.Pos, problem.Width, problem.Line = pos, len([]rune(word)), ""
			source.Show(problem)
		}
	}
	return problem
}
