package plots

import (
	"fmt"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/stages"
	"flow/pkg/values"
)

// step is the column that counts points, as DVC and DVCLive call it.
const step = "step"

// Figures joins sources of the same plot into one figure, in the order of the sources.
// How a plot is declared by the first of them holds for all.
func Figures(sources []Source) []*Figure {
	var figures []*Figure
	declared := map[string]stages.Plot{}
	byID := map[string]*Figure{}
	for _, source := range sources {
		for _, part := range split(source) {
			figure := byID[part.Plot.ID]
			if figure == nil {
				figure = newFigure(part.Plot)
				byID[part.Plot.ID], declared[part.Plot.ID] = figure, part.Plot
				figures = append(figures, figure)
			}
			figure.add(part.Revision, declared[part.Plot.ID], part.Files)
		}
	}
	return figures
}

// split makes a source of each file where a plot is all files of a folder: they are
// figures of their own. Columns of named files are one figure.
func split(source Source) []Source {
	folder := source.Plot.Path
	if folder == "" || slices.ContainsFunc(source.Files, func(file File) bool { return file.Path == folder }) {
		return []Source{source}
	}
	var parts []Source
	for _, file := range source.Files {
		part := Source{Revision: source.Revision, Plot: source.Plot, Files: []File{file}}
		part.Plot.ID, part.Plot.Path = file.Path, file.Path
		if rest, below := strings.CutPrefix(file.Path, folder+"/"); below && part.Plot.Title != "" {
			part.Plot.Title += ": " + rest
		}
		known(&part.Plot)
		parts = append(parts, part)
	}
	return parts
}

func newFigure(plot stages.Plot) *Figure {
	figure := &Figure{ID: plot.ID, Title: plot.Title, Template: plot.Template, XLabel: plot.XLabel, YLabel: plot.YLabel}
	if figure.Title == "" {
		figure.Title = plot.ID
	}
	return figure
}

// add reads what a revision has of the figure.
func (f *Figure) add(revision string, plot stages.Plot, files []File) {
	tables := map[string]*Table{}
	for _, file := range files {
		switch {
		case file.Err != nil:
			f.fail(revision, file.Err)
		case ImageType(file.Path) != "":
			f.Images = append(f.Images, Image{Revision: revision, File: file.Path, Type: ImageType(file.Path), Data: file.Content})
		default:
			table, err := ReadTable(file.Path, file.Content, plot.Header)
			if err != nil {
				f.fail(revision, err)
				continue
			}
			tables[file.Path] = table
		}
	}
	if len(tables) == 0 {
		return
	}
	if len(plot.Y) == 0 {
		plot.Y = f.lastColumn(tables[plot.Path])
	}
	series, err := join(plot, tables)
	if err != nil {
		f.fail(revision, err)
		return
	}
	for _, one := range series {
		one.Revision = revision
		f.Series = append(f.Series, one)
	}
	if len(f.Series) > 0 {
		f.label()
	}
}

func (f *Figure) fail(revision string, err error) {
	f.Faults = append(f.Faults, Fault{Revision: revision, Err: err})
}

// lastColumn returns the column that is drawn where none is declared: the last one of the
// first revision, so that the others are drawn by the same, where they have it.
func (f *Figure) lastColumn(table *Table) []stages.Column {
	if table == nil || len(table.Columns) == 0 {
		return nil
	}
	if !slices.Contains(table.Columns, f.last) {
		f.last = table.Last
	}
	return []stages.Column{{Field: f.last}}
}

// label names the axes after their fields, where nothing else is said.
func (f *Figure) label() {
	fields := func(of func(Series) string, otherwise string) string {
		name := of(f.Series[0])
		for _, series := range f.Series {
			if of(series) != name {
				return otherwise
			}
		}
		return name
	}
	if f.YLabel == "" {
		f.YLabel = fields(func(s Series) string { return s.Field }, "y")
	}
	if f.XLabel == "" {
		f.XLabel = fields(func(s Series) string { return s.XField }, "x")
		if f.XLabel == "" {
			f.XLabel = step
		}
	}
}

// join finds the columns of x and y.
func join(plot stages.Plot, tables map[string]*Table) ([]Series, error) {
	ys := plot.Y
	if len(plot.X) > 1 && len(plot.X) != len(ys) {
		return nil, diag.At(plot.Pos, "plot %s has %d columns for x and %d for y", plot.ID, len(plot.X), len(ys)).
			WithHint("name one x for all, or one for each y")
	}
	var all []Series
	for i, y := range ys {
		series := Series{File: firstOf(y.File, plot.Path), Field: y.Field, table: tables[firstOf(y.File, plot.Path)]}
		if series.table == nil {
			continue // its file is missing, which has been told
		}
		var err error
		if series.Y, err = column(series.File, series.table, y); err != nil {
			return nil, err
		}
		if err := series.findX(plot.X, i, tables); err != nil {
			return nil, err
		}
		all = append(all, series)
	}
	return all, nil
}

// findX takes the declared column, the one called step, or counts.
func (s *Series) findX(xs []stages.Column, at int, tables map[string]*Table) error {
	x := stages.Column{Field: step}
	if len(xs) > 0 {
		x = xs[min(at, len(xs)-1)]
	} else if !slices.Contains(s.table.Columns, step) || s.Field == step {
		for i := range s.Y {
			s.X = append(s.X, values.Value{Kind: document.Int, Text: fmt.Sprint(i)})
		}
		return nil
	}
	file := firstOf(x.File, s.File)
	if tables[file] == nil {
		return diag.At(x.Pos, "there is no %s for x", file)
	}
	cells, err := column(file, tables[file], x)
	if err != nil {
		return err
	}
	if len(cells) != len(s.Y) {
		return diag.At(x.Pos, "%s of %s and %s of %s are not equally long: %d and %d", x.Field, file, s.Field, s.File, len(cells), len(s.Y)).
			WithHint("each point needs its x and its y")
	}
	s.X, s.XField = cells, x.Field
	return nil
}

func column(file string, table *Table, wanted stages.Column) ([]values.Value, error) {
	cells, found := table.Column(wanted.Field)
	if found {
		return cells, nil
	}
	hint := "its columns are " + strings.Join(table.Columns, ", ")
	if meant := diag.Nearest(wanted.Field, table.Columns); meant != "" {
		hint = fmt.Sprintf("did you mean %q?", meant)
	}
	return nil, diag.At(wanted.Pos, "%s has no column %q", file, wanted.Field).WithHint("%s", hint)
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
