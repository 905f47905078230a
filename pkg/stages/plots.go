package stages

import (
	"slices"

	"flow/pkg/diag"
	"flow/pkg/document"
)

// Plot is how to draw a file, or columns of several files.
type Plot struct {
	ID              string
	Path            string // the file or folder that is drawn; "" when Y names the files
	Pos             diag.Pos
	X, Y            []Column
	XLabel, YLabel  string
	Title, Template string
	Header          bool
}

// Column is where an axis has its values from: a column of a table, or a key of each
// item of a list.
type Column struct {
	File  string // "" for each file that the plot draws
	Field string
	Pos   diag.Pos
}

// Files returns the files that a plot is drawn from, each once.
func (p *Plot) Files() []string {
	var files []string
	if p.Path != "" {
		files = append(files, p.Path)
	}
	for _, column := range slices.Concat(p.Y, p.X) {
		if column.File != "" && !slices.Contains(files, column.File) {
			files = append(files, column.File)
		}
	}
	return files
}

// plotFields adds the keys that say how a plot is drawn.
func (l *loader) plotFields(plot *Plot, known map[string]field) {
	texts := map[string]*string{
		"x_label": &plot.XLabel, "y_label": &plot.YLabel, "title": &plot.Title, "template": &plot.Template,
	}
	for name, target := range texts {
		known[name] = func(n *document.Node) { *target = l.text(n, name) }
	}
	known["x"] = func(n *document.Node) { plot.X = l.fieldName(n, "x") }
	known["y"] = func(n *document.Node) { plot.Y = l.fieldName(n, "y") }
	known["header"] = func(n *document.Node) { plot.Header = l.flag(n, "header") }
}

func (l *loader) fieldName(node *document.Node, axis string) []Column {
	name := l.text(node, axis)
	if isScalar(node) && name == "" {
		l.fail(node, "name a column", "%s is empty", axis)
	}
	return []Column{{Field: name, Pos: node.Pos}}
}

// topPlots decodes plots of files that no stage declares: a list of paths or of
// mappings from an id to how it is drawn.
func (l *loader) topPlots(node *document.Node) []Plot {
	var plots []Plot
	entries := []document.Entry{}
	switch node.Kind {
	case document.Map:
		entries = node.Entries
	default:
		for _, item := range l.list(node, "plots") {
			if item.Kind == document.Map {
				entries = append(entries, item.Entries...)
				continue
			}
			entries = append(entries, document.Entry{Key: item})
		}
	}
	for _, entry := range entries {
		plot := Plot{ID: entry.Key.Text, Pos: entry.Key.Pos, Header: true}
		if entry.Value != nil && entry.Value.Kind != document.Null {
			l.topPlotFields(entry.Value, &plot)
		}
		if len(plot.Y) == 0 || plot.Y[0].File == "" {
			location, ok := l.path(entry.Key, l.dir, "plot")
			if !ok {
				continue
			}
			plot.Path = location
		}
		plots = append(plots, plot)
	}
	return plots
}

// topPlotFields differs from an out's plot in that x and y may name files.
func (l *loader) topPlotFields(node *document.Node, plot *Plot) {
	known := map[string]field{}
	l.plotFields(plot, known)
	known["x"] = func(n *document.Node) { plot.X = l.columns(n, "x") }
	known["y"] = func(n *document.Node) { plot.Y = l.columns(n, "y") }
	l.fields(node, "plot "+plot.ID, known)
}

// columns decodes an axis: a field, or a mapping of files to fields. Of y there may be
// a list of fields instead of one.
func (l *loader) columns(node *document.Node, axis string) []Column {
	fields := l.fieldNames
	if axis == "x" {
		fields = l.fieldName
	}
	if node.Kind != document.Map {
		return fields(node, axis)
	}
	if len(node.Entries) == 0 {
		l.fail(node, "write it as {file: field}", "%s is empty", axis)
	}
	var columns []Column
	for _, entry := range node.Entries {
		file, ok := l.path(entry.Key, l.dir, "file of "+axis)
		if !ok {
			continue
		}
		for _, column := range fields(entry.Value, axis) {
			column.File = file
			columns = append(columns, column)
		}
	}
	return columns
}

func (l *loader) fieldNames(node *document.Node, axis string) []Column {
	if node.Kind != document.List {
		return l.fieldName(node, axis)
	}
	if len(node.Items) == 0 {
		l.fail(node, "name a column", "%s is empty", axis)
	}
	var columns []Column
	for _, item := range node.Items {
		columns = append(columns, l.fieldName(item, axis)...)
	}
	return columns
}
