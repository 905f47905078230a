package plots

import (
	"cmp"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"flow/pkg/chart"
	"flow/pkg/document"
	"flow/pkg/values"
)

// Chart returns what the figure's template makes of its series; nil when it has none.
// A template that flow does not know is drawn as lines.
func (f *Figure) Chart() chart.Chart {
	if len(f.Series) == 0 {
		return nil
	}
	switch f.Template {
	case "confusion", "confusion_normalized":
		return f.matrices()
	case "bar_horizontal", "bar_horizontal_sorted":
		return f.bars()
	case "scatter", "scatter_jitter":
		return f.plane(chart.Points)
	case "smooth":
		return f.plane(chart.Smooth)
	}
	return f.plane(chart.Lines)
}

// names tells the series of the figure apart with as few words as will do.
func (f *Figure) names() []string {
	var revisions, files, fields []string
	for _, series := range f.Series {
		revisions, files, fields = append(revisions, series.Revision), append(files, series.File), append(fields, series.Field)
	}
	files = shorten(files)
	varies := func(words []string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return word != words[0] })
	}
	names := make([]string, len(f.Series))
	for i := range f.Series {
		var words []string
		for _, of := range [][]string{revisions, files, fields} {
			if varies(of) {
				words = append(words, of[i])
			}
		}
		names[i] = strings.Join(words, " ")
	}
	return names
}

// shorten leaves out the folders that all files are in.
func shorten(files []string) []string {
	dir := path.Dir(files[0])
	for _, file := range files {
		for dir != "." && !strings.HasPrefix(file, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	short := make([]string, len(files))
	for i, file := range files {
		short[i] = strings.TrimPrefix(file, dir+"/")
	}
	return short
}

func (f *Figure) plane(kind chart.PlaneKind) *chart.Plane {
	plane := &chart.Plane{Kind: kind, Title: f.Title, XLabel: f.XLabel, YLabel: f.YLabel}
	x := &scale{}
	for _, series := range f.Series {
		x.see(series.X)
	}
	names := f.names()
	for i, series := range f.Series {
		drawn := chart.Series{Name: names[i], X: x.place(series.X)}
		for _, y := range series.Y {
			drawn.Y = append(drawn.Y, number(y))
		}
		if f.Template == "scatter_jitter" {
			jitter(drawn.X, 1)
			jitter(drawn.Y, 2)
		}
		plane.Series = append(plane.Series, drawn)
	}
	plane.Names = x.names
	return plane
}

// scale turns values into places: numbers as they are, or, when there are others among
// them, each in the order in which it is seen.
type scale struct {
	words bool
	names []string
	index map[string]int
}

func (s *scale) see(cells []values.Value) {
	for _, cell := range cells {
		if cell.Kind != document.Null && cell.Text != "" && math.IsNaN(number(cell)) && !strings.EqualFold(cell.Text, "nan") && !s.words {
			s.words = true
		}
	}
}

func (s *scale) place(cells []values.Value) []float64 {
	places := make([]float64, len(cells))
	if s.index == nil {
		s.index = map[string]int{}
	}
	for i, cell := range cells {
		if !s.words {
			places[i] = number(cell)
			continue
		}
		at, known := s.index[cell.Text]
		if !known {
			at = len(s.names)
			s.index[cell.Text] = at
			s.names = append(s.names, cell.Text)
		}
		places[i] = float64(at)
	}
	return places
}

// number returns a cell's number; NaN where it is none.
func number(cell values.Value) float64 {
	if x, ok := cell.Float(); ok {
		return x
	}
	switch cell.Kind {
	case document.Bool:
		if cell.Text == "true" {
			return 1
		}
		return 0
	case document.String:
		if x, err := strconv.ParseFloat(strings.TrimSpace(cell.Text), 64); err == nil {
			return x
		}
	}
	return math.NaN()
}

// Numbers returns cells with those of a table's text that are numbers as such.
func Numbers(cells []values.Value) []values.Value {
	typed := slices.Clone(cells)
	for i, cell := range cells {
		if x := number(cell); cell.Kind == document.String && !math.IsNaN(x) && !math.IsInf(x, 0) {
			typed[i] = values.Value{Kind: document.Float, Text: strconv.FormatFloat(x, 'g', -1, 64)}
		}
	}
	return typed
}

// jitter moves points by up to a hundredth of their span, always in the same way.
func jitter(numbers []float64, seed uint64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, x := range numbers {
		if !math.IsNaN(x) {
			low, high = min(low, x), max(high, x)
		}
	}
	if low >= high {
		return
	}
	state := seed * 0x9e3779b97f4a7c15
	for i := range numbers {
		state = state*6364136223846793005 + 1442695040888963407
		numbers[i] += (float64(state>>33)/float64(1<<31) - 0.5) * (high - low) / 50
	}
}

// bars has a bar for each y, of x's length; of equal names the last counts.
func (f *Figure) bars() *chart.Bars {
	bars := &chart.Bars{Title: f.Title, XLabel: f.XLabel, YLabel: f.YLabel}
	index := map[string]int{}
	for _, series := range f.Series {
		for _, name := range series.Y {
			if _, known := index[name.Text]; !known {
				index[name.Text] = len(bars.Names)
				bars.Names = append(bars.Names, name.Text)
			}
		}
	}
	names := f.names()
	for i, series := range f.Series {
		drawn := chart.Series{Name: names[i], Y: slices.Repeat([]float64{math.NaN()}, len(bars.Names))}
		for j, name := range series.Y {
			drawn.Y[index[name.Text]] = number(series.X[j])
		}
		bars.Series = append(bars.Series, drawn)
	}
	if f.Template == "bar_horizontal_sorted" {
		sortBars(bars)
	}
	return bars
}

// sortBars puts the longest first, by the first series that has it.
func sortBars(bars *chart.Bars) {
	order := make([]int, len(bars.Names))
	length := make([]float64, len(bars.Names))
	for i := range order {
		order[i], length[i] = i, math.Inf(-1)
		for _, series := range bars.Series {
			if !math.IsNaN(series.Y[i]) {
				length[i] = series.Y[i]
				break
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(length[b], length[a]) })
	sorted := func(of []float64) []float64 {
		out := make([]float64, len(of))
		for i, at := range order {
			out[i] = of[at]
		}
		return out
	}
	names := make([]string, len(order))
	for i, at := range order {
		names[i] = bars.Names[at]
	}
	bars.Names = names
	for i := range bars.Series {
		bars.Series[i].Y = sorted(bars.Series[i].Y)
	}
}

// matrices counts pairs, with the same rows and columns for all series.
func (f *Figure) matrices() chart.Matrices {
	var rows, columns []string
	for _, series := range f.Series {
		for i := range series.Y {
			rows, columns = append(rows, series.Y[i].Text), append(columns, series.X[i].Text)
		}
	}
	rows, columns = labels(rows), labels(columns)
	names := f.names()
	var all chart.Matrices
	for i, series := range f.Series {
		matrix := chart.Matrix{Title: f.Title, XLabel: f.XLabel, YLabel: f.YLabel, Name: names[i], Rows: rows, Columns: columns}
		for range rows {
			matrix.Cells = append(matrix.Cells, make([]float64, len(columns)))
		}
		for j := range series.Y {
			row, _ := slices.BinarySearchFunc(rows, series.Y[j].Text, compareLabels)
			column, _ := slices.BinarySearchFunc(columns, series.X[j].Text, compareLabels)
			matrix.Cells[row][column]++
		}
		if f.Template == "confusion_normalized" {
			normalize(&matrix)
		}
		all = append(all, matrix)
	}
	return all
}

func labels(of []string) []string {
	slices.SortFunc(of, compareLabels)
	return slices.Compact(of)
}

// compareLabels sorts numbers by size and all else by its letters.
func compareLabels(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil && x != y {
		return cmp.Compare(x, y)
	}
	if (errX == nil) != (errY == nil) {
		return cmp.Compare(bool2int(errX != nil), bool2int(errY != nil))
	}
	return strings.Compare(a, b)
}

func bool2int(b bool) int {
	if b {
		return 1
	}
	return 0
}

func normalize(matrix *chart.Matrix) {
	matrix.Shares = true
	for _, row := range matrix.Cells {
		sum := 0.0
		for _, count := range row {
			sum += count
		}
		for i := range row {
			if sum > 0 {
				row[i] /= sum
			}
		}
	}
}
