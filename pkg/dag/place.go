package dag

import (
	"math"
	"slices"
)

// placer finds the columns of blocks: items that share a column, so that the line
// between them is straight.
type placer struct {
	*figure
	block   []int // of an item
	members [][]int
	next    []int // the item to the right of an item; -1 for none
	order   []int // blocks, each after those that must be left of it
	low     []int // the leftmost column of a block that leaves room for the others
	high    []int // the rightmost
	x       []float64
	pulls   [][]pull
}

// pull draws a block towards another one.
type pull struct {
	to     int
	weight float64
}

// place gives each item its column: neighbours keep their distance, long lines run
// straight, and the rest is near the middle of what it is joined with. It is false
// when there is no room.
func (f *figure) place() bool {
	p := newPlacer(f)
	if !p.bound() {
		return false
	}
	for grade := 1; grade <= 3; grade++ {
		p.align(func(l link, above, below int) bool { return p.grade(l, above, below) == grade })
	}
	p.relax()
	p.align(func(_ link, above, below int) bool {
		return math.Abs(p.x[p.block[above]]-p.x[p.block[below]]) < 3
	})
	p.relax()
	p.snap()
	return true
}

func newPlacer(f *figure) *placer {
	p := &placer{
		figure: f, block: make([]int, len(f.items)), members: make([][]int, len(f.items)), next: make([]int, len(f.items)),
		low: make([]int, len(f.items)), high: make([]int, len(f.items)),
	}
	for id := range f.items {
		p.block[id], p.members[id], p.next[id] = id, []int{id}, -1
	}
	for _, row := range f.rows {
		for i := 1; i < len(row); i++ {
			p.next[row[i-1]] = row[i]
		}
	}
	return p
}

// align makes blocks of the ends of lines that are to be straight, as far as there is
// room and the order in the rows allows.
func (p *placer) align(straight func(l link, above, below int) bool) {
	for _, links := range p.links {
		for _, l := range links {
			for _, above := range l.above {
				for _, below := range l.below {
					a, b := p.block[above], p.block[below]
					if a != b && straight(l, above, below) && !p.join(a, b) {
						p.bound()
					}
				}
			}
		}
	}
}

// join makes one block of two, or changes nothing if that can't be.
func (p *placer) join(a, b int) bool {
	was, moved := p.members[a], p.members[b]
	p.members[a], p.members[b] = append(slices.Clone(was), moved...), nil
	for _, id := range moved {
		p.block[id] = a
	}
	if p.bound() {
		return true
	}
	p.members[a], p.members[b] = was, moved
	for _, id := range moved {
		p.block[id] = b
	}
	return false
}

// grade ranks lines by how much they should be straight: those between two passes
// first, then those between two boxes, then the others with one end on each side.
func (p *placer) grade(l link, above, below int) int {
	one, other := p.items[above].net >= 0, p.items[below].net >= 0
	switch {
	case one && other:
		return 1
	case len(l.above) > 1 || len(l.below) > 1:
		return 0
	case one || other:
		return 3
	}
	return 2
}

// sort finds an order of the blocks from left to right. It is false when there is none.
func (p *placer) sort() bool {
	p.order = p.order[:0]
	blocks := 0
	waits := make([]int, len(p.items))
	for id := range p.items {
		if p.next[id] >= 0 {
			waits[p.block[p.next[id]]]++
		}
	}
	var ready []int
	for at, members := range p.members {
		if len(members) > 0 {
			blocks++
			if waits[at] == 0 {
				ready = append(ready, at)
			}
		}
	}
	for len(ready) > 0 {
		at := ready[0]
		ready = ready[1:]
		p.order = append(p.order, at)
		for _, id := range p.members[at] {
			if p.next[id] >= 0 {
				right := p.block[p.next[id]]
				if waits[right]--; waits[right] == 0 {
					ready = append(ready, right)
				}
			}
		}
	}
	return len(p.order) == blocks
}

// rightOf calls each with every block that must be right of a block, and how far.
func (p *placer) rightOf(at int, each func(right, gap int)) {
	for _, id := range p.members[at] {
		if p.next[id] >= 0 {
			each(p.block[p.next[id]], p.apart(id, p.next[id]))
		}
	}
}

// bound finds order, low and high. It is false when there is no order or no room.
func (p *placer) bound() bool {
	if !p.sort() {
		return false
	}
	clear(p.low)
	for _, at := range p.order {
		p.high[at] = unlimited
		for _, id := range p.members[at] {
			p.low[at] = max(p.low[at], (p.items[id].left+1)/2*2)
			p.high[at] = min(p.high[at], (p.width-1-p.items[id].right)/2*2)
		}
	}
	for _, at := range p.order {
		p.rightOf(at, func(right, gap int) { p.low[right] = max(p.low[right], p.low[at]+gap) })
	}
	for _, at := range slices.Backward(p.order) {
		p.rightOf(at, func(right, gap int) { p.high[at] = min(p.high[at], p.high[right]-gap) })
		if p.low[at] > p.high[at] {
			return false
		}
	}
	return true
}

// relax moves the blocks, again and again, towards what pulls them.
func (p *placer) relax() {
	p.pulls = make([][]pull, len(p.items))
	for _, links := range p.links {
		for _, l := range links {
			for _, above := range l.above {
				for _, below := range l.below {
					a, b := p.block[above], p.block[below]
					if a == b {
						continue
					}
					weight := 1 / float64(len(l.above)+len(l.below)-1)
					if p.items[above].net >= 0 && p.items[below].net >= 0 {
						weight *= 8
					}
					p.pulls[a] = append(p.pulls[a], pull{b, weight})
					p.pulls[b] = append(p.pulls[b], pull{a, weight})
				}
			}
		}
	}
	if p.x == nil {
		p.x = make([]float64, len(p.items))
		for at := range p.x {
			p.x[at] = float64(p.low[at])
		}
	}
	for range 200 {
		p.step()
	}
}

// step moves each block towards its goal, and apart again: to the middle between
// where it is pushed by those to its left, and by those to its right.
func (p *placer) step() {
	goal := make([]float64, len(p.items))
	for _, at := range p.order {
		goal[at] = p.x[at]
		sum, weight := 0.0, 0.0
		for _, pull := range p.pulls[at] {
			sum += pull.weight * p.x[pull.to]
			weight += pull.weight
		}
		if weight > 0 {
			goal[at] = (p.x[at] + 2*sum/weight) / 3
		}
	}
	pushed := slices.Clone(goal)
	for _, at := range p.order {
		p.rightOf(at, func(right, gap int) { pushed[right] = max(pushed[right], pushed[at]+float64(gap)) })
	}
	for _, at := range slices.Backward(p.order) {
		p.rightOf(at, func(right, gap int) { goal[at] = min(goal[at], goal[right]-float64(gap)) })
	}
	for _, at := range p.order {
		p.x[at] = min(max((pushed[at]+goal[at])/2, float64(p.low[at])), float64(p.high[at]))
	}
}

// snap puts the blocks on even columns, and the figure at the left.
func (p *placer) snap() {
	snapped := make([]int, len(p.items))
	for _, at := range p.order {
		snapped[at] = min(max(snapped[at], int(math.Round(p.x[at]/2))*2), p.high[at])
		p.rightOf(at, func(right, gap int) { snapped[right] = max(snapped[right], snapped[at]+gap) })
	}
	margin := unlimited
	for id, it := range p.items {
		p.items[id].x = snapped[p.block[id]]
		margin = min(margin, p.items[id].x-it.left)
	}
	for id := range p.items {
		p.items[id].x -= margin / 2 * 2
	}
}
