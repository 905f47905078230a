package dag

import (
	"fmt"
	"slices"
)

// figure is one connected drawing on its way from nodes to lines of text. Boxes
// stand in rows; between two rows is a channel that the lines run through:
//
//	bundle    which lines there are: a net joins all its sources with all its targets
//	settle    which row a box is in, and where a net passes a row (a pass)
//	arrange   the order in a row, with few crossings
//	place     the columns, with straight lines
//	connect   where lines leave and enter boxes, and how they turn in the channels
type figure struct {
	parents, children [][]int
	labels            [][]string
	items             []item // the boxes, then the passes
	nets              []net
	rows              [][]int  // items from left to right
	links             [][]link // by channel: links[i] is between rows i and i+1
	wires             [][]wire // by channel
	tracks            []int    // how many, by channel
	width             int      // the columns there are
	gap               int      // the least columns between two boxes
}

// item is what takes a place in a row.
type item struct {
	net         int // of a pass; -1 for a box
	row         int
	left, right int // the columns that a box takes on either side of x
	x           int // the middle; always even, so that two lines never touch
}

// net is a line that joins each of its sources with each of its targets.
type net struct{ from, to []int }

// link is a net within a channel.
type link struct {
	net            int
	above, below   []int // items
	leaves, enters []int // the columns where it meets them
}

// unlimited is a width that every figure fits in.
const unlimited = 1 << 20

// newFigure takes the nodes of a connected graph in topological order.
func newFigure(labels [][]string, parents, children [][]int) *figure {
	f := &figure{parents: parents, children: children, labels: labels, nets: bundle(parents, children)}
	leaving, entering := make([]int, len(labels)), make([]int, len(labels))
	for _, n := range f.nets {
		for _, id := range n.from {
			leaving[id]++
		}
		for _, id := range n.to {
			entering[id]++
		}
	}
	for id, lines := range labels {
		width := 1
		for _, line := range lines {
			width = max(width, textWidth(line))
		}
		ports := max(leaving[id], entering[id], 1)
		width = max(width+4, ports/2*4+5)
		f.items = append(f.items, item{net: -1, left: width / 2, right: width - 1 - width/2})
	}
	return f
}

func (it item) width() int { return it.left + 1 + it.right }

// lay finds a layout within width columns: as wide as it likes, else with the boxes
// of full rows moved to more rows.
func (f *figure) lay(width int) bool {
	boxes, widest := f.items, 0
	for _, box := range boxes {
		widest = max(widest, box.width())
	}
	f.width = width
	settle := func(room int) int {
		f.items = slices.Clone(boxes)
		f.settle(room)
		return len(f.rows)
	}
	for room := unlimited; room >= widest; room = min(room*15/16, width) {
		rows := settle(room)
		if room < unlimited {
			// As many rows, but filled alike.
			for room > widest && settle(room-1) == rows {
				room--
			}
			settle(room)
		}
		for f.gap = 2; f.gap > 0; f.gap-- {
			if f.narrowest() > width {
				continue
			}
			f.arrange()
			if f.place() && f.connect() {
				return true
			}
		}
	}
	f.items = boxes
	return false
}

// bundle finds the nets. An edge belongs to its source's line, unless the target has
// so many parents that a line of its own, gathering them, is clearer. Lines between
// the same ends on one side become one.
func bundle(parents, children [][]int) []net {
	own, gathering := make([][]int, len(parents)), make([][]int, len(parents))
	for to := range parents {
		for _, from := range parents[to] {
			if len(parents[to]) >= 4 && len(parents[to]) > 2*len(children[from]) {
				gathering[to] = append(gathering[to], from)
			} else {
				own[from] = append(own[from], to)
			}
		}
	}
	var nets []net
	byTargets, bySources := map[string]int{}, map[string]int{}
	for id := range parents {
		if len(own[id]) > 0 {
			key := fmt.Sprint(own[id])
			if at, known := byTargets[key]; known {
				nets[at].from = append(nets[at].from, id)
			} else {
				byTargets[key] = len(nets)
				nets = append(nets, net{from: []int{id}, to: own[id]})
			}
		}
		if len(gathering[id]) > 0 {
			key := fmt.Sprint(gathering[id])
			if at, known := bySources[key]; known {
				nets[at].to = append(nets[at].to, id)
			} else {
				bySources[key] = len(nets)
				nets = append(nets, net{from: gathering[id], to: []int{id}})
			}
		}
	}
	return nets
}

// settle gives each box a row, no row wider than room, and each net its passes.
func (f *figure) settle(room int) {
	used := map[int]int{}
	fits := func(id, row int) bool {
		return used[row] == 0 || used[row]+f.items[id].width() <= room
	}
	for id := range f.labels {
		row := 0
		for _, parent := range f.parents[id] {
			row = max(row, f.items[parent].row+1)
		}
		for !fits(id, row) {
			row++
		}
		f.items[id].row = row
		used[row] += f.items[id].width() + 2
	}
	for id := len(f.labels) - 1; id >= 0; id-- {
		f.sink(id, used, fits)
	}
	f.fill()
}

// sink moves a box down to what reads it, if that makes lines shorter.
func (f *figure) sink(id int, used map[int]int, fits func(id, row int) bool) {
	if len(f.children[id]) <= len(f.parents[id]) {
		return
	}
	lowest := unlimited
	for _, child := range f.children[id] {
		lowest = min(lowest, f.items[child].row-1)
	}
	box := &f.items[id]
	for row := lowest; row > box.row; row-- {
		if fits(id, row) {
			used[box.row] -= box.width() + 2
			used[row] += box.width() + 2
			box.row = row
			return
		}
	}
}

// fill makes the rows, and the links and passes of the nets.
func (f *figure) fill() {
	var taken []int
	for id := range f.labels {
		taken = append(taken, f.items[id].row)
	}
	slices.Sort(taken)
	taken = slices.Compact(taken)
	f.rows, f.links = make([][]int, len(taken)), make([][]link, len(taken)-1)
	for id := range f.labels {
		row, _ := slices.BinarySearch(taken, f.items[id].row)
		f.items[id].row = row
		f.rows[row] = append(f.rows[row], id)
	}
	for number, n := range f.nets {
		f.run(number, n)
	}
}

func (f *figure) run(number int, n net) {
	first, last := len(f.rows), 0
	for _, id := range n.from {
		first = min(first, f.items[id].row)
	}
	for _, id := range n.to {
		last = max(last, f.items[id].row)
	}
	pass := -1
	for row := first; row < last; row++ {
		l := link{net: number}
		if pass >= 0 {
			l.above = append(l.above, pass)
		}
		for _, id := range n.from {
			if f.items[id].row == row {
				l.above = append(l.above, id)
			}
		}
		for _, id := range n.to {
			if f.items[id].row == row+1 {
				l.below = append(l.below, id)
			}
		}
		if row+1 < last {
			pass = len(f.items)
			f.items = append(f.items, item{net: number, row: row + 1})
			f.rows[row+1] = append(f.rows[row+1], pass)
			l.below = append(l.below, pass)
		}
		f.links[row] = append(f.links[row], l)
	}
}

// apart returns how far two neighbours' middles must be from each other.
func (f *figure) apart(a, b int) int {
	one, other := f.items[a], f.items[b]
	if one.net >= 0 && other.net >= 0 {
		return 2
	}
	gap := f.gap
	if one.net >= 0 || other.net >= 0 {
		gap = 1
	}
	return (one.right + other.left + gap + 2) / 2 * 2
}

// narrowest returns the columns that the widest row needs.
func (f *figure) narrowest() int {
	width := 0
	for _, row := range f.rows {
		first, last := row[0], row[len(row)-1]
		need := (f.items[first].left+1)/2*2 + f.items[last].right + 1
		for i := 1; i < len(row); i++ {
			need += f.apart(row[i-1], row[i])
		}
		width = max(width, need)
	}
	return width
}
