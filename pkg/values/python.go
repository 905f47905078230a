package values

import (
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// pyReader finds the constants of a module: what is assigned to a name at the top
// level or in a class, and to self in __init__. All else is passed over, as are
// values that are not written out, such as calls and sums.
type pyReader struct{ *pyLexer }

// pyScope is what a block's assignments mean.
type pyScope uint8

const (
	pyModule pyScope = iota
	pyClass
	pyInit // the body of __init__: only self.x = counts
)

func readPython(src *source) (*node, *diag.Error) {
	r := &pyReader{&pyLexer{source: src}}
	root := r.node(document.Map, "", 0)
	if problem := r.next(); problem != nil {
		return nil, problem
	}
	return root, r.block(root, 0, pyModule, 1)
}

// block reads the lines that are indented by indent into a mapping.
func (r *pyReader) block(into *node, indent int, scope pyScope, depth int) *diag.Error {
	if problem := r.bound(depth, r.start()); problem != nil {
		return problem
	}
	for r.indent >= indent {
		if r.indent > indent {
			return r.fail(r.start(), 1, "the line's indentation fits no block")
		}
		if problem := r.statement(into, indent, scope, depth); problem != nil {
			return problem
		}
	}
	return nil
}

// start returns where the current line's words start.
func (r *pyReader) start() int {
	if len(r.tokens) == 0 {
		return len(r.text)
	}
	return int(r.tokens[0].start)
}

// statement reads one logical line, and the block below it.
func (r *pyReader) statement(into *node, indent int, scope pyScope, depth int) *diag.Error {
	first, second := r.wordAt(0), r.wordAt(1)
	switch {
	case first == "class" && scope != pyInit:
		class := r.node(document.Map, "", int(r.tokens[min(1, len(r.tokens)-1)].start))
		problem := r.body(class, indent, pyClass, depth)
		if len(class.keys) > 0 {
			into.put(second, class)
		}
		return problem
	case first == "def" && second == "__init__" && scope == pyClass:
		return r.body(into, indent, pyInit, depth)
	}
	if problem := r.simple(r.tokens, into, scope); problem != nil {
		return problem
	}
	below := r.wordAt(len(r.tokens)-1) == ":"
	if problem := r.next(); problem != nil {
		return problem
	}
	for below && r.indent > indent {
		if problem := r.next(); problem != nil {
			return problem
		}
	}
	return nil
}

func (r *pyReader) wordAt(i int) string {
	if i < len(r.tokens) {
		return r.word(r.tokens[i])
	}
	return ""
}

// body reads what follows the colon of a class or a function, on its line or below.
func (r *pyReader) body(into *node, indent int, scope pyScope, depth int) *diag.Error {
	name := r.wordAt(1)
	colon := r.outside(r.tokens, ":")
	if colon < 0 {
		return r.fail(r.start(), len(r.wordAt(0)), "%s %.80s has no colon", r.wordAt(0), name)
	}
	inline := r.tokens[colon+1:]
	if problem := r.simple(inline, into, scope); problem != nil {
		return problem
	}
	below := len(inline) == 0
	if problem := r.next(); problem != nil {
		return problem
	}
	if !below || r.indent <= indent {
		return nil
	}
	return r.block(into, r.indent, scope, depth+1)
}

// outside returns the rank of the first such word that is not in brackets, or -1.
func (r *pyReader) outside(tokens []pyToken, word string) int {
	depth := 0
	for i, token := range tokens {
		if token.kind != pyOp {
			continue
		}
		switch found := r.word(token); {
		case depth == 0 && found == word:
			return i
		case strings.Contains("([{", found):
			depth++
		case strings.Contains(")]}", found):
			depth--
		}
	}
	return -1
}

// simple reads the statements of a line.
func (r *pyReader) simple(tokens []pyToken, into *node, scope pyScope) *diag.Error {
	for len(tokens) > 0 {
		statement := tokens
		if end := r.outside(tokens, ";"); end >= 0 {
			statement, tokens = tokens[:end], tokens[end+1:]
		} else {
			tokens = nil
		}
		if problem := r.assign(statement, into, scope); problem != nil {
			return problem
		}
	}
	return nil
}

// pyKeywords can't be assigned to, though `else: x = 1` looks as if.
const pyKeywords = " False None True and as assert async await break class continue def del elif else except finally for from " +
	"global if import in is lambda nonlocal not or pass raise return try while with yield "

// assign reads `name = constant`, with or without an annotation.
func (r *pyReader) assign(tokens []pyToken, into *node, scope pyScope) *diag.Error {
	if scope == pyInit {
		if len(tokens) < 3 || r.word(tokens[0]) != "self" || r.word(tokens[1]) != "." {
			return nil
		}
		tokens = tokens[2:]
	}
	if len(tokens) < 3 || tokens[0].kind != pyName {
		return nil
	}
	name := r.word(tokens[0])
	if strings.Contains(pyKeywords, " "+name+" ") {
		return nil
	}
	equals := 1
	if r.word(tokens[1]) == ":" {
		equals = r.outside(tokens, "=")
	}
	if equals < 0 || r.word(tokens[equals]) != "=" {
		return nil
	}
	p := &pyParser{pyReader: r, tokens: tokens[equals+1:]}
	value, problem := p.tuple()
	if problem == nil && value != nil && len(p.tokens) == 0 {
		into.put(name, value)
	}
	return problem
}
