package dag

import (
	"cmp"
	"slices"
)

// rounds is how often the order of all rows is gone over; later rounds rarely win.
const rounds = 12

// arranger looks for an order of the rows' items with few crossings.
type arranger struct {
	*figure
	at       []int   // an item's place in its row
	up, down [][]int // an item's neighbours in the rows above and below
	pairs    [][]pair
}

// pair is a line of a link between two items.
type pair struct{ net, above, below int }

// arrange orders the rows.
func (f *figure) arrange() {
	a := &arranger{
		figure: f, at: make([]int, len(f.items)),
		up: make([][]int, len(f.items)), down: make([][]int, len(f.items)),
		pairs: make([][]pair, len(f.links)),
	}
	for channel, links := range f.links {
		for _, l := range links {
			for _, above := range l.above {
				for _, below := range l.below {
					a.up[below] = append(a.up[below], above)
					a.down[above] = append(a.down[above], below)
					a.pairs[channel] = append(a.pairs[channel], pair{l.net, above, below})
				}
			}
		}
	}
	a.start()
	first, best, least := a.copy(), a.copy(), a.score()
	for _, downwards := range [2]bool{true, false} {
		a.rows = first
		first = a.copy()
		a.number()
		for range rounds {
			a.sweep(downwards)
			a.swap()
			if score := a.score(); score < least {
				best, least = a.copy(), score
			}
			downwards = !downwards
		}
	}
	f.rows = best
}

func (a *arranger) copy() [][]int {
	rows := make([][]int, len(a.rows))
	for i, row := range a.rows {
		rows[i] = slices.Clone(row)
	}
	return rows
}

// start orders the rows as a walk along the lines meets their items, so that what
// belongs together starts out together.
func (a *arranger) start() {
	for i, row := range a.rows {
		a.rows[i] = make([]int, 0, len(row))
	}
	seen := make([]bool, len(a.items))
	for id := range a.labels {
		for stack := []int{id}; len(stack) > 0; {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if seen[at] {
				continue
			}
			seen[at] = true
			row := a.items[at].row
			a.rows[row] = append(a.rows[row], at)
			for _, next := range [2][]int{a.up[at], a.down[at]} {
				for i := len(next) - 1; i >= 0; i-- {
					stack = append(stack, next[i])
				}
			}
		}
	}
	a.number()
}

func (a *arranger) number() {
	for _, row := range a.rows {
		for place, id := range row {
			a.at[id] = place
		}
	}
}

// sweep sorts each row by where its items' neighbours are in the row before.
func (a *arranger) sweep(downwards bool) {
	sides := a.down
	if downwards {
		sides = a.up
	}
	weight := make([]float64, len(a.items))
	for i := range a.rows {
		row := a.rows[len(a.rows)-1-i]
		if downwards {
			row = a.rows[i]
		}
		for _, id := range row {
			weight[id] = float64(a.at[id])
			if len(sides[id]) > 0 {
				sum := 0
				for _, other := range sides[id] {
					sum += a.at[other]
				}
				weight[id] = float64(sum) / float64(len(sides[id]))
			}
		}
		slices.SortStableFunc(row, func(x, y int) int { return cmp.Compare(weight[x], weight[y]) })
		for place, id := range row {
			a.at[id] = place
		}
	}
}

// swap exchanges neighbours while that removes crossings.
func (a *arranger) swap() {
	for better, tries := true, 0; better && tries < 8; tries++ {
		better = false
		for _, row := range a.rows {
			for i := 1; i < len(row); i++ {
				if a.crossed(row[i-1], row[i]) > a.crossed(row[i], row[i-1]) {
					row[i-1], row[i] = row[i], row[i-1]
					a.at[row[i-1]], a.at[row[i]] = i-1, i
					better = true
				}
			}
		}
	}
}

// crossed counts the crossings between the lines of two neighbours in a row when the
// first stands left.
func (a *arranger) crossed(first, second int) int {
	count := 0
	for _, sides := range [2][][]int{a.up, a.down} {
		for _, x := range sides[first] {
			for _, y := range sides[second] {
				if a.at[x] > a.at[y] {
					count++
				}
			}
		}
	}
	return count
}

// score is lower for fewer crossings, then for shorter lines.
func (a *arranger) score() int {
	crossings, length := 0, 0
	for _, pairs := range a.pairs {
		for i, p := range pairs {
			length += max(a.at[p.above]-a.at[p.below], a.at[p.below]-a.at[p.above])
			for _, q := range pairs[:i] {
				if p.net != q.net && (a.at[p.above]-a.at[q.above])*(a.at[p.below]-a.at[q.below]) < 0 {
					crossings++
					if a.items[p.above].net >= 0 && a.items[q.above].net >= 0 &&
						a.items[p.below].net >= 0 && a.items[q.below].net >= 0 {
						crossings += 3 // neither of two long lines should have to bend
					}
				}
			}
		}
	}
	return crossings*1000 + length
}
