package stages

import (
	"strings"

	"flow/pkg/document"
)

// The names of a foreach in the matrix inside it, where item and key are the matrix's.
const (
	eachItem = "each"
	eachKey  = "each_key"
)

// nested makes the stages of a matrix inside a foreach: for each item of the foreach,
// those of the matrix, which may be made of the item.
func (e *expander) nested(name, do *document.Node, members []member) []document.Entry {
	declared := do.Get("matrix")
	var made []member
	var excluded exclusions
	for _, outer := range members {
		around := newScope(e.global)
		around.reserved = true
		around.set(eachItem, name, outer.item)
		if outer.named {
			around.set(eachKey, name, placed(name, document.String, outer.key))
		}
		inner, ok := e.combinations(name, declared, around, &excluded)
		if !ok || !e.checkApart(declared, outer.item, inner) {
			return nil
		}
		for _, m := range inner {
			m.key, m.around = outer.key+"-"+m.key, around
			made = append(made, m)
		}
		if len(made) > maxGroup {
			break // group says so
		}
	}
	if !e.checkDistinct(declared, made) {
		return nil
	}
	e.warnUnmatched(excluded)
	return e.group(name, without(do, "matrix"), made)
}

// checkApart refuses a variable of a matrix that the foreach's item has, too: a person
// who reads ${item.x} could take it for either.
func (e *expander) checkApart(declared, item *document.Node, inner []member) bool {
	if item.Kind != document.Map {
		return true
	}
	for _, m := range inner {
		for _, entry := range m.item.Entries {
			if child(item, scalarText(entry.Key)) == nil {
				continue
			}
			e.fail(entry.Key, "give the variable another name; the item's is ${"+eachItem+"."+entry.Key.Text+"}",
				"the matrix's variable %q is also a part of the foreach's item, so that ${item.%s} could be either", entry.Key.Text, entry.Key.Text)
			return false
		}
	}
	return true
}

// ambiguous tells of ${item} in a matrix inside a foreach: as a whole it could be the
// combination or the foreach's item.
func ambiguous(path []string, names *scope) *absence {
	_, inner := names.find("item")
	if _, outer := names.find(eachItem); outer == nil || !outer.reserved || inner == nil || !inner.reserved || len(path) > 1 || path[0] != "item" {
		return nil
	}
	return &absence{
		problem: "${item} could be the matrix's or the foreach's",
		hint:    "write ${" + eachItem + "} for the foreach's item, ${item.NAME} for a variable of the matrix",
	}
}

// nestedHint says how the item of a foreach is called where a name was not found: in
// the matrix inside the foreach, and in the stages of both.
func nestedHint(path []string, names *scope) string {
	_, outer := names.find(eachItem)
	_, inner := names.find("item")
	switch {
	case path[0] == eachItem && outer == nil && inner != nil && inner.reserved:
		return "the item is called ${item}; it is ${" + eachItem + "} in a matrix inside a foreach"
	case outer == nil || !outer.reserved:
		return ""
	case path[0] == "key":
		return "the foreach's key is called ${" + eachKey + "} here"
	case path[0] == "item":
		meant := append([]string{eachItem}, path[1:]...)
		if _, why := names.look(meant); why == nil {
			return "the foreach's item is called ${" + eachItem + "} here: write ${" + strings.Join(meant, ".") + "}"
		}
	}
	return ""
}
