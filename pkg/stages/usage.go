package stages

import (
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// Templates is what a pipeline's templates are filled in from, and what they use of it.
type Templates struct {
	Vars     []Var     // each once, however many stages have it
	Names    []Param   // values of the params.yaml beside a pipeline's file that templates use
	Unquoted diag.List // templates in a cmd that stand for what a shell takes for more than a text
}

// Var is a name under vars, or a file of which all is loaded.
type Var struct {
	Name string
	File bool // it is a file: used when any of its values is
	Pos  diag.Pos
	Used bool
}

// usage notes what is used while templates are filled in.
type usage struct {
	vars  []*Var
	at    map[Var]*Var // by all but whether it is used
	names map[string]bool
}

func newUsage() *usage { return &usage{at: map[Var]*Var{}, names: map[string]bool{}} }

// declare notes that a scope has names from a var.
func (u *usage) declare(in *scope, v Var, names ...string) {
	known := u.at[v]
	if known == nil {
		known = &Var{Name: v.Name, File: v.File, Pos: v.Pos}
		u.at[v] = known
		u.vars = append(u.vars, known)
	}
	for _, name := range names {
		if !slices.Contains(in.vars[name], known) {
			in.vars[name] = append(in.vars[name], known)
		}
	}
}

// use notes that a template uses a name of a scope.
func (u *usage) use(owner *scope, path []string) {
	for _, v := range owner.vars[path[0]] {
		v.Used = true
	}
	if !owner.reserved {
		u.names[strings.Join(path, ".")] = true
	}
}

// noteUsage adds to the pipeline what the templates of a file have used.
func (e *expander) noteUsage(params string) {
	told := &e.pipeline.Templates
	for _, v := range e.global.used.vars {
		same := func(other Var) bool { return other.Pos == v.Pos && other.Name == v.Name }
		if i := slices.IndexFunc(told.Vars, same); i >= 0 { // of a file that is included twice
			told.Vars[i].Used = told.Vars[i].Used || v.Used
			continue
		}
		told.Vars = append(told.Vars, *v)
	}
	for name := range e.global.used.names {
		told.Names = append(told.Names, Param{File: params, Key: name})
	}
	slices.SortFunc(told.Names, func(a, b Param) int { return strings.Compare(a.File+":"+a.Key, b.File+":"+b.Key) })
	told.Names = slices.Compact(told.Names)
}

// checkQuotes notes a template in a cmd whose text a shell would not take as a text.
// What begins a command, and options as a whole, are meant for the shell.
func (e *expander) checkQuotes(node *document.Node, m match, text string) {
	quote, begins := shellQuoteAt(node.Text[:m.start])
	special := ";&|<>()$`\n"
	switch {
	case strings.HasPrefix(text, "${"+mapName+"."):
		return // the engine fills it in, with quotes
	case begins && quote == 0:
		return
	case quote == '\'':
		special = "'"
	case quote == '"':
		special = "\"$`\\"
	case !strings.HasPrefix(text, "-"):
		special += "'\"\\"
	}
	at := strings.IndexAny(text, special)
	if at < 0 {
		return
	}
	problem := e.errorAt(node, m, "%q has the character %q, which the shell does not take as a part of the text", m.name(), text[at:at+1])
	if quote == 0 {
		problem.Hint = "put quotes around it, or leave the character out"
	}
	e.pipeline.Templates.Unquoted.Add(problem)
}

// shellQuoteAt returns the quote that the end of a part of a script is in, or 0; and
// whether a command begins there.
func shellQuoteAt(script string) (quote byte, begins bool) {
	begins = true
	for i := 0; i < len(script); i++ {
		c := script[i]
		switch {
		case c == '\\' && quote != '\'':
			i++
			begins = false
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote, begins = c, false
		case strings.IndexByte(";&|(\n", c) >= 0:
			begins = true
		case c != ' ' && c != '\t':
			begins = false
		}
	}
	return quote, begins
}
