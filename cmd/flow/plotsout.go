package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/plots"
	"flow/pkg/project"
	"flow/pkg/ui"
	"flow/pkg/values"
)

// plotsPage is where the page of plots is written, if nobody says where.
const plotsPage = project.State + "/plots.html"

// writeFigures writes figures in the form that is asked for, by a flag or by the name of
// the file.
func writeFigures(a *app, p *project.Project, o *plotsOptions, figures []*plots.Figure) error {
	kind := o.kind()
	if kind == "html" {
		return writePage(a, p, o.out, plotsPage, plots.Page("Plots of "+filepath.Base(p.Root.Dir()), figures))
	}
	one := path.Ext(o.out) == "."+kind
	if len(figures) == 1 && (o.out == "" || o.out == "-" || one) {
		content, err := encodeFigure(figures[0], kind)
		if err != nil {
			return err
		}
		if one {
			return a.writeOut(o.out, content)
		}
		_, err = a.out.Write(content)
		return err
	}
	if o.out == "" || o.out == "-" || one {
		return diag.At(diag.Pos{}, "there are %d plots for one picture", len(figures)).WithHint("name a folder with -o, or the one plot that you want")
	}
	return writePictures(a, o.out, kind, figures)
}

// kind is what is written: what a flag says, else what the file's name says, else a page.
func (o *plotsOptions) kind() string {
	switch end := strings.TrimPrefix(path.Ext(o.out), "."); {
	case o.svg, !o.html && !o.png && end == "svg":
		return "svg"
	case o.png, !o.html && end == "png":
		return "png"
	}
	return "html"
}

// sharp is how many pixels of a PNG a unit of a picture has: for screens of today.
const sharp = 2

func encodeFigure(figure *plots.Figure, kind string) ([]byte, error) {
	drawn, err := figure.Picture()
	if err != nil {
		return nil, err
	}
	if kind == "png" {
		return drawn.PNG(sharp)
	}
	return []byte(drawn.SVG()), nil
}

func writePictures(a *app, folder, kind string, figures []*plots.Figure) error {
	taken := map[string]bool{}
	for _, figure := range figures {
		content, err := encodeFigure(figure, kind)
		if err != nil {
			a.say("%s %s", ui.StyleFor(a.err).Yellow("note:"), err)
			continue
		}
		stem := fileName(figure.ID)
		name := stem
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", stem, n)
		}
		taken[name] = true
		file := filepath.Join(folder, name+"."+kind)
		if err := a.writeOut(file, content); err != nil {
			return err
		}
		a.print("%s", file)
	}
	return nil
}

// fileName makes a name for a file of an id.
func fileName(id string) string {
	name := strings.Map(func(r rune) rune {
		if r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, strings.TrimSuffix(id, path.Ext(id)))
	if name = strings.Trim(name, ".-"); name == "" {
		return "plot"
	}
	return name
}

// writePage writes a page to where it was asked for, or to where such pages are, and says
// where it is.
func writePage(a *app, p *project.Project, out, otherwise, text string) error {
	switch {
	case out == "-":
		_, err := a.out.Write([]byte(text))
		return err
	case out == "":
		if err := p.Prepare(); err != nil {
			return err
		}
		if err := p.Root.Replace(otherwise, []byte(text), 0o644); err != nil {
			return err
		}
		a.print("file://%s", filepath.ToSlash(p.Root.Path(otherwise)))
		return nil
	case path.Ext(out) != ".html" && path.Ext(out) != ".htm":
		out = filepath.Join(out, "index.html")
	}
	if err := a.writeOut(out, []byte(text)); err != nil {
		return err
	}
	a.print("%s", out)
	return nil
}

// writeOut writes a file that a person named, whole or not at all.
func (a *app) writeOut(typed string, content []byte) error {
	file := typed
	if !filepath.IsAbs(file) {
		file = filepath.Join(a.dir, file)
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", typed, err)
	}
	root, err := disk.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write %s: %w", typed, err)
	}
	return root.Replace(filepath.Base(file), content, 0o644)
}

func printSketches(a *app, figures []*plots.Figure) error {
	columns := ui.Width(a.out)
	if columns == 0 {
		columns = 80
	}
	for i, figure := range figures {
		if i > 0 {
			a.print("")
		}
		a.print("%s", trimEnd(figure.Sketch(min(columns, 120))))
	}
	return nil
}

// printVega prints one plot as Vega-Lite. A template that is not flow's own is looked for
// in the project: as a path, and in the folders for templates.
func printVega(a *app, p *project.Project, figures []*plots.Figure) error {
	if len(figures) != 1 {
		return diag.At(diag.Pos{}, "--show-vega is for one plot, and there are %d", len(figures)).WithHint("name one: flow plots show --show-vega TARGET")
	}
	custom, err := customTemplate(p, figures[0])
	if err != nil {
		return err
	}
	text, err := figures[0].Vega(custom)
	if err != nil {
		return err
	}
	a.print("%s", text)
	return nil
}

func customTemplate(p *project.Project, figure *plots.Figure) ([]byte, error) {
	name := figure.Template
	if name == "" || plots.IsTemplate(name) {
		return nil, nil
	}
	if err := disk.CheckName(name); err != nil {
		return nil, err
	}
	for _, candidate := range []string{name, project.State + "/plots/" + name, project.State + "/plots/" + name + ".json", ".dvc/plots/" + name, ".dvc/plots/" + name + ".json"} {
		if p.Root.Exists(candidate) {
			return p.Root.Read(candidate)
		}
	}
	return nil, diag.At(diag.Pos{}, "plot %s asks for the template %q, which is nowhere", figure.ID, name).
		WithHint("name a file of the project, such as vega/mine.json, or one of `flow plots templates`")
}

// figureJSON is a figure as `flow plots --json` tells it.
type figureJSON struct {
	ID       string       `json:"id"`
	Title    string       `json:"title"`
	Template string       `json:"template"`
	XLabel   string       `json:"x_label,omitempty"`
	YLabel   string       `json:"y_label,omitempty"`
	Series   []seriesJSON `json:"series,omitempty"`
	Images   []imageJSON  `json:"images,omitempty"`
	Errors   []string     `json:"errors,omitempty"`
}

type seriesJSON struct {
	Revision string         `json:"revision,omitempty"`
	File     string         `json:"file"`
	XField   string         `json:"x_field,omitempty"`
	YField   string         `json:"y_field"`
	X        []values.Value `json:"x"`
	Y        []values.Value `json:"y"`
}

type imageJSON struct {
	Revision string `json:"revision,omitempty"`
	File     string `json:"file"`
	Type     string `json:"type"`
	Size     int    `json:"size"`
}

func figuresJSON(figures []*plots.Figure) []figureJSON {
	told := []figureJSON{}
	for _, figure := range figures {
		one := figureJSON{ID: figure.ID, Title: figure.Title, Template: figure.Template, XLabel: figure.XLabel, YLabel: figure.YLabel}
		if one.Template == "" && len(figure.Series) > 0 {
			one.Template = "linear"
		}
		for _, series := range figure.Series {
			one.Series = append(one.Series, seriesJSON{series.Revision, series.File, series.XField, series.Field, plots.Numbers(series.X), plots.Numbers(series.Y)})
		}
		for _, image := range figure.Images {
			one.Images = append(one.Images, imageJSON{image.Revision, image.File, image.Type, len(image.Data)})
		}
		for _, fault := range figure.Faults {
			one.Errors = append(one.Errors, fault.Error())
		}
		told = append(told, one)
	}
	return told
}
