package plots

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/values"
)

// spec is a part of a Vega-Lite specification.
type spec = map[string]any

// anchor is what stands in a template for something of a figure, as in DVC's.
func anchor(name string) string { return "<DVC_METRIC_" + name + ">" }

// Vega returns Vega-Lite, version 5, that draws the figure with the template of its
// name, or with one that is given as text: a specification with DVC's anchors in it.
func (f *Figure) Vega(custom []byte) ([]byte, error) {
	template := vegaTemplate(f.Template)
	if custom != nil {
		if err := json.Unmarshal(custom, &template); err != nil {
			return nil, diag.At(diag.Pos{File: f.Template}, "the template is no JSON: %s", err)
		}
	}
	if len(f.Series) == 0 {
		return nil, diag.At(diag.Pos{}, "plot %s has no points", f.ID)
	}
	points, x, y := f.points()
	grouped := "rev"
	if fields := f.names(); !slices.Contains(fields, "") {
		grouped = "series"
	}
	filled := fill(template, map[string]any{
		anchor("DATA"): points, anchor("TITLE"): f.Title,
		anchor("X"): escapeField(x), anchor("Y"): escapeField(y), anchor("X_LABEL"): f.XLabel, anchor("Y_LABEL"): f.YLabel,
		anchor("COLOR"): spec{"field": grouped, "type": "nominal"}, anchor("STROKE_DASH"): spec{"field": grouped, "type": "nominal"},
		anchor("SHAPE"): spec{"field": grouped, "type": "nominal"}, anchor("PLOT_WIDTH"): 300, anchor("PLOT_HEIGHT"): 300,
		anchor("GROUP_BY"): []string{grouped}, anchor("GROUP_BY_X"): []string{grouped, x}, anchor("GROUP_BY_Y"): []string{grouped, y},
		anchor("PIVOT_FIELD"):  "datum." + grouped,
		anchor("ROW"):          spec{},
		anchor("COLUMN"):       spec{"field": grouped, "sort": []string{}},
		anchor("ZOOM_AND_PAN"): spec{"name": "grid", "select": "interval", "bind": "scales"},
		anchor("TOOLTIP"):      []spec{{"field": grouped}, {"field": escapeField(x)}, {"field": escapeField(y)}},
	})
	return encode(filled)
}

// encode writes JSON that a person reads: with < and > as they are.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// TemplateVega returns a template with its anchors.
func TemplateVega(name string) ([]byte, error) {
	if !IsTemplate(name) {
		var names []string
		for _, template := range Templates() {
			names = append(names, template[0])
		}
		return nil, diag.At(diag.Pos{}, "flow has no template %q", name).WithHint("there are %s", strings.Join(names, ", "))
	}
	return encode(vegaTemplate(name))
}

// fill puts values where their anchors are.
func fill(template any, with map[string]any) any {
	switch t := template.(type) {
	case spec:
		filled := spec{}
		for key, value := range t {
			filled[key] = fill(value, with)
		}
		return filled
	case []any:
		filled := make([]any, len(t))
		for i, value := range t {
			filled[i] = fill(value, with)
		}
		return filled
	case string:
		if value, found := with[t]; found {
			return value
		}
		for name, value := range with {
			if text, isText := value.(string); isText {
				t = strings.ReplaceAll(t, name, text)
			}
		}
		return t
	}
	return template
}

// escapeField keeps Vega from taking dots and brackets for a way into an object.
func escapeField(name string) string {
	return strings.NewReplacer(".", `\.`, "[", `\[`, "]", `\]`).Replace(name)
}

// points returns the rows of all series as Vega takes them, and the columns of x and y:
// those of several names become one.
func (f *Figure) points() (points []map[string]values.Value, x, y string) {
	x, y = f.Series[0].XField, f.Series[0].Field
	for _, series := range f.Series {
		if series.XField != x {
			x = "dvc_inferred_x_value"
		}
		if series.Field != y {
			y = "dvc_inferred_y_value"
		}
	}
	if x == "" {
		x = step
	}
	names := f.names()
	text := func(s string) values.Value { return values.Value{Kind: document.String, Text: s} }
	for s, series := range f.Series {
		for i := range series.Y {
			point := map[string]values.Value{}
			for j, column := range series.table.Columns {
				if j < len(series.table.Rows[i]) {
					point[column] = series.table.Rows[i][j]
				}
			}
			point["rev"] = text(series.Revision)
			if names[s] != "" {
				point["series"] = text(names[s])
			}
			point[x], point[y] = series.X[i], series.Y[i]
			points = append(points, point)
		}
	}
	return points, x, y
}

// vegaTemplate returns the template of a name, with anchors.
func vegaTemplate(name string) any {
	axis := func(which, kind string) spec {
		return spec{"field": anchor(which), "type": kind, "title": anchor(which + "_LABEL")}
	}
	numbers := func(which string) spec {
		a := axis(which, "quantitative")
		a["scale"] = spec{"zero": false}
		return a
	}
	base := spec{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"data":    spec{"values": anchor("DATA")}, "title": spec{"text": anchor("TITLE"), "anchor": "middle"},
		"width": anchor("PLOT_WIDTH"), "height": anchor("PLOT_HEIGHT"),
	}
	plane := spec{"x": numbers("X"), "y": numbers("Y"), "color": anchor("COLOR"), "tooltip": anchor("TOOLTIP")}
	switch name {
	case "confusion", "confusion_normalized":
		return confusionVega(base, axis, name == "confusion_normalized")
	case "bar_horizontal", "bar_horizontal_sorted":
		y := axis("Y", "nominal")
		if name == "bar_horizontal_sorted" {
			y["sort"] = "-x"
		}
		base["mark"] = "bar"
		base["encoding"] = spec{"x": numbers("X"), "y": y, "yOffset": anchor("COLOR"), "color": anchor("COLOR"), "tooltip": anchor("TOOLTIP")}
		return base
	case "scatter", "scatter_jitter":
		plane["shape"] = anchor("SHAPE")
		base["mark"], base["params"], base["encoding"] = "point", []any{anchor("ZOOM_AND_PAN")}, plane
		if name == "scatter_jitter" {
			base["transform"] = []any{spec{"calculate": "random()", "as": "jitter"}}
			plane["xOffset"] = spec{"field": "jitter", "type": "quantitative"}
		}
		return base
	case "smooth":
		base["transform"] = []any{spec{"loess": anchor("Y"), "on": anchor("X"), "groupby": anchor("GROUP_BY"), "bandwidth": 0.2}}
	}
	plane["strokeDash"] = anchor("STROKE_DASH")
	base["mark"], base["params"], base["encoding"] = spec{"type": "line", "point": false}, []any{anchor("ZOOM_AND_PAN")}, plane
	return base
}

func confusionVega(base spec, axis func(which, kind string) spec, shares bool) spec {
	count := []any{spec{"aggregate": []any{spec{"op": "count", "as": "count"}}, "groupby": []any{"rev", anchor("Y"), anchor("X")}}}
	shown := "count"
	if shares {
		shown = "share"
		count = append(count,
			spec{"joinaggregate": []any{spec{"op": "sum", "field": "count", "as": "row"}}, "groupby": []any{"rev", anchor("Y")}},
			spec{"calculate": "datum.count / datum.row", "as": "share"})
	}
	delete(base, "width")
	delete(base, "height")
	base["facet"] = spec{"column": spec{"field": "rev", "sort": []any{}}}
	base["spec"] = spec{
		"width": anchor("PLOT_WIDTH"), "height": anchor("PLOT_HEIGHT"), "transform": count,
		"encoding": spec{"x": axis("X", "nominal"), "y": axis("Y", "nominal")},
		"layer": []any{
			spec{"mark": "rect", "encoding": spec{"color": spec{"field": shown, "type": "quantitative", "title": shown}}},
			spec{"mark": "text", "encoding": spec{"text": spec{"field": shown, "type": "quantitative", "format": fmt.Sprintf(".%dr", 3)}}},
		},
	}
	return base
}
