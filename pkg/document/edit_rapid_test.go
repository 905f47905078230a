package document

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// pen writes random values in random styles, as people do.
type pen struct {
	t        *rapid.T
	out      strings.Builder
	newline  string
	comments int
}

func (p *pen) pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(p.t, label) }

func (p *pen) comment() string {
	p.comments++
	return fmt.Sprintf("#c%d;", p.comments)
}

// between writes comment lines and blank lines.
func (p *pen) between(indent int) {
	switch p.pick("between", 8) {
	case 0:
		p.out.WriteString(p.newline)
	case 1:
		p.out.WriteString(spaces(indent) + p.comment() + p.newline)
	case 2:
		p.out.WriteString(p.newline + spaces(indent) + p.comment() + p.newline)
	case 3:
		p.out.WriteString(spaces(p.pick("odd comment", indent+3)) + p.comment() + p.newline)
	}
}

// endLine may put a comment behind a value.
func (p *pen) endLine() {
	if p.pick("trailing", 5) == 0 {
		p.out.WriteString("  " + p.comment())
	}
	p.out.WriteString(p.newline)
}

func (p *pen) key(i int) string {
	return fmt.Sprintf([]string{"k%d", `"k %d"`, "'k%d'", "é%d", "%d", "k.%d"}[p.pick("key", 6)], i)
}

var oneLine = []string{"1", "x", "a b", "'it''s'", `"q\"\n"`, "~", "", "0.10", "*.py"[1:], "é", "&a 1", "!!str 1", "a#b", "x:y", "-1"}

func (p *pen) flow(depth int) {
	kind := p.pick("flow kind", 4)
	if depth == 0 || kind < 2 {
		p.out.WriteString([]string{"1", "x", "'a, b'", `"]"`, "é", "null"}[p.pick("flow scalar", 6)])
		return
	}
	open, closing := "[", "]"
	if kind == 3 {
		open, closing = "{", "}"
	}
	gap := []string{"", " ", p.newline + spaces(24)}[p.pick("gap", 3)]
	p.out.WriteString(open)
	n := p.pick("flow size", 4)
	for i := range n {
		p.out.WriteString(gap)
		if kind == 3 {
			p.out.WriteString(p.key(i) + ": ")
		}
		p.flow(depth - 1)
		if i < n-1 || p.pick("trailing comma", 4) == 0 {
			p.out.WriteString(",")
			if len(gap) > 1 && p.pick("flow comment", 4) == 0 {
				p.out.WriteString(" " + p.comment())
			}
		}
	}
	if len(gap) > 1 && n > 0 {
		p.out.WriteString(p.newline + spaces(20))
	}
	p.out.WriteString(closing)
}

// value writes what stands behind a colon or dash at a column, to the end of its line.
func (p *pen) value(indent, depth int, dash bool) {
	kind := p.pick("kind", 9)
	if depth == 0 {
		kind %= 5
	}
	inner := indent + 1 + p.pick("indent", 4)
	switch kind {
	case 0, 1:
		p.out.WriteString(" " + oneLine[p.pick("scalar", len(oneLine))])
		p.endLine()
	case 2:
		p.out.WriteString(" ")
		p.flow(2)
		p.endLine()
	case 3:
		header := []string{"|", ">", "|-", "|+", ">-"}[p.pick("header", 5)]
		p.out.WriteString(" " + header + p.newline)
		for i := range 1 + p.pick("lines", 3) {
			p.out.WriteString(spaces(inner) + []string{"text", "# no comment", "a: b", "  deeper"}[p.pick("line", 3+min(i, 1))] + p.newline)
			if p.pick("blank", 4) == 0 {
				p.out.WriteString(p.newline)
			}
		}
	case 4:
		p.out.WriteString(" " + []string{"plain", `"dq`, "'sq"}[p.pick("multi", 3)])
		text := p.out.String()
		p.out.WriteString(p.newline + spaces(inner) + "second")
		switch {
		case strings.HasSuffix(text, `"dq`):
			p.out.WriteString(`"`)
		case strings.HasSuffix(text, "'sq"):
			p.out.WriteString("'")
		}
		p.endLine()
	case 5, 6:
		p.nested(inner, depth, dash, p.mapping)
	default:
		if !dash && p.pick("unindented", 3) == 0 {
			inner = indent
		}
		p.nested(inner, depth, dash, p.list)
	}
}

// nested starts a block on the next line, or behind the dash.
func (p *pen) nested(indent, depth int, dash bool, write func(indent, depth int, compact bool)) {
	if dash && p.pick("compact", 2) == 0 {
		text := strings.TrimPrefix(p.out.String(), bom)
		column := len(text) - strings.LastIndex(text, "\n") - 1
		p.out.WriteString(" ")
		write(column+1, depth-1, true)
		return
	}
	p.endLine()
	write(indent, depth-1, false)
}

func (p *pen) mapping(indent, depth int, compact bool) {
	for i := range 1 + p.pick("size", 3) {
		if !compact || i > 0 {
			p.between(indent)
			p.out.WriteString(spaces(indent))
		}
		p.out.WriteString(p.key(i) + ":")
		p.value(indent, depth, false)
	}
}

func (p *pen) list(indent, depth int, compact bool) {
	for i := range 1 + p.pick("size", 3) {
		if !compact || i > 0 {
			p.between(indent)
			p.out.WriteString(spaces(indent))
		}
		p.out.WriteString("-")
		p.value(indent, depth, true)
	}
}

// write returns a text that is valid YAML.
func write(t *rapid.T) string {
	p := &pen{t: t, newline: rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "newline")}
	p.out.WriteString(rapid.SampledFrom([]string{"", "\ufeff", "# top\n", "---\n", "# top\n\n"}).Draw(t, "start"))
	rapid.SampledFrom([]func(int, int, bool){p.mapping, p.mapping, p.list}).Draw(t, "root")(0, 3, false)
	text := p.out.String()
	if rapid.IntRange(0, 3).Draw(t, "end") == 0 {
		text = strings.TrimSuffix(text, p.newline)
	}
	return text
}

// flat lists every value by its path.
func flat(n *Node, path string, into map[string]string) map[string]string {
	switch {
	case n == nil:
	case n.Kind == List:
		into[path] = "list"
		for i, item := range n.Items {
			flat(item, fmt.Sprintf("%s/[%d]", path, i), into)
		}
	case n.Kind == Map:
		into[path] = "map"
		for _, entry := range n.Entries {
			flat(entry.Value, path+"/"+entry.Key.Text, into)
		}
	case n.Kind == Null:
		into[path] = "null"
	default:
		into[path] = fmt.Sprintf("%s %q", n.Kind, n.Text)
	}
	return into
}

// walk picks a path, to a value that is there or to one behind the last.
func walk(t *rapid.T, root *Node, adding bool) []string {
	var path []string
	for n := root; ; {
		size := len(n.Items) + len(n.Entries)
		stop := n.scalar() || size == 0 || len(path) > 0 && rapid.IntRange(0, 3).Draw(t, "stop") == 0
		if stop && (!adding || n.scalar()) {
			if len(path) == 0 {
				t.SkipNow()
			}
			return path
		}
		i := rapid.IntRange(0, max(size-1, 0)).Draw(t, "child")
		switch {
		case n.Kind == List && stop:
			return append(path, fmt.Sprintf("[%d]", len(n.Items)))
		case n.Kind == Map && stop:
			return append(path, rapid.SampledFrom([]string{"new", "new key", "a: b"}).Draw(t, "new"))
		case n.Kind == List:
			path, n = append(path, fmt.Sprintf("[%d]", i)), n.Items[i]
		default:
			path, n = append(path, n.Entries[i].Key.Text), n.Entries[i].Value
		}
	}
}

var newValues = []any{
	1, 2.5, true, nil, "x", "a: b", "yes", "é # 1", "two\nlines\n", "two\nlines", "", []string{}, []string{"a", "*.py"}, Fields{},
	Fields{{"a", 1}, {"b", []any{1, Fields{{"c", "d"}, {"e", []string{"f"}}}}}}, []any{Fields{{"x", 1}, {"y", Fields{{"z", 2}}}}, []string{"q"}}, "  lead\nx",
}

func TestEdit_changesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := write(t)
		doc, err := Parse("f.yaml", []byte(text))
		require.NoError(t, err, "%s", text)
		want := flat(doc.Root, "", map[string]string{})
		path := walk(t, doc.Root, rapid.Bool().Draw(t, "adding"))
		name := "/" + strings.Join(path, "/")
		if rapid.Bool().Draw(t, "delete") && doc.Root.Find(path...) != nil {
			edited, err := doc.Delete(path)
			require.NoError(t, err, "delete %q\n%s", path, text)
			last := path[len(path)-1]
			got := flat(edited.Root, "", map[string]string{})
			if !strings.HasPrefix(last, "[") {
				maps.DeleteFunc(want, func(k, _ string) bool { return k == name || strings.HasPrefix(k, name+"/") })
				if len(got) > 0 {
					require.Equal(t, want, got, "delete %q\n%s\n=>\n%s", path, text, edited.Text)
				}
			}
			return
		}
		value := newValues[rapid.IntRange(0, len(newValues)-1).Draw(t, "value")]
		missing := doc.Root.Find(path...) == nil
		edited, err := doc.Set(path, value)
		require.NoError(t, err, "set %q to %q\n%s", path, value, text)
		maps.DeleteFunc(want, func(k, _ string) bool { return k == name || strings.HasPrefix(k, name+"/") })
		flat(Of(value), name, want)
		require.Equal(t, want, flat(edited.Root, "", map[string]string{}), "set %q\n%s\n=>\n%s", path, text, edited.Text)
		if missing {
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == '#' || r == ';' }) {
				if len(word) < 4 && strings.HasPrefix(word, "c") {
					require.Contains(t, string(edited.Text), "#"+word+";", "set %q\n%s\n=>\n%s", path, text, edited.Text)
				}
			}
		}
	})
}
