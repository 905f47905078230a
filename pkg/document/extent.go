package document

import "strings"

// The YAML library tells where a value starts, not where it ends. These read the text
// again, which is known to be right.

// Width returns how many runes of its first line the node takes.
func (n *Node) Width() int {
	if n.src == nil {
		return 1
	}
	if n.more != nil && n.more.from != nil {
		return n.more.from.Width()
	}
	switch {
	case n.alias() == "" && n.Kind == Map && !n.flow && len(n.own()) > 0:
		return n.own()[0].Key.Width()
	case n.alias() == "" && n.Kind == List && !n.flow:
		return 1
	}
	return n.src.width(n.at, n.src.end(n))
}

// end returns the offset behind the last byte of a node; of a block scalar its last
// line's break is not part.
func (s *source) end(n *Node) int {
	switch {
	case n.alias() != "":
		return s.prop(n.at)
	case n.scalar():
		return s.scalarEnd(n)
	case n.flow:
		return s.flowEnd(n)
	case n.Kind == List:
		end := s.body(n)
		for i, dash := range s.dashes(n) {
			end = dash + 1
			if !n.Items[i].bare() {
				end = s.end(n.Items[i])
			}
		}
		return end
	case len(n.own()) == 0:
		return s.body(n)
	}
	return s.entryEnd(n.own()[len(n.own())-1])
}

// bare tells whether not even an anchor or a tag stands where the value could be.
func (n *Node) bare() bool { return n.empty() && !n.anchor && n.tag() == "" }

// entryEnd returns where an entry ends.
func (s *source) entryEnd(entry Entry) int {
	if entry.Value.bare() {
		return s.afterKey(entry)
	}
	return s.end(entry.Value)
}

// afterKey returns the offset behind an entry's colon, or behind its key when there is
// none.
func (s *source) afterKey(entry Entry) int {
	end := s.end(entry.Key)
	if at := s.skip(end); at < len(s.text) && s.text[at] == ':' {
		return at + 1
	}
	return end
}

// keyStart returns where the entry with a key at an offset starts: there, or at the
// question mark before it.
func (s *source) keyStart(at int) int {
	before := strings.TrimRight(s.text[s.lineStart(at):at], " \t")
	if len(before) > 0 && before[len(before)-1] == '?' && s.lineStart(at)+len(before) < at {
		return s.lineStart(at) + len(before) - 1
	}
	return at
}

// dashes returns where the dash of each item of a block List is.
func (s *source) dashes(n *Node) []int {
	dashes := make([]int, len(n.Items))
	at := s.body(n)
	for i, item := range n.Items {
		at = s.skip(at)
		dashes[i] = at
		at++
		if !item.bare() {
			at = s.end(item)
		}
	}
	return dashes
}

// body returns where a node starts behind its anchor and tag.
func (s *source) body(n *Node) int {
	if n.Kind == Map && !n.flow && n.alias() == "" && len(n.own()) > 0 {
		return s.keyStart(n.own()[0].Key.at)
	}
	switch {
	case n.bare():
		return n.at // where there may be an anchor of what is next
	case n.empty():
		return s.propsEnd(n.at)
	}
	return s.afterProps(n.at)
}

// afterProps skips an anchor, a tag and what is behind them.
func (s *source) afterProps(at int) int {
	if end := s.propsEnd(at); end > at {
		return s.skip(end)
	}
	return at
}

// propsEnd returns where the last of at most one anchor and one tag ends.
func (s *source) propsEnd(at int) int {
	end := at
	for range 2 {
		if at >= len(s.text) || s.text[at] != '&' && s.text[at] != '!' {
			break
		}
		end = s.prop(at)
		at = s.skip(end)
	}
	return end
}

// tag returns where the tag is among the anchor and tag at an offset; start is -1 when
// there is none.
func (s *source) tag(at int) (start, end int) {
	for range 2 {
		if at >= len(s.text) || s.text[at] != '&' && s.text[at] != '!' {
			break
		}
		end = s.prop(at)
		if s.text[at] == '!' {
			return at, end
		}
		at = s.skip(end)
	}
	return -1, 0
}

// prop returns where the anchor, alias or tag at an offset ends.
func (s *source) prop(at int) int {
	if s.text[at] == '!' {
		return s.word(at + 1)
	}
	at++
	for at < len(s.text) && (isLetter(s.text[at]) || isDigit(s.text[at]) || s.text[at] == '_' || s.text[at] == '-') {
		at++
	}
	return at
}

// word returns where a tag ends, which may be in angle brackets.
func (s *source) word(at int) int {
	if at < len(s.text) && s.text[at] == '<' {
		if i := strings.IndexByte(s.text[at:], '>'); i >= 0 {
			return at + i + 1
		}
	}
	for at < len(s.text) && !strings.ContainsRune(" \t\r\n,[]{}", rune(s.text[at])) && exoticBreak(s.text[at:]) == 0 {
		at++
	}
	return at
}

// skip goes over blanks, line breaks and comments.
func (s *source) skip(at int) int {
	for at < len(s.text) {
		switch c := s.text[at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			at++
		case c == '#':
			at = s.lineEnd(at)
		case exoticBreak(s.text[at:]) > 0:
			at += exoticBreak(s.text[at:])
		case strings.HasPrefix(s.text[at:], bom):
			at += len(bom)
		default:
			return at
		}
	}
	return at
}

func (s *source) scalarEnd(n *Node) int {
	at := s.body(n)
	if n.empty() || at >= len(s.text) {
		return at
	}
	if n.Quoted {
		switch s.text[at] {
		case '"', '\'':
			return s.quotedEnd(at)
		case '|', '>':
			end, _ := s.blockEnd(at, n.indent)
			return end
		}
	}
	return s.plainEnd(at, n.Text)
}

func (s *source) quotedEnd(at int) int {
	end, _ := s.quoted(at)
	return end
}

// quoted returns where the quoted text at an offset ends, and whether it does.
func (s *source) quoted(at int) (end int, closed bool) {
	quote := s.text[at]
	for i := at + 1; i < len(s.text); i++ {
		switch {
		case s.text[i] == '\\' && quote == '"':
			i++
		case s.text[i] == quote && quote == '\'' && strings.HasPrefix(s.text[i+1:], "'"):
			i++
		case s.text[i] == quote:
			return i + 1, true
		}
	}
	return len(s.text), false
}

// plainEnd finds the text of a plain scalar again, whose lines the library has joined.
func (s *source) plainEnd(at int, text string) int {
	if strings.HasPrefix(s.text[at:], text) {
		return at + len(text)
	}
	end := at
	for i := range len(text) {
		if isBlank(text[i]) || exoticBreak(text[i:]) > 0 {
			continue
		}
		for at < len(s.text) && s.text[at] != text[i] {
			at++
		}
		at = min(at+1, len(s.text))
		end = at
	}
	return end
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// flowEnd returns where the closing bracket ends, or the only value of a pair such as
// that in [a: 1].
func (s *source) flowEnd(n *Node) int {
	at := s.body(n)
	closing := byte(']')
	if n.Kind == Map {
		if at >= len(s.text) || s.text[at] != '{' {
			if own := n.own(); len(own) > 0 {
				return s.entryEnd(own[0])
			}
			return at
		}
		closing = '}'
	}
	at++
	if last := s.lastChildEnd(n); last > at {
		at = last
	}
	for {
		at = s.skip(at)
		if at >= len(s.text) {
			return at
		}
		if s.text[at] == closing {
			return at + 1
		}
		at++
	}
}

// lastChildEnd returns where the last value of a List or Map ends, or 0.
func (s *source) lastChildEnd(n *Node) int {
	if n.Kind == Map {
		if own := n.own(); len(own) > 0 {
			return s.entryEnd(own[len(own)-1])
		}
		return 0
	}
	if len(n.Items) == 0 {
		return 0
	}
	return s.end(n.Items[len(n.Items)-1])
}

// blockEnd returns where a block scalar that starts with | or > ends, and whether its
// header keeps the blank lines behind it.
func (s *source) blockEnd(at, parent int) (end int, keep bool) {
	indent := 0
	end = at + 1
	for ; end < len(s.text) && strings.ContainsRune("+-123456789", rune(s.text[end])); end++ {
		if s.text[end] == '+' {
			keep = true
		} else if s.text[end] != '-' {
			indent = max(parent, 0) + int(s.text[end]-'0')
		}
	}
	least := max(indent, parent+1, 1)
	for line := s.nextLine(at); line < len(s.text); line = s.nextLine(line) {
		to := s.lineEnd(line)
		content := line
		for content < to && s.text[content] == ' ' {
			content++
		}
		blank := content == to
		if !blank && content-line < least {
			break
		}
		if !blank || keep {
			end = to
		}
		if !blank && indent == 0 {
			indent = content - line
			least = indent
		}
	}
	return end, keep
}
