// Package page builds pages of HTML that are whole in one file: they ask no network for
// anything, follow the reader's choice of light or dark, and fit phones.
package page

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/chart"
	"flow/pkg/picture"
)

//go:embed page.css
var styles string

//go:embed page.js
var script string

// policy forbids the page all that is not in it.
const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

// Node is a part of a page.
type Node func(*strings.Builder)

// Text is a text, as it stands.
func Text(text string) Node {
	return func(b *strings.Builder) { b.WriteString(picture.Escape(text)) }
}

// Join is nodes, one after the other.
func Join(nodes ...Node) Node {
	return func(b *strings.Builder) {
		for _, node := range nodes {
			node(b)
		}
	}
}

// Element is an element with its attributes: pairs of a name and a value.
func Element(tag string, attributes []string, nodes ...Node) Node {
	return func(b *strings.Builder) {
		b.WriteString("<" + tag)
		for i := 0; i+1 < len(attributes); i += 2 {
			b.WriteString(" " + attributes[i] + `="` + picture.Escape(attributes[i+1]) + `"`)
		}
		b.WriteString(">")
		if tag == "img" {
			return
		}
		Join(nodes...)(b)
		b.WriteString("</" + tag + ">\n")
	}
}

// Class is Element with only a class.
func Class(tag, class string, nodes ...Node) Node {
	return Element(tag, []string{"class", class}, nodes...)
}

// Picture is a picture as it is.
func Picture(p *picture.Picture) Node {
	return func(b *strings.Builder) { b.WriteString(p.Inline()) }
}

// Whole is a picture in its own size.
func Whole(p *picture.Picture) Node {
	return func(b *strings.Builder) { b.WriteString(p.InlineWhole()) }
}

// The widths that charts are drawn for: the page shows the one that fits.
const (
	Wide   = 680
	Narrow = 340
)

// Chart is a chart, drawn for desks and for phones.
func Chart(c chart.Chart) Node {
	return Join(Class("div", "wide", Picture(c.Picture(Wide))), Class("div", "narrow", Picture(c.Picture(Narrow))))
}

// Table is rows of texts below a header; columns of numbers are told by their index.
func Table(header []string, rows [][]string, numbers ...int) Node {
	class := func(i int, cell string) []string {
		switch {
		case slices.Contains(numbers, i):
			return []string{"class", "number"}
		case len(cell) > 40:
			return []string{"class", "long"}
		}
		return nil
	}
	kind := ""
	line := func(tag string, cells []string) Node {
		var nodes []Node
		for i, cell := range cells {
			attributes := class(i, cell)
			if len(cell) > 40 {
				kind = "stack"
			}
			if tag == "td" && i > 0 && i < len(header) && cell != "" { // for phones, where there is no header
				attributes = append(attributes, "data-of", header[i])
			}
			nodes = append(nodes, Element(tag, attributes, Text(cell)))
		}
		return Element("tr", nil, nodes...)
	}
	var body []Node
	for _, row := range rows {
		body = append(body, line("td", row))
	}
	head := line("th", header)
	return Class("div", "scroll", Class("table", kind, Element("thead", nil, head), Element("tbody", nil, body...)))
}

// Folded is a part that is shown when a reader asks for it.
func Folded(summary string, nodes ...Node) Node {
	return Element("details", nil, append([]Node{Element("summary", nil, Text(summary))}, nodes...)...)
}

// Image is a file's picture with a line below it.
func Image(kind string, data []byte, caption string) Node {
	return Class("figure", "image",
		Element("img", []string{"src", picture.DataURL(kind, data), "alt", caption}),
		Element("figcaption", nil, Text(caption)))
}

// Document returns a whole page.
func Document(title string, body ...Node) string {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		`<meta name="viewport" content="width=device-width, initial-scale=1">` + "\n" +
		`<meta http-equiv="Content-Security-Policy" content="` + policy + `">` + "\n" +
		`<link rel="icon" href="data:,">` + "\n<title>" + picture.Escape(title) + "</title>\n" +
		"<style>" + picture.Variables() + picture.Styles() + "\n" + styles + "</style>\n</head>\n<body>\n")
	Join(body...)(&b)
	b.WriteString("<script>\n" + script + "</script>\n</body>\n</html>\n")
	return b.String()
}

// Anchor returns a name for a place in a page, unlike those of other numbers.
func Anchor(n int) string { return "part-" + strconv.Itoa(n) }
