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
	across := tight(x, 0, 1, max(1, wide/14), p.step())
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
		walk(series, [2]axis{across, up}, p.Kind != Points, put)
	}
	return area
}

// braille is the dot of a cell's row and column.
var braille = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// walk puts the points of a series, and, if they are joined, what is between them.
func walk(series Series, axes [2]axis, joined bool, put func(x, y float64)) {
	var lastX, lastY float64
	drawn := false
	for i := range series.X {
		if !finite(series.X[i]) || !finite(series.Y[i]) {
			drawn = false
			continue
		}
		x, y := axes[0].place(series.X[i]), axes[1].place(series.Y[i])
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
	return centred(ui.Cut(title, columns), 0, columns)
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
		entry := ui.Cut(string(signs[i%len(signs)])+" "+name, columns)
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

// Sketch draws the bars with blocks; those below zero are pale.
func (b *Bars) Sketch(columns int) string {
	const number = 10 // columns for a bar's length in digits
	names, most := 0, 0.0
	for _, name := range b.Names {
		names = max(names, ui.TextWidth(name))
	}
	names = min(names, columns/3)
	var titles []string
	for _, series := range b.Series {
		titles = append(titles, series.Name)
		for _, y := range series.Y {
			if finite(y) {
				most = max(most, math.Abs(y))
			}
		}
	}
	wide := float64(max(10, columns-names-3-number))
	var out strings.Builder
	out.WriteString(heading(b.Title, columns))
	for j, name := range b.Names {
		name = ui.Cut(name, names)
		for i, series := range b.Series {
			if j >= len(series.Y) || !finite(series.Y[j]) {
				continue
			}
			long := 0.0
			if most > 0 {
				long = math.Round(math.Abs(series.Y[j]) / most * wide)
			}
			out.WriteString(strings.Repeat(" ", names-ui.TextWidth(name)) + name + " │" + strings.Repeat(b.fill(i, series.Y[j]), int(long)) + " " + short(series.Y[j]) + "\n")
			name = ""
		}
	}
	return out.String() + key(titles, columns)
}

// fill is what a bar of a series is drawn with.
func (b *Bars) fill(series int, y float64) string {
	switch {
	case len(b.Series) > 1:
		return string(signs[series%len(signs)])
	case y < 0:
		return "░"
	}
	return "█"
}

// Sketch writes the counts as tables.
func (m Matrices) Sketch(columns int) string {
	var b strings.Builder
	for i, one := range m {
		if i == 0 {
			b.WriteString(ui.Cut(one.Title, columns) + "\n")
		} else {
			b.WriteString("\n")
		}
		if len(m) > 1 {
			b.WriteString(one.Name + "\n")
		}
		b.WriteString(one.sketch(columns))
	}
	return b.String()
}

// sketch is a table that fits: where there is no room for names, they are cut, and where
// there is none for all columns, the last are left out.
func (m Matrix) sketch(columns int) string {
	table := [][]string{append([]string{m.YLabel + " ╲ " + m.XLabel}, m.Columns...)}
	for i, row := range m.Cells {
		line := []string{m.Rows[i]}
		for _, count := range row {
			line = append(line, m.text(count))
		}
		table = append(table, line)
	}
	widths, total := fitting(table, columns)
	shown := len(widths)
	for total > columns && shown > 2 {
		shown--
		total -= widths[shown] + 2
	}
	var b strings.Builder
	for _, row := range table {
		for i, cell := range row[:shown] {
			cell = ui.Cut(cell, widths[i])
			pad := strings.Repeat(" ", widths[i]-ui.TextWidth(cell))
			if i == 0 {
				b.WriteString(cell + pad)
				continue
			}
			b.WriteString("  " + pad + cell)
		}
		b.WriteString("\n")
	}
	if left := len(widths) - shown; left > 0 {
		b.WriteString("and " + ui.Count(left, "column") + " more\n")
	}
	return b.String()
}

// fitting returns the widths of a table's columns, and of all of them: with whole names,
// or as narrow as the numbers and three letters allow.
func fitting(table [][]string, columns int) (widths []int, total int) {
	for _, longest := range []int{columns, 12, 6, 3} {
		widths, total = make([]int, len(table[0])), -2
		for i := range widths {
			for j, row := range table {
				wide := ui.TextWidth(row[i])
				if i == 0 {
					wide = min(wide, max(2*longest, 12))
				} else if j == 0 {
					wide = min(wide, longest)
				}
				widths[i] = max(widths[i], wide)
			}
			total += widths[i] + 2
		}
		if total <= columns {
			break
		}
	}
	return widths, total
}
