// Package query is a small language that chooses records by their values.
//
//	metrics.accuracy > 0.8 and not (params.lr >= 0.1 or state = failed)
//
// A comparison is a key, an operator and a value. The operators are = (also ==), !=, <,
// <=, >, >=, ~ (contains) and !~. A value is a number, which may end in s, m, h or d
// for a time in seconds; a text in quotes; or a bare word. A key by itself asks
// whether there is a value that is not false. Comparisons are joined by and, or, not
// and parentheses; not binds closest, then and.
//
// What compares with a value that a record does not have is neither true nor false,
// and so is its negation: such a record is chosen by neither.
package query

import (
	"flow/pkg/values"
)

// Record returns the value that a record has under a key.
type Record func(key string) (values.Value, bool)

// Query is a parsed text.
type Query struct {
	text string
	root node
	keys []*operand
}

// Match reports whether a record is chosen.
func (q *Query) Match(record Record) bool { return q.root.eval(record) == yes }

// truth is what a part of a query says of a record.
type truth int8

const (
	no truth = iota
	unknown
	yes
)

func truthOf(is bool) truth {
	if is {
		return yes
	}
	return no
}

// node is a part of a query.
type node interface{ eval(Record) truth }

type both struct{ a, b node }

func (n both) eval(record Record) truth { return min(n.a.eval(record), n.b.eval(record)) }

type either struct{ a, b node }

func (n either) eval(record Record) truth { return max(n.a.eval(record), n.b.eval(record)) }

type not struct{ of node }

func (n not) eval(record Record) truth { return yes - n.of.eval(record) }

// operand is a key and where it stands.
type operand struct {
	key       string
	at, width int // in runes
}

type present struct{ of *operand }

func (n present) eval(record Record) truth {
	value, found := record(n.of.key)
	return truthOf(found && value.Text != "false" && value.Text != "")
}

type comparison struct {
	of *operand
	op string
	to literal
}

func (n comparison) eval(record Record) truth {
	value, found := record(n.of.key)
	if !found {
		return unknown
	}
	switch n.op {
	case "~":
		return n.to.in(value)
	case "!~":
		return yes - n.to.in(value)
	case "=":
		return n.to.equals(value)
	case "!=":
		return yes - n.to.equals(value)
	}
	order, comparable := n.to.compare(value)
	switch {
	case !comparable:
		return unknown
	case n.op == "<":
		return truthOf(order < 0)
	case n.op == "<=":
		return truthOf(order <= 0)
	case n.op == ">":
		return truthOf(order > 0)
	}
	return truthOf(order >= 0)
}
