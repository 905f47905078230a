package chart

import (
	"math"
	"strings"

	"flow/pkg/ui"
)

// signs are what the series of a sketch are drawn with, where there are several.
var signs = []rune("•+×o*#%@")

// Sketch draws the series with braille dots, or, where there are several, each with a
// sign of its own.
func (p *Plane) Sketch(columns int) string {
	columns = max(columns, 20)
	const rows = 14
	x, y := p.spans()
	up := newAxis(y, 0, 1, 4)
	left := 0
	for _, t := range up.ticks {
		left = max(left, ui.TextWidth(t.text))
	}
	wide := columns - left - 2
	across := tight(x, 0, 1, max(1, wide/14))
	if len(p.Names) > 0 {
		across.ticks = nil
		for i, name := range p.Names {
			across.ticks = append(across.ticks, tick{float64(i), name})
		}
	}
	area := p.dots(across, up, wide, rows)
	names := make([]string, rows)
	for _, t := range up.ticks {
		names[rows-1-int(math.Round(up.place(t.at)*float64(rows-1)))] = t.text
	}
	var b strings.Builder
	b.WriteString(heading(p.Title, columns))
	for i, line := range area {
		edge := "│"
		if names[i] != "" {
			edge = "┤"
		}
		b.WriteString(strings.Repeat(" ", left-ui.TextWidth(names[i])) + names[i] + " " + edge + strings.TrimRight(string(line), " ") + "\n")
	}
	b.WriteString(strings.Repeat(" ", left+1) + "╰" + strings.Repeat("─", wide) + "\n")
	b.WriteString(below(across, left+2, columns))
	if p.XLabel != "" {
		b.WriteString(centred(p.XLabel, left+2, columns))
	}
	return b.String() + key(p.names(), columns)
}

func (p *Plane) spans() (x, y span) {
	x, y = emptySpan(), emptySpan()
	for _, series := range p.Series {
		for i := range series.X {
			if finite(series.X[i]) && finite(series.Y[i]) {
				x.take(series.X[i])
				y.take(series.Y[i])
			}
		}
	}
	return x.settle(), y.settle()
}

// dots draws into cells; of a single series each has two by four dots.
func (p *Plane) dots(across, up axis, wide, rows int) [][]rune {
	area := make([][]rune, rows)
	for i := range area {
		area[i] = []rune(strings.Repeat(" ", wide))
	}
	fineX, fineY := 1, 1
	if len(p.Series) == 1 {
		fineX, fineY = 2, 4
	}
	across.from, across.to = 0, float64(wide*fineX-1)
	up.from, up.to = float64(rows*fineY-1), 0
	for i, series := range p.Series {
		sign := signs[i%len(signs)]
		put := func(x, y float64) {
			column, row := int(math.Round(x)), int(math.Round(y))
			cell := &area[min(max(row/fineY, 0), rows-1)][min(max(column/fineX, 0), wide-1)]
			if fineX == 1 {
				*cell = sign
				return
			}
			if *cell == ' ' {
				*cell = 0x2800
			}
			*cell |= braille[row%4][column%2]
		}
		if p.Kind == Smooth {
			series = smoothed(series)
		}
		walk(series, across, up, p.Kind != Points, put)
	}
	return area
}

// braille is the dot of a cell's row and column.
var braille = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// walk puts the points of a series, and, if they are joined, what is between them.
func walk(series Series, across, up axis, joined bool, put func(x, y float64)) {
	var lastX, lastY float64
	drawn := false
	for i := range series.X {
		if !finite(series.X[i]) || !finite(series.Y[i]) {
			drawn = false
			continue
		}
		x, y := across.place(series.X[i]), up.place(series.Y[i])
		put(x, y)
		if steps := math.Ceil(max(math.Abs(x-lastX), math.Abs(y-lastY))); drawn && joined {
			for step := 1.0; step < steps; step++ {
				put(lastX+(x-lastX)*step/steps, lastY+(y-lastY)*step/steps)
			}
		}
		lastX, lastY, drawn = x, y, true
	}
}

// below writes the numbers of the axis under it.
func below(across axis, left, columns int) string {
	line, used := "", 0
	across.from, across.to = float64(left), float64(columns-1)
	free := 0
	for _, t := range across.ticks {
		wide := ui.TextWidth(t.text)
		start := max(0, min(int(math.Round(across.place(t.at)))-wide/2, columns-wide))
		if start < free || start+wide > columns {
			continue
		}
		line += strings.Repeat(" ", start-used) + t.text
		used, free = start+wide, start+wide+1
	}
	return line + "\n"
}

func heading(title string, columns int) string {
	if title == "" {
		return ""
	}
	return centred(title, 0, columns)
}

func centred(text string, left, columns int) string {
	return strings.Repeat(" ", max(0, left+(columns-left-ui.TextWidth(text))/2)) + text + "\n"
}

// key names the series of a sketch.
func key(names []string, columns int) string {
	if len(names) < 2 {
		return ""
	}
	var b strings.Builder
	used := 0
	for i, name := range names {
		entry := string(signs[i%len(signs)]) + " " + name
		if used > 0 && used+3+ui.TextWidth(entry) > columns {
			b.WriteString("\n")
			used = 0
		}
		if used > 0 {
			b.WriteString("   ")
		}
		b.WriteString(entry)
		used += 3 + ui.TextWidth(entry)
	}
	return b.String() + "\n"
}

// Sketch draws the bars with blocks.
func (b *Bars) Sketch(columns int) string {
	names, most := 0, emptySpan()
	most.take(0)
	for _, name := range b.Names {
		names = max(names, ui.TextWidth(name))
	}
	for _, series := range b.Series {
		for _, y := range series.Y {
			most.take(y)
		}
	}
	most = most.settle()
	wide := max(10, columns-names-3-10)
	var out strings.Builder
	out.WriteString(heading(b.Title, columns))
	for j, name := range b.Names {
		for i, series := range b.Series {
			if j >= len(series.Y) || !finite(series.Y[j]) {
				continue
			}
			fill := "█"
			if len(b.Series) > 1 {
				fill = string(signs[i%len(signs)])
			}
			long := int(math.Round((series.Y[j] - min(0, most.low)) / (most.high - min(0, most.low)) * float64(wide)))
			out.WriteString(strings.Repeat(" ", names-ui.TextWidth(name)) + name + " │" + strings.Repeat(fill, max(0, long)) + " " + short(series.Y[j]) + "\n")
			name = ""
		}
	}
	var titles []string
	for _, series := range b.Series {
		titles = append(titles, series.Name)
	}
	return out.String() + key(titles, columns)
}

// Sketch writes the counts as tables.
func (m Matrices) Sketch(columns int) string {
	var b strings.Builder
	for i, one := range m {
		if i == 0 {
			b.WriteString(heading(one.Title, 0))
		} else {
			b.WriteString("\n")
		}
		if len(m) > 1 {
			b.WriteString(one.Name + "\n")
		}
		b.WriteString(one.sketch())
	}
	return b.String()
}

func (m Matrix) sketch() string {
	table := [][]string{append([]string{m.YLabel + " ╲ " + m.XLabel}, m.Columns...)}
	for i, row := range m.Cells {
		line := []string{m.Rows[i]}
		for _, count := range row {
			line = append(line, m.text(count))
		}
		table = append(table, line)
	}
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], ui.TextWidth(cell))
		}
	}
	var b strings.Builder
	for _, row := range table {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-ui.TextWidth(cell))
			if i == 0 {
				b.WriteString(cell + pad)
				continue
			}
			b.WriteString("  " + pad + cell)
		}
		b.WriteString("\n")
	}
	return b.String()
}
