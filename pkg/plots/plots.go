// Package plots makes charts of the files that a pipeline declares as plots.
//
// A Source is one plot as one revision has it: how it is declared, and the files'
// content. Figures joins the sources of several revisions, and Figure.Chart draws it.
package plots

import (
	"path"
	"slices"
	"strings"

	"flow/pkg/stages"
	"flow/pkg/values"
)

// File is a file of a plot, as a revision has it.
type File struct {
	Path    string
	Content []byte
	Err     error // why there is no content
}

// Source is a plot as a revision has it.
type Source struct {
	Revision string
	Plot     stages.Plot
	Files    []File
}

// Figure is a plot with what several revisions have of it.
type Figure struct {
	ID       string
	Title    string
	Template string // by its name; "" is linear
	XLabel   string
	YLabel   string
	Series   []Series
	Images   []Image
	Faults   []Fault

	last string // the column that was drawn where none is declared
}

// Series is the points of one column, as a revision has it. X and Y are equally long.
type Series struct {
	Revision    string
	File, Field string
	XField      string // "" where the points are counted
	X, Y        []values.Value
	table       *Table
}

// Image is a picture, as a revision has it.
type Image struct {
	Revision string
	File     string
	Type     string // such as image/png
	Data     []byte
}

// Fault is why a revision has nothing to show in a figure, or not all.
type Fault struct {
	Revision string
	Err      error
}

// Templates is the ways to draw, by name, each with a sentence.
func Templates() [][2]string {
	return [][2]string{
		{"linear", "lines; what is drawn unless something else is declared"},
		{"simple", "lines, as linear"},
		{"smooth", "lines smoothed by LOESS, with the real ones faintly behind"},
		{"scatter", "points"},
		{"scatter_jitter", "points, moved a little so that equal ones are seen"},
		{"bar_horizontal", "a bar for each y, as long as x"},
		{"bar_horizontal_sorted", "the same, the longest first"},
		{"confusion", "how often each x met each y"},
		{"confusion_normalized", "the same, in shares of each y's row"},
	}
}

// IsTemplate reports whether flow can draw a template.
func IsTemplate(name string) bool {
	return slices.ContainsFunc(Templates(), func(t [2]string) bool { return t[0] == name })
}

// ImageType returns the type of an image by its file's name; "" if it is none.
func ImageType(file string) string {
	return map[string]string{
		".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".svg": "image/svg+xml",
	}[strings.ToLower(path.Ext(file))]
}

// DropRevisions forgets which revision things are of: it is the only one.
func (f *Figure) DropRevisions() {
	for i := range f.Series {
		f.Series[i].Revision = ""
	}
	for i := range f.Images {
		f.Images[i].Revision = ""
	}
	for i := range f.Faults {
		f.Faults[i].Revision = ""
	}
}
