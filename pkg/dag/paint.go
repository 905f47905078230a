package dag

// paint draws a figure that has been laid out, and counts where lines cross.
func (f *figure) paint(ascii bool) (lines []string, crossings int) {
	width := 0
	for _, wires := range f.wires {
		for _, w := range wires {
			width = max(width, w.high+1)
		}
	}
	top, height := make([]int, len(f.rows)), make([]int, len(f.rows))
	y := 0
	for i, row := range f.rows {
		top[i] = y
		for _, id := range row {
			if f.items[id].net < 0 {
				height[i] = max(height[i], len(f.labels[id])+2)
				width = max(width, f.items[id].x+f.items[id].right+1)
			}
		}
		y += height[i]
		if i < len(f.tracks) {
			y += max(f.tracks[i], 1)
		}
	}
	c := newCanvas(width, y)
	for id, lines := range f.labels {
		f.paintBox(c, id, top[f.items[id].row], lines)
	}
	for i, wires := range f.wires {
		f.paintPasses(c, f.rows[i], top[i], height[i])
		f.paintTails(c, f.links[i], top[i], height[i])
		for _, w := range wires {
			f.paintWire(c, w, wires, [2]int{top[i] + height[i] - 1, top[i+1]})
		}
	}
	return c.lines(ascii), c.crossings
}

func (f *figure) paintBox(c *canvas, id, y int, lines []string) {
	box, widest := f.items[id], 0
	for _, line := range lines {
		widest = max(widest, textWidth(line))
	}
	c.box(box.x-box.left, y, box.width(), len(lines))
	for i, line := range lines {
		c.text(box.x-box.left+(box.width()-widest)/2, y+1+i, line)
	}
}

// paintPasses draws the lines that run beside the boxes of a row.
func (f *figure) paintPasses(c *canvas, row []int, top, height int) {
	for _, id := range row {
		if it := f.items[id]; it.net >= 0 {
			c.vertical(it.x, top, top+height-1, it.net+1)
		}
	}
}

// paintTails draws the lines from boxes that are lower than their row.
func (f *figure) paintTails(c *canvas, links []link, top, height int) {
	for _, l := range links {
		for i, id := range l.above {
			if f.items[id].net < 0 {
				c.vertical(l.leaves[i], top+len(f.labels[id])+1, top+height-1, l.net+1)
			}
		}
	}
}

// paintWire draws a wire between the last line of a row and the first of the next.
func (f *figure) paintWire(c *canvas, w wire, all []wire, rows [2]int) {
	owner := w.net + 1
	if w.track == 0 && w.bend < 0 {
		c.vertical(w.low, rows[0], rows[1], owner)
		return
	}
	y := rows[0] + w.track
	c.horizontal(y, w.low, w.high, owner)
	for _, x := range w.leaves {
		c.vertical(x, rows[0], y, owner)
	}
	for _, x := range w.enters {
		c.vertical(x, y, rows[1], owner)
	}
	if w.below >= 0 {
		c.vertical(w.bend, y, rows[0]+all[w.below].track, owner)
	}
}
