package dag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Dressing is what a written graph shows beside names. The zero value shows names only.
type Dressing struct {
	Label func(name string) string  // the text in a node, maybe of several lines; nil is the name
	Class func(name string) string  // such as its state; nil or "" is none
	Fill  func(class string) string // a colour such as "#ffe0e0"; nil or "" is none
}

func (d Dressing) label(name string) string {
	if d.Label == nil {
		return name
	}
	return d.Label(name)
}

func (d Dressing) class(name string) string {
	if d.Class == nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, d.Class(name))
}

// fill returns a colour of a class, if it is one that needs no quoting.
func (d Dressing) fill(class string) string {
	if d.Fill == nil || class == "" {
		return ""
	}
	colour := d.Fill(class)
	if strings.Trim(colour, "#0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return ""
	}
	return colour
}

// DOT returns the graph in the language of Graphviz, nodes and edges as declared.
func (g *Graph) DOT(d Dressing) string {
	var text strings.Builder
	text.WriteString("strict digraph {\n")
	for _, name := range g.names {
		text.WriteString(quoteDOT(name))
		var attributes []string
		if label := d.label(name); label != name || strings.ContainsAny(name, "&\n\r") {
			attributes = append(attributes, "label="+quoteDOT(strings.ReplaceAll(label, "&", "&amp;")))
		}
		if class := d.class(name); class != "" {
			attributes = append(attributes, "class="+quoteDOT(class))
			if colour := d.fill(class); colour != "" {
				attributes = append(attributes, "style=filled", "fillcolor="+quoteDOT(colour))
			}
		}
		if len(attributes) > 0 {
			text.WriteString(" [" + strings.Join(attributes, ", ") + "]")
		}
		text.WriteString(";\n")
	}
	for _, edge := range g.Edges() {
		fmt.Fprintf(&text, "%s -> %s;\n", quoteDOT(edge.From), quoteDOT(edge.To))
	}
	text.WriteString("}\n")
	return text.String()
}

// quoteDOT doubles backslashes, as Graphviz undoubles them where it shows a text.
func quoteDOT(text string) string {
	return `"` + strings.NewReplacer(
		`\`, `\\`, `"`, `\"`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`, "\x00", "\uFFFD",
	).Replace(strings.ToValidUTF8(text, "\uFFFD")) + `"`
}

// Mermaid returns the graph as a Mermaid flow chart, nodes sorted by name.
func (g *Graph) Mermaid(d Dressing) string {
	ids := slices.Clone(g.order)
	slices.SortFunc(ids, func(a, b int32) int { return strings.Compare(g.names[a], g.names[b]) })
	number := make([]int, len(ids))
	var text strings.Builder
	text.WriteString("flowchart TD\n")
	var classes []string
	for i, id := range ids {
		number[id] = i + 1
		fmt.Fprintf(&text, "\tnode%d[\"%s\"]", i+1, quoteMermaid(d.label(g.names[id])))
		if class := d.class(g.names[id]); class != "" {
			text.WriteString(":::" + class)
			classes = append(classes, class)
		}
		text.WriteByte('\n')
	}
	for i, id := range ids {
		children := slices.Clone(g.children[id])
		slices.SortFunc(children, func(a, b int32) int { return cmp.Compare(number[a], number[b]) })
		for _, child := range children {
			fmt.Fprintf(&text, "\tnode%d-->node%d\n", i+1, number[child])
		}
	}
	slices.Sort(classes)
	for _, class := range slices.Compact(classes) {
		if colour := d.fill(class); colour != "" {
			fmt.Fprintf(&text, "\tclassDef %s fill:%s\n", class, colour)
		}
	}
	return text.String()
}

// quoteMermaid writes as entities what would end the text, make it Markdown or
// HTML, or begin a comment.
func quoteMermaid(text string) string {
	text = strings.NewReplacer(
		"#", "#35;", `"`, "#quot;", "&", "#amp;", "<", "#lt;", ">", "#gt;", "`", "#96;",
		"%%", "#37;#37;", "\r\n", "<br>", "\n", "<br>", "\r", "<br>", "\x00", "\uFFFD",
	).Replace(strings.ToValidUTF8(text, "\uFFFD"))
	if text == "" {
		return " " // an empty text is a syntax error
	}
	return text
}
