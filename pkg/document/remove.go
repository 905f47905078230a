package document

import "strings"

// remove makes the splices that take the node at a spot away.
func (e *editor) remove(spot spot) {
	last := spot.chain[len(spot.chain)-1]
	starts, ends := e.children(last.parent)
	switch {
	case len(starts) == 1 && len(spot.chain) > 1:
		parent := spotAt(last.parent, nil)
		parent.chain = spot.chain[:len(spot.chain)-1]
		e.replace(parent, &Node{Kind: last.parent.Kind})
	case len(starts) == 1 && last.parent.flow:
		e.splice(e.src.body(last.parent)+1, e.src.end(last.parent)-1, "")
	case last.parent.flow:
		e.removeFlow(starts, ends, last.i)
	default:
		e.removeBlock(last, starts, ends)
	}
}

// removeBlock takes the lines of a child of a block collection.
func (e *editor) removeBlock(link link, starts, ends []int) {
	s, i := e.src, link.i
	start := starts[i]
	line := s.lineStart(start)
	column := start - line
	end := e.deeperComments(s.lineEnd(ends[i]), column)
	if s.indented(line) != start {
		e.removeCompact(starts, ends, i)
		return
	}
	block, keep, before := false, false, 0
	if i > 0 {
		block, keep = s.endsInBlock(child(link.parent, i-1))
		before = ends[i-1]
	}
	from := e.ownComments(line, column)
	to := s.nextLine(end)
	if to == len(s.text) && s.lineEnd(end) == to && from > 0 && !block {
		from -= s.breakBefore(from) // the file goes on without a last line break
		e.splice(from, to, "")
		return
	}
	gap := gap{from: from, to: to, before: before, first: i == 0, last: i == len(starts)-1, keep: keep}
	gap.close(s)
	e.splice(gap.from, gap.to, "")
}

// endsInBlock tells whether the last thing in a value is a block scalar, and whether
// that keeps the blank lines behind it.
func (s *source) endsInBlock(n *Node) (block, keep bool) {
	for !n.scalar() && !n.flow && n.alias() == "" && lastChild(n) != nil {
		n = lastChild(n)
	}
	if n.alias() != "" || !n.scalar() || !n.Quoted {
		return false, false
	}
	at := s.body(n)
	if at >= len(s.text) || s.text[at] != '|' && s.text[at] != '>' {
		return false, false
	}
	_, keep = s.blockEnd(at, n.indent)
	return true, keep
}

// gap is lines that go, among lines that stay.
type gap struct {
	from, to    int
	before      int  // where the elder sibling ends
	first, last bool // of its siblings
	keep        bool // the elder sibling is a block scalar that keeps blank lines behind it
}

// close extends the gap by one of two runs of blank lines that would meet, or by that
// which kept apart what goes from its only neighbour.
func (g *gap) close(s *source) {
	above := g.from == 0 || s.blankLine(s.lineStart(g.from-1))
	below := g.to < len(s.text) && s.blankLine(g.to)
	if below && (above || g.first || g.keep) {
		for g.to < len(s.text) && s.blankLine(g.to) {
			g.to = s.nextLine(g.to)
		}
	}
	if !above || !g.last || below && g.to < len(s.text) {
		return
	}
	for g.from > 0 && s.blankLine(s.lineStart(g.from-1)) && s.lineStart(g.from-1) > g.before {
		g.from = s.lineStart(g.from - 1)
	}
}

// ownComments returns where the comment lines start that stand right above a line, at
// its column. A comment at the top of the file is about the file.
func (e *editor) ownComments(line, column int) int {
	s := e.src
	from := line
	for from > 0 {
		above := s.lineStart(from - 1)
		content := s.indented(above)
		if content-above != column || s.text[content] != '#' {
			return from
		}
		from = above
	}
	return line
}

// deeperComments extends an end of line over comment lines that are indented deeper
// than a column.
func (e *editor) deeperComments(end, column int) int {
	s := e.src
	for line := s.nextLine(end); line < len(s.text); line = s.nextLine(line) {
		content := s.indented(line)
		if content >= len(s.text) || s.text[content] != '#' || content-line <= column {
			break
		}
		end = s.lineEnd(line)
	}
	return end
}

// removeCompact takes a first child that stands behind the dash of what holds it: the
// next one moves up to the dash, unless comments are in between.
func (e *editor) removeCompact(starts, ends []int, i int) {
	s := e.src
	if i+1 >= len(starts) {
		e.splice(e.blanksBefore(starts[i]), s.lineEnd(ends[i]), "")
		return
	}
	end := s.lineEnd(ends[i])
	if strings.Trim(s.text[end:starts[i+1]], " \t\r\n") == "" {
		e.splice(starts[i], starts[i+1], "")
		return
	}
	e.splice(e.blanksBefore(starts[i]), end, "")
}

// removeFlow takes the i-th child of a collection in brackets, and a comma.
func (e *editor) removeFlow(starts, ends []int, i int) {
	s := e.src
	line := s.lineStart(starts[i])
	ownLine := s.firstOnLine(starts[i]) && line > 0
	if i+1 < len(starts) {
		to := starts[i+1]
		if next := s.lineStart(to); ownLine && next > line {
			comma := s.skip(ends[i])
			e.splice(line, s.nextLine(comma), "")
			return
		}
		e.splice(starts[i], to, "")
		return
	}
	if !ownLine || s.lineStart(ends[i-1]) == line {
		e.splice(ends[i-1], ends[i], "")
		return
	}
	comma := s.skip(ends[i-1])
	after := s.skip(ends[i])
	to := ends[i]
	if after < len(s.text) && s.text[after] == ',' {
		to = after + 1 // the comma before becomes the trailing one
	} else {
		e.splice(comma, comma+1, "")
	}
	if rest := s.text[to:s.lineEnd(to)]; strings.HasPrefix(strings.TrimLeft(rest, " \t"), "#") {
		to = s.lineEnd(to)
	}
	e.splice(line-s.breakBefore(line), to, "")
}
