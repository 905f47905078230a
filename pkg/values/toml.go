package values

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// tomlReader builds a tree from the expressions of a TOML text, and holds to TOML's
// rules about what may be defined where. Unlike TOML asks, integers have any length.
type tomlReader struct {
	*source
	parser  *unstable.Parser
	root    *node
	tables  map[*node]tomlTable
	section int // counts headers and inline tables
}

// tomlTable is how a table or an array came to be, which decides what may be added.
type tomlTable struct {
	closed  bool // written as a value: complete
	header  bool // has a [header] or [[header]] of its own
	section int  // where dotted keys made it; 0 if they did not
}

func readTOML(src *source) (*node, *diag.Error) {
	// The parser keeps all of an expression, at some 60 bytes a value.
	if strings.Count(src.text, ",") > maxNodes || strings.Count(src.text, ".") > 2*maxNodes {
		return nil, src.fail(0, 1, "more than %d values", maxNodes)
	}
	r := &tomlReader{source: src, parser: &unstable.Parser{}, tables: map[*node]tomlTable{}, section: 1}
	r.root = r.node(document.Map, "", 0)
	text := []byte(src.text)
	r.parser.Reset(text[:len(text):len(text)])
	table := r.root
	for r.parser.NextExpression() {
		var problem *diag.Error
		switch expression := r.parser.Expression(); expression.Kind {
		case unstable.Table:
			r.section++
			table, problem = r.header(expression)
		case unstable.ArrayTable:
			r.section++
			table, problem = r.arrayHeader(expression)
		default:
			problem = r.assign(table, expression, r.section, 1)
		}
		if problem != nil {
			return nil, problem
		}
	}
	if err := r.parser.Error(); err != nil {
		return nil, r.syntax(err)
	}
	return r.root, nil
}

// syntax turns the parser's error into one with a place.
func (r *tomlReader) syntax(err error) *diag.Error {
	var parse *unstable.ParserError
	if !errors.As(err, &parse) {
		return r.fail(len(r.text), 1, "%v", err)
	}
	offset := min(cap(r.parser.Data())-cap(parse.Highlight), len(r.text))
	for offset > 0 && offset < len(r.text) && !utf8.RuneStart(r.text[offset]) {
		offset--
	}
	return r.fail(offset, 1, "%s", strings.ToLower(parse.Message[:1])+parse.Message[1:])
}

// tomlKey is a segment of a dotted key with its place.
type tomlKey struct {
	name   string
	offset int
	end    int
}

func tomlKeys(expression *unstable.Node) []tomlKey {
	var keys []tomlKey
	for it := expression.Key(); it.Next(); {
		raw := it.Node().Raw
		keys = append(keys, tomlKey{string(it.Node().Data), int(raw.Offset), int(raw.Offset + raw.Length)})
	}
	return keys
}

func (r *tomlReader) again(key tomlKey) *diag.Error {
	return r.fail(key.offset, key.end-key.offset, "%q is defined twice", key.name)
}

// header goes to the table of a [header].
func (r *tomlReader) header(expression *unstable.Node) (*node, *diag.Error) {
	keys := tomlKeys(expression)
	parent, problem := r.descend(keys[:len(keys)-1])
	if problem != nil {
		return nil, problem
	}
	last := keys[len(keys)-1]
	table, problem := r.kid(parent, last)
	if problem != nil {
		return nil, problem
	}
	state := r.tables[table]
	if table.kind != document.Map || state.closed || state.header || state.section > 0 {
		return nil, r.again(last)
	}
	r.tables[table] = tomlTable{header: true}
	return table, r.bound(len(keys), last.offset)
}

// arrayHeader adds a table to the array of a [[header]].
func (r *tomlReader) arrayHeader(expression *unstable.Node) (*node, *diag.Error) {
	keys := tomlKeys(expression)
	parent, problem := r.descend(keys[:len(keys)-1])
	if problem != nil {
		return nil, problem
	}
	last := keys[len(keys)-1]
	var array *node
	if i := parent.find(last.name); i >= 0 {
		array = parent.kids[i]
	} else {
		array = r.node(document.List, "", last.offset)
		parent.put(last.name, array)
		r.tables[array] = tomlTable{header: true}
	}
	if array.kind != document.List || r.tables[array].closed {
		return nil, r.again(last)
	}
	table := r.node(document.Map, "", last.offset)
	r.tables[table] = tomlTable{header: true}
	array.kids = append(array.kids, table)
	return table, r.bound(len(keys), last.offset)
}

// descend goes down from the root; of an array of tables it takes the last.
func (r *tomlReader) descend(keys []tomlKey) (*node, *diag.Error) {
	table := r.root
	for _, key := range keys {
		kid, problem := r.kid(table, key)
		if problem != nil {
			return nil, problem
		}
		if r.tables[kid].closed || kid.kind != document.Map && kid.kind != document.List {
			return nil, r.again(key)
		}
		if kid.kind == document.List {
			kid = kid.kids[len(kid.kids)-1]
		}
		table = kid
	}
	return table, nil
}

// kid returns what is behind a key, a new table if nothing is.
func (r *tomlReader) kid(table *node, key tomlKey) (*node, *diag.Error) {
	if i := table.find(key.name); i >= 0 {
		return table.kids[i], nil
	}
	if problem := r.bound(0, key.offset); problem != nil {
		return nil, problem
	}
	kid := r.node(document.Map, "", key.offset)
	table.put(key.name, kid)
	return kid, nil
}

// assign puts the value of `key = value` below a table. Dotted keys may add to tables
// that dotted keys of the same section made, and to those that no one has defined.
func (r *tomlReader) assign(table *node, expression *unstable.Node, section, depth int) *diag.Error {
	keys := tomlKeys(expression)
	for _, key := range keys[:len(keys)-1] {
		kid, problem := r.kid(table, key)
		if problem != nil {
			return problem
		}
		state := r.tables[kid]
		if kid.kind != document.Map || state.closed || state.header || state.section > 0 && state.section != section {
			return r.again(key)
		}
		r.tables[kid] = tomlTable{section: section}
		table = kid
	}
	last := keys[len(keys)-1]
	if table.find(last.name) >= 0 {
		return r.again(last)
	}
	value, problem := r.value(expression.Value(), r.behind(last.end), depth+len(keys))
	if problem == nil {
		table.put(last.name, value)
	}
	return problem
}

// behind returns where the value after a key starts.
func (r *tomlReader) behind(end int) int {
	for end < len(r.text) && strings.IndexByte(" \t=", r.text[end]) >= 0 {
		end++
	}
	return end
}

// value reads a value. The parser does not tell where arrays start: start does.
func (r *tomlReader) value(from *unstable.Node, start, depth int) (*node, *diag.Error) {
	if problem := r.bound(depth, start); problem != nil {
		return nil, problem
	}
	switch from.Kind {
	case unstable.Array:
		to := r.node(document.List, "", start)
		r.tables[to] = tomlTable{closed: true}
		for it := from.Children(); it.Next(); {
			kid, problem := r.value(it.Node(), r.startOf(it.Node()), depth+1)
			if problem != nil {
				return nil, problem
			}
			to.kids = append(to.kids, kid)
		}
		return to, nil
	case unstable.InlineTable:
		to := r.node(document.Map, "", int(from.Raw.Offset))
		r.section++
		section := r.section
		for it := from.Children(); it.Next(); {
			if problem := r.assign(to, it.Node(), section, depth); problem != nil {
				return nil, problem
			}
		}
		r.tables[to] = tomlTable{closed: true}
		return to, nil
	}
	return r.tomlScalar(from)
}

// startOf returns the place of an array's item; of an item that is an array, that of
// its first value, or else of what came before.
func (r *tomlReader) startOf(item *unstable.Node) int {
	for item.Valid() && item.Kind == unstable.Array {
		item = item.Child()
	}
	if item.Valid() {
		return int(item.Raw.Offset)
	}
	return r.offset
}

func (r *tomlReader) tomlScalar(from *unstable.Node) (*node, *diag.Error) {
	text, offset := string(from.Data), int(from.Raw.Offset)
	switch from.Kind {
	case unstable.String:
		return r.node(document.String, text, offset), nil
	case unstable.Bool:
		return r.node(document.Bool, text, offset), nil
	case unstable.Integer:
		if value, ok := parseInt(strings.ReplaceAll(text, "_", "")); ok {
			return r.scalar(value, offset), nil
		}
		return nil, r.fail(offset, 1, "an integer of more than %d digits", maxRadixDigits)
	case unstable.Float:
		if strings.HasSuffix(text, "nan") {
			return r.node(document.Float, "NaN", offset), nil
		}
		return r.scalar(parseFloat(strings.ReplaceAll(text, "_", "")), offset), nil
	}
	if !isTOMLTime(text) {
		return nil, r.fail(offset, len(text), "%.40q is no date or time", text)
	}
	return r.node(document.String, text, offset), nil
}

// isTOMLTime reports whether a date, a time, or both are in the calendar.
func isTOMLTime(text string) bool {
	if len(text) > 10 && (text[10] == ' ' || text[10] == 't') {
		text = text[:10] + "T" + text[11:]
	}
	if strings.HasSuffix(text, "z") {
		text = text[:len(text)-1] + "Z"
	}
	for _, layout := range []string{time.DateOnly, time.TimeOnly, "15:04", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if _, err := time.Parse(layout, text); err == nil {
			return true
		}
	}
	return false
}
