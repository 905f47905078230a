package document

import (
	"cmp"
	"slices"
	"strings"

	"flow/pkg/diag"
)

// editor collects the splices of one edit.
type editor struct {
	doc *Document
	src *source
	style
	splices []splice
}

// splice replaces the bytes from..to.
type splice struct {
	from, to int
	text     string
}

func newEditor(d *Document) *editor {
	e := &editor{doc: d, src: d.src, style: style{newline: "\n", step: 2}}
	if end := strings.IndexAny(d.src.text, "\r\n"); end >= 0 {
		e.newline = d.src.text[end:d.src.nextLine(end)]
	}
	s := shape{src: d.src, step: -1, dash: -1}
	s.look(d.Root)
	if s.step > 0 {
		e.step = s.step
	}
	e.dash = e.step
	if s.dash >= 0 {
		e.dash = s.dash
	}
	e.json = isJSON(d.Root)
	return e
}

// isJSON tells whether a text looks as if other programs read it as JSON.
func isJSON(root *Node) bool {
	if root == nil || !root.flow || root.Kind != Map || len(root.own()) == 0 {
		return root != nil && root.flow && root.Kind == List && len(root.Items) > 0 && isJSON(root.Items[0])
	}
	for _, entry := range root.own() {
		key := entry.Key
		if !key.Quoted || key.src.text[key.at] != '"' {
			return false
		}
	}
	return true
}

// shape finds how the first mapping in a mapping, and the first list in one, is
// indented; -1 while there is none.
type shape struct {
	src        *source
	step, dash int
}

func (s *shape) look(n *Node) {
	if n == nil || n.flow || n.alias() != "" || s.step >= 0 && s.dash >= 0 {
		return
	}
	for _, item := range n.Items {
		s.look(item)
	}
	for _, entry := range n.own() {
		value := entry.Value
		if value.flow || value.scalar() || value.alias() != "" {
			continue
		}
		deeper := s.src.column(s.src.body(value)) - s.src.column(s.src.keyStart(entry.Key.at))
		if value.Kind == List && s.dash < 0 {
			s.dash = max(deeper, 0)
		} else if value.Kind == Map && s.step < 0 {
			s.step = deeper
		}
		s.look(value)
	}
}

func (e *editor) splice(from, to int, text string) {
	e.splices = append(e.splices, splice{from, to, text})
}

// finish makes the edit, and reads the text again: it must hold what is wanted.
func (e *editor) finish(path []string, want *Node) (*Document, error) {
	slices.SortStableFunc(e.splices, func(a, b splice) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	var out strings.Builder
	if e.src.bom {
		out.WriteString(bom)
	}
	done := 0
	for _, s := range e.splices {
		if s.from < done {
			return nil, e.refuse(path, nil)
		}
		out.WriteString(e.src.text[done:s.from])
		out.WriteString(s.text)
		done = s.to
	}
	out.WriteString(e.src.text[done:])
	edited, err := Parse(e.doc.File, []byte(out.String()))
	if err != nil {
		return nil, e.refuse(path, err)
	}
	if !same(edited.Root, want) && !(edited.Root == nil && hollow(want)) {
		return nil, e.refuse(path, nil)
	}
	return edited, nil
}

// hollow tells whether a value is what an empty text may stand for.
func hollow(n *Node) bool {
	return n == nil || n.Kind == Map && len(n.Entries) == 0 || n.Kind == List && len(n.Items) == 0
}

// refuse says that an edit is not possible without changing something else.
func (e *editor) refuse(path []string, err error) *diag.Error {
	problem := diag.At(diag.Pos{File: e.doc.File}, "%s can't be changed without changing more of the file", pathText(path))
	for i := len(path); i >= 0; i-- {
		if n := e.doc.Root.Find(path[:i]...); n != nil {
			problem = n.Errorf("%s", problem.Msg)
			break
		}
	}
	problem.Err = err
	return problem.WithHint("change it by hand")
}
