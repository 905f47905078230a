package plots

import (
	"errors"
	"io/fs"
	"strings"

	"flow/pkg/page"
)

// Page returns a page with all figures.
func Page(title string, figures []*Figure) string {
	nodes := []page.Node{page.Element("h1", nil, page.Text(title))}
	if len(figures) > 6 {
		nodes = append(nodes, contents(figures))
	}
	return page.Document(title, append(nodes, Section(figures))...)
}

func contents(figures []*Figure) page.Node {
	var links []page.Node
	for i, figure := range figures {
		links = append(links, page.Element("a", []string{"href", "#" + page.Anchor(i)}, page.Text(figure.Title)))
	}
	return page.Element("nav", nil, links...)
}

// Section is the figures as a part of a page.
func Section(figures []*Figure) page.Node {
	var cards []page.Node
	for i, figure := range figures {
		cards = append(cards, page.Element("figure", []string{"class", "card", "id", page.Anchor(i)}, figure.card()))
	}
	return page.Class("div", "grid", cards...)
}

func (f *Figure) card() page.Node {
	var nodes []page.Node
	if drawn := f.Chart(); drawn != nil {
		nodes = append(nodes, page.Chart(drawn))
	} else {
		nodes = append(nodes, page.Element("h3", nil, page.Text(f.Title)))
	}
	if len(f.Images) > 0 {
		var images []page.Node
		for _, image := range f.Images {
			images = append(images, page.Image(image.Type, image.Data, image.caption()))
		}
		nodes = append(nodes, page.Class("div", "images", images...))
	}
	var caption []page.Node
	if f.ID != f.Title {
		caption = append(caption, page.Text(f.ID))
	}
	for _, fault := range f.Faults {
		caption = append(caption, page.Class("div", "fault", page.Text(fault.Error())))
	}
	if len(caption) > 0 {
		nodes = append(nodes, page.Element("figcaption", nil, caption...))
	}
	return page.Join(nodes...)
}

func (i Image) caption() string {
	if i.Revision == "" {
		return i.File
	}
	return i.Revision
}

// Error says which revision lacks what.
func (f Fault) Error() string {
	words := f.Err.Error()
	var missing *fs.PathError
	if errors.As(f.Err, &missing) && errors.Is(missing, fs.ErrNotExist) {
		words = missing.Path + " is not there"
	}
	if f.Revision != "" && !strings.HasPrefix(words, f.Revision+": ") {
		return f.Revision + ": " + words
	}
	return words
}
