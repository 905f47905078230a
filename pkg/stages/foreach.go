package stages

import (
	"fmt"
	"strconv"
	"strings"

	"flow/pkg/document"
)

// member is one stage of a group: what its name has behind the @, and what its
// templates may use.
type member struct {
	key    string
	item   *document.Node
	named  bool   // ${key} is set
	around *scope // the names of the foreach that its matrix stands in; nil without one
}

// foreach makes a stage for each item of a list or a mapping.
func (e *expander) foreach(name, body *document.Node) []document.Entry {
	before := len(e.problems)
	what := fmt.Sprintf("stage %q", name.Text)
	data, do := body.Get("foreach"), body.Get("do")
	if matrix := body.Get("matrix"); matrix != nil {
		e.fail(matrix, "put the matrix into do:", "a matrix can't stand beside foreach")
	} else {
		e.fields(body, what, map[string]field{"foreach": nil, "do": nil})
	}
	switch {
	case data == nil:
		e.fail(name, "add foreach: with a list or a mapping", "%s has do without foreach", what)
	case do == nil:
		e.fail(name, "add do: with the stage, cmd and all, below it", "%s has foreach without do", what)
	}
	if len(e.problems) > before {
		return nil
	}
	filled := e.fill(data, e.global, takesAny)
	if len(e.problems) > before {
		return nil
	}
	var members []member
	switch filled.Kind {
	case document.Map:
		members = e.keyed(filled)
	case document.List:
		members = e.listed(data, filled)
	default:
		e.fail(data, "", "foreach must be a list or a mapping, not %s", kindName(filled))
		return nil
	}
	if do.Get("matrix") != nil && len(e.problems) == before {
		return e.nested(name, do, members)
	}
	return e.group(name, do, members)
}

func (e *expander) keyed(data *document.Node) []member {
	members := make([]member, len(data.Entries))
	for i, entry := range data.Entries {
		members[i] = member{key: scalarText(entry.Key), item: entry.Value, named: true}
	}
	return members
}

// listed names the stages by the items, or by their ranks when any is a list or a
// mapping. Of equal items there is one.
func (e *expander) listed(declared, data *document.Node) []member {
	var members []member
	byRank := false
	for _, item := range data.Items {
		byRank = byRank || item.Kind >= document.List
	}
	at := map[string]int{}
	for i, item := range data.Items {
		key := strconv.Itoa(i)
		if !byRank {
			key = e.nameOf(declared, data, i)
		}
		if first, found := at[key]; found {
			members[first].item = item
			continue
		}
		at[key] = len(members)
		members = append(members, member{key: key, item: item})
	}
	return members
}

// nameOf is a scalar of a list as part of a name. Booleans that come from a variable
// have the names that DVC gives them.
func (e *expander) nameOf(declared, data *document.Node, i int) string {
	item := data.Items[i]
	switch item.Kind {
	case document.Null:
		e.fail(data.Items[i], "write a text, a number or a boolean", "an item is empty")
	case document.Bool:
		if declared != data && (declared.Kind != document.List || declared.Items[i].Kind != document.Bool) {
			return pythonBool(item)
		}
	}
	return scalarText(item)
}

// group makes the stages of a foreach or a matrix. The first that can't be made is
// reported, as the mistake is mostly in the others, too.
func (e *expander) group(name, body *document.Node, members []member) []document.Entry {
	if len(members) > maxGroup {
		e.fail(name, "", "stage %q makes %d stages, which is more than %d", name.Text, len(members), maxGroup)
	}
	if !e.stageName(name) || len(e.problems) > 0 && len(members) > maxGroup {
		return nil
	}
	if body.Kind != document.Map {
		e.fail(body, "", "do must be a mapping, not %s", kindName(body))
		return nil
	}
	for _, word := range []string{"foreach", "do"} {
		if inner := body.Get(word); inner != nil {
			e.fail(inner, "to combine several lists, put a matrix into do:", "a foreach can't stand inside another")
			return nil
		}
	}
	e.warnShadowed(name, members)
	entries := make([]document.Entry, 0, len(members))
	for _, m := range members {
		if e.exhausted {
			break
		}
		key := placed(name, document.String, name.Text+"@"+m.key)
		if problem := keyProblem(m.key); problem != "" {
			e.fail(m.item, "", "the stage name %q %s", key.Text, problem)
			return nil
		}
		before := len(e.problems)
		stage, ok := e.stage(body, e.namesOf(name, m))
		if !ok {
			for _, problem := range e.problems[before:] {
				problem.WithNote(m.item.Pos, "in the stage %s", short(key.Text))
			}
			return nil
		}
		e.groups[key] = name.Text
		entries = append(entries, document.Entry{Key: key, Value: stage})
	}
	return entries
}

// keyProblem says why a text can't stand behind the @ of a stage's name.
func keyProblem(key string) string {
	if strings.TrimSpace(key) == "" {
		return "has nothing behind the @"
	}
	return unshowable(key)
}

// namesOf is what the templates of a member may use.
func (e *expander) namesOf(name *document.Node, m member) *scope {
	outer := e.global
	if m.around != nil {
		outer = m.around
	}
	names := newScope(outer)
	names.reserved = true
	names.set("item", name, m.item)
	if m.named {
		names.set("key", name, placed(name, document.String, m.key))
	}
	return names
}

// warnShadowed warns of variables that a group's own names hide.
func (e *expander) warnShadowed(name *document.Node, members []member) {
	if len(members) == 0 {
		return
	}
	for at := e.namesOf(name, members[0]); at != e.global; at = at.outer {
		for _, word := range at.order {
			if entry, owner := e.global.find(word); owner != nil {
				warning := name.Errorf("in the stages of %q, ${%s} is not the variable of that name", name.Text, word)
				e.pipeline.Warnings.Add(warning.WithNote(entry.Key.Pos, "the variable is defined here"))
			}
		}
	}
}
