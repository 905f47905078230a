package document

import "strings"

// put makes the splices that set a value at a spot.
func (e *editor) put(spot spot, value *Node) {
	node := spot.node
	if len(spot.rest) == 0 {
		e.replace(spot, value)
		return
	}
	value = wrap(spot.rest[1:], value)
	switch {
	case node == nil:
		e.first(wrap(spot.rest[:1], value))
	case node.Kind == Null:
		e.replace(spot, wrap(spot.rest[:1], value))
	case node.flow && e.hollowBlock(spot):
		e.replace(spot, with(spotAt(node, spot.rest[:1]), value))
	case node.flow && node.Kind == List:
		e.addFlow(node, e.flow(value))
	case node.flow:
		e.addFlow(node, e.text(spot.rest[0])+": "+e.flow(value))
	default:
		e.addBlock(node, spot.rest[0], value)
	}
}

func spotAt(node *Node, rest []string) spot { return spot{node: node, rest: rest} }

// hollowBlock tells whether a spot is an empty {} or [] that may become a block.
func (e *editor) hollowBlock(spot spot) bool {
	if e.json || !hollow(spot.node) {
		return false
	}
	return len(spot.chain) == 0 || !spot.chain[len(spot.chain)-1].parent.flow
}

// first writes into a text that holds no value.
func (e *editor) first(value *Node) {
	w := &writer{style: e.style}
	w.block(value, 0)
	text := w.out.String() + e.newline
	if last := len(e.src.text); last > 0 && e.src.lineStart(last) < last {
		text = e.newline + text
	}
	e.splice(len(e.src.text), len(e.src.text), text)
}

// addBlock adds an entry or item behind the last one of a block collection.
func (e *editor) addBlock(node *Node, key string, value *Node) {
	indent := e.src.column(e.src.body(node))
	w := &writer{style: e.style}
	w.out.WriteString(e.newline + spaces(indent))
	if node.Kind == List {
		w.item(value, indent)
	} else {
		w.entry(key, value, indent)
	}
	e.seal(node)
	at := e.tail(node, indent)
	e.lines(at, at, w.out.String(), value)
}

// lines makes a splice up to a line's end. At the end of a file whose last line does
// not end, the new last one doesn't either, unless a block scalar asks for it.
func (e *editor) lines(from, to int, text string, value *Node) {
	for value != nil && !value.scalar() {
		value = lastChild(value)
	}
	if to == len(e.src.text) && value != nil && value.Kind == String && e.literals() && isLiteral(value.Text) && strings.HasSuffix(value.Text, "\n") {
		text += e.newline
	}
	e.splice(from, to, text)
}

// seal keeps the text of a block scalar that ends with the file, without a line break,
// when lines are to follow.
func (e *editor) seal(node *Node) {
	s := e.src
	if block, _ := s.endsInBlock(node); !block {
		return
	}
	for !node.scalar() {
		node = lastChild(node)
	}
	at := s.body(node)
	end, _ := s.blockEnd(at, node.indent)
	if end < len(s.text) || strings.HasSuffix(node.Text, "\n") {
		return
	}
	switch i := strings.IndexAny(s.text[at:s.word(at)], "+-"); {
	case i < 0:
		e.splice(at+1, at+1, "-")
	case s.text[at+i] == '+':
		e.splice(at+i, at+i+1, "-")
	}
}

func lastChild(n *Node) *Node {
	if n.Kind == List && len(n.Items) > 0 {
		return n.Items[len(n.Items)-1]
	}
	if own := n.own(); len(own) > 0 {
		return own[len(own)-1].Value
	}
	return nil
}

// tail returns the end of the last line of a block collection at a column. Comment
// lines that follow at once are part of it, unless they are about what comes next.
func (e *editor) tail(node *Node, indent int) int {
	s := e.src
	end := s.lineEnd(s.end(node))
	with := end
	for line := s.nextLine(end); line < len(s.text); line = s.nextLine(line) {
		content := s.indented(line)
		if content >= len(s.text) || s.text[content] != '#' {
			if s.blankLine(line) || content-line < indent {
				end = with
			}
			return end
		}
		if content-line < indent {
			break
		}
		with = s.lineEnd(line)
	}
	return with
}

// indented returns where the blanks at the start of a line end.
func (s *source) indented(line int) int {
	for line < len(s.text) && s.text[line] == ' ' {
		line++
	}
	return line
}

// firstOnLine tells whether only blanks are before an offset.
func (s *source) firstOnLine(at int) bool {
	return strings.Trim(s.text[s.lineStart(at):at], " \t") == ""
}

func (s *source) blankLine(line int) bool {
	return strings.Trim(s.text[line:s.lineEnd(line)], " \t") == ""
}

// addFlow adds a text behind the last child of a collection in brackets.
func (e *editor) addFlow(node *Node, text string) {
	s := e.src
	starts, ends := e.children(node)
	if len(ends) == 0 {
		at := s.body(node) + 1
		e.splice(at, at, text)
		return
	}
	last := len(ends) - 1
	end := ends[last]
	line := s.lineStart(starts[last])
	comma := s.skip(end)
	trailing := comma < len(s.text) && s.text[comma] == ','
	after := end
	if trailing {
		after = comma + 1
	}
	ownLine := s.firstOnLine(starts[last]) && line > s.body(node)
	if closing := s.skip(after); !ownLine || s.lineStart(closing) == s.lineStart(after) {
		e.splice(end, end, ", "+text)
		return
	}
	text = e.newline + s.text[line:starts[last]] + text
	if trailing {
		text += ","
	} else {
		e.splice(end, end, ",")
	}
	at := s.lineEnd(after)
	e.splice(at, at, text)
}

// children returns where the children of a collection start and end.
func (e *editor) children(node *Node) (starts, ends []int) {
	s := e.src
	if node.Kind == Map {
		for _, entry := range node.own() {
			starts = append(starts, s.keyStart(entry.Key.at))
			ends = append(ends, s.entryEnd(entry))
		}
		return starts, ends
	}
	if node.flow {
		for _, item := range node.Items {
			starts = append(starts, item.at)
			ends = append(ends, s.end(item))
		}
		return starts, ends
	}
	for i, dash := range s.dashes(node) {
		end := dash + 1
		if !node.Items[i].bare() {
			end = s.end(node.Items[i])
		}
		starts, ends = append(starts, dash), append(ends, end)
	}
	return starts, ends
}
