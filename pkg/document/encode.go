package document

import "strings"

// Encode returns a value as block YAML: the same value gives the same bytes. See Of for
// what a value may be.
func Encode(value any) []byte {
	w := &writer{style: style{newline: "\n", step: 2, dash: 2}}
	node := Of(value)
	if text, ok := w.inline(node); ok {
		return []byte(text + "\n")
	}
	if node.scalar() {
		w.literal(node.Text, 2)
		return []byte(w.out.String() + "\n")
	}
	w.block(node, 0)
	return []byte(w.out.String() + "\n")
}

// style is how a file is written.
type style struct {
	newline string
	step    int  // columns that a mapping is indented by
	dash    int  // columns that the dashes of a list below a key are indented by
	json    bool // strings are quoted: the text may be read as JSON
	quote   bool // no block scalars: a comment behind one could become part of it
}

// writer writes values in a style. Nothing it writes ends with a line break.
type writer struct {
	style
	out strings.Builder
}

// inline returns a value on one line, unless it has to be a block.
func (st style) inline(n *Node) (text string, ok bool) {
	switch {
	case n.Kind == List && len(n.Items) == 0:
		return "[]", true
	case n.Kind == Map && len(n.Entries) == 0:
		return "{}", true
	case n.Kind >= List, n.Kind == String && st.literals() && isLiteral(n.Text):
		return "", false
	}
	return st.scalar(n), true
}

func (st style) literals() bool { return !st.json && !st.quote }

func (st style) scalar(n *Node) string {
	switch {
	case n.Kind == String:
		return st.text(n.Text)
	case n.Kind == Null:
		return "null"
	}
	return n.Text
}

func (st style) text(s string) string {
	if st.json {
		return quoted(s)
	}
	return Quote(s)
}

// flow returns a value with brackets, on one line.
func (st style) flow(n *Node) string {
	switch n.Kind {
	case List:
		parts := make([]string, len(n.Items))
		for i, item := range n.Items {
			parts[i] = st.flow(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case Map:
		parts := make([]string, len(n.Entries))
		for i, entry := range n.Entries {
			parts[i] = st.text(entry.Key.Text) + ": " + st.flow(entry.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return st.scalar(n)
}

// isLiteral tells whether a text is best written as a block behind |, and can be.
func isLiteral(s string) bool {
	body := strings.TrimSuffix(s, "\n")
	if !strings.Contains(s, "\n") || body == "" || strings.ContainsRune(" \t\n", rune(s[0])) || strings.HasSuffix(body, "\n") {
		return false
	}
	for line := range strings.SplitSeq(body, "\n") {
		if strings.TrimRight(line, " \t") != line || strings.HasPrefix(line, "\t") {
			return false
		}
		for _, r := range line {
			if r != '\t' && !printable(r) || r == '\ufffd' {
				return false
			}
		}
	}
	return true
}

// literal writes | and the lines behind it.
func (w *writer) literal(text string, indent int) {
	w.out.WriteString(literalHeader(text))
	w.literalLines(text, indent)
}

func literalHeader(text string) string {
	if strings.HasSuffix(text, "\n") {
		return "|"
	}
	return "|-"
}

func (w *writer) literalLines(text string, indent int) {
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		w.out.WriteString(w.newline)
		if line != "" {
			w.out.WriteString(spaces(indent))
			w.out.WriteString(line)
		}
	}
}

// block writes the entries or items of a collection at a column. The first line is not
// indented: it may stand behind a dash.
func (w *writer) block(n *Node, indent int) {
	for i, item := range n.Items {
		w.separate(i, indent)
		w.item(item, indent)
	}
	for i, entry := range n.Entries {
		w.separate(i, indent)
		w.entry(entry.Key.Text, entry.Value, indent)
	}
}

func (w *writer) separate(i, indent int) {
	if i > 0 {
		w.out.WriteString(w.newline)
		w.out.WriteString(spaces(indent))
	}
}

// item writes a dash at a column, and what is behind it.
func (w *writer) item(n *Node, indent int) {
	w.out.WriteString("- ")
	if text, ok := w.inline(n); ok {
		w.out.WriteString(text)
	} else if n.scalar() {
		w.literal(n.Text, indent+2)
	} else {
		w.block(n, indent+2)
	}
}

// entry writes a key at a column, and its value.
func (w *writer) entry(key string, value *Node, indent int) {
	w.out.WriteString(w.text(key))
	w.out.WriteByte(':')
	if text, ok := w.inline(value); ok {
		w.out.WriteByte(' ')
		w.out.WriteString(text)
	} else if value.scalar() {
		w.out.WriteByte(' ')
		w.literal(value.Text, indent+w.step)
	} else {
		below := indent + w.below(value)
		w.out.WriteString(w.newline)
		w.out.WriteString(spaces(below))
		w.block(value, below)
	}
}

// below returns how far a collection is indented below its key.
func (st style) below(n *Node) int {
	if n.Kind == List {
		return st.dash
	}
	return st.step
}

func spaces(n int) string { return strings.Repeat(" ", n) }
