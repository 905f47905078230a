package document

// replace makes the splices that put a value in the place of the node at a spot.
func (e *editor) replace(spot spot, value *Node) {
	slot := e.slot(spot)
	if slot.inFlow {
		e.fill(slot, e.flow(value))
		return
	}
	if text, ok := e.inline(value); ok {
		e.replaceByLine(slot, text)
		return
	}
	e.replaceByBlock(slot, value)
}

// slot is where a value stands, or could.
type slot struct {
	node   *Node
	head   int  // offset behind the colon or dash before it
	indent int  // column of the key or dash
	dash   bool // it is behind a dash, or the root: a block may start on the same line
	inFlow bool
	colon  bool // the colon is there
	from   int  // offset of what is to be replaced: an anchor stays
	to     int
}

func (e *editor) slot(spot spot) slot {
	s, node := e.src, spot.node
	slot := slot{node: node, from: node.at, colon: true}
	if node.anchor && node.tag() == "" {
		slot.from = s.body(node)
	}
	slot.to = max(s.end(node), slot.from)
	if len(spot.chain) == 0 {
		slot.head, slot.dash, slot.indent = slot.from, true, -e.step
		return slot
	}
	last := spot.chain[len(spot.chain)-1]
	slot.inFlow = last.parent.flow
	switch {
	case last.parent.Kind == Map:
		entry := last.parent.own()[last.i]
		slot.head = s.afterKey(entry)
		slot.colon = s.text[slot.head-1] == ':' && slot.head > s.end(entry.Key)
		slot.indent = s.column(s.keyStart(entry.Key.at))
	case slot.inFlow:
		slot.head = slot.from
	default:
		dash := s.dashes(last.parent)[last.i]
		slot.head, slot.indent, slot.dash = dash+1, s.column(dash), true
	}
	if node.bare() {
		slot.from, slot.to = slot.head, slot.head
	}
	return slot
}

// vacant tells whether there is nothing to replace.
func (l slot) vacant() bool { return l.from == l.to }

// fill puts a text on one line in the place of what is on that line.
func (e *editor) fill(slot slot, text string) {
	switch {
	case !slot.vacant():
	case !slot.colon:
		text = ": " + text
	case slot.from > 0 && e.src.text[slot.from-1] != ' ' && slot.from > e.src.lineStart(slot.from):
		text = " " + text
	}
	e.splice(slot.from, slot.to, text)
}

// below tells whether the value is a block that starts on a line behind that of its key
// or dash.
func (e *editor) below(slot slot) bool {
	s := e.src
	return !slot.vacant() && !slot.node.scalar() && !slot.node.flow && slot.node.alias() == "" &&
		s.lineStart(slot.from) > s.lineStart(slot.head)
}

// replaceByLine puts a text on one line in the place of a value in a block.
func (e *editor) replaceByLine(slot slot, text string) {
	if !e.below(slot) {
		e.fill(slot, text)
		return
	}
	at := e.headEnd(slot)
	e.splice(at, at, " "+text)
	e.splice(e.src.lineEnd(at), e.src.lineEnd(slot.to), "")
}

// headEnd returns where what stays of an entry ends: its colon, or the anchor behind it.
func (e *editor) headEnd(slot slot) int {
	if slot.node.anchor && slot.from != slot.node.at {
		return e.src.propsEnd(slot.node.at)
	}
	return slot.head
}

// replaceByBlock puts a value that takes lines of its own in the place of another one.
func (e *editor) replaceByBlock(slot slot, value *Node) {
	s := e.src
	w := &writer{style: e.style}
	switch {
	case value.scalar():
		e.replaceByLiteral(slot, value.Text)
	case e.below(slot):
		indent := slot.indent + e.style.below(value)
		if slot.node.Kind == value.Kind || slot.dash {
			indent = s.column(s.body(slot.node))
		}
		w.out.WriteString(spaces(indent))
		w.block(value, indent)
		e.lines(s.lineStart(slot.from), s.lineEnd(slot.to), w.out.String(), value)
	case slot.dash && slot.from == slot.node.at:
		e.replaceCompact(slot, value)
	default:
		indent := slot.indent + e.style.below(value)
		if slot.dash {
			indent = slot.indent + 2 // it has an anchor
		}
		w.out.WriteString(e.newline + spaces(indent))
		w.block(value, indent)
		e.splice(e.blanksBefore(slot.from), slot.to, "")
		at := s.lineEnd(slot.to)
		e.lines(at, at, w.out.String(), value)
	}
}

// blanksBefore returns where the blanks before an offset start.
func (e *editor) blanksBefore(at int) int {
	for at > 0 && (e.src.text[at-1] == ' ' || e.src.text[at-1] == '\t') {
		at--
	}
	return at
}

// replaceCompact starts a block on the line of its dash, before a comment.
func (e *editor) replaceCompact(slot slot, value *Node) {
	s := e.src
	indent := s.column(slot.from)
	if slot.vacant() && slot.indent >= 0 {
		indent = slot.indent + 2
	}
	w := &writer{style: e.style}
	w.block(value, indent)
	text := w.out.String()
	if old := slot.node; !old.scalar() && !old.flow && old.alias() == "" {
		e.lines(slot.from, s.lineEnd(slot.to), text, value)
		return
	}
	first := firstLine(text, e.newline)
	e.fill(slot, first)
	at := s.lineEnd(slot.to)
	e.lines(at, at, text[len(first):], value)
}

func firstLine(text, newline string) string {
	for i := range len(text) - len(newline) + 1 {
		if text[i:i+len(newline)] == newline {
			return text[:i]
		}
	}
	return text
}

// replaceByLiteral puts the header where the value was, and the lines behind a comment.
func (e *editor) replaceByLiteral(slot slot, text string) {
	s := e.src
	w := &writer{style: e.style}
	w.literalLines(text, max(slot.indent+e.step, 1))
	if e.below(slot) {
		at := e.headEnd(slot)
		e.splice(at, at, " "+literalHeader(text))
		e.lines(s.lineEnd(at), s.lineEnd(slot.to), w.out.String(), Of(text))
		return
	}
	if old := slot.node; !old.scalar() && !old.flow && old.alias() == "" {
		slot.to = s.lineEnd(slot.to)
	}
	e.fill(slot, literalHeader(text))
	at := s.lineEnd(slot.to)
	e.lines(at, at, w.out.String(), Of(text))
}
