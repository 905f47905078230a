package dag

import "slices"

// wire is a net, or a part of one, in a channel: it comes down from the columns of
// leaves, runs along one track, and goes down to the columns of enters.
type wire struct {
	net            int
	leaves, enters []int
	low, high      int // the columns it runs between
	track          int // from 1; 0 for a wire that is straight
	bend           int // the column where it goes on to the wire below it; -1 for none
	below          int // the number of that wire; -1 for none
}

// route gives the wires of a channel their tracks and returns how many there are.
// Where a wire comes from a column that another one leaves by, it must run above it;
// wires that would have to run above each other are bent.
func (f *figure) route(links []link) ([]wire, int) {
	var wires []wire
	for _, l := range links {
		w := wire{net: l.net, leaves: l.leaves, enters: l.enters, bend: -1, below: -1}
		w.span()
		wires = append(wires, w)
	}
	order, stuck := stack(wires)
	for stuck >= 0 {
		wires = f.bend(wires, stuck)
		order, stuck = stack(wires)
	}
	improve(wires, order)
	tracks := 0
	for i, at := range order {
		if wires[at].low == wires[at].high {
			continue
		}
		wires[at].track = 1
		for _, before := range order[:i] {
			if overlap(wires[before], wires[at]) {
				wires[at].track = max(wires[at].track, wires[before].track+1)
			}
		}
		tracks = max(tracks, wires[at].track)
	}
	return wires, tracks
}

func (w *wire) span() {
	w.low, w.high = unlimited, 0
	for _, columns := range [2][]int{w.leaves, w.enters} {
		for _, x := range columns {
			w.low, w.high = min(w.low, x), max(w.high, x)
		}
	}
	if w.bend >= 0 {
		w.low, w.high = min(w.low, w.bend), max(w.high, w.bend)
	}
}

func overlap(a, b wire) bool {
	return a.low != a.high && b.low != b.high && a.low <= b.high && b.low <= a.high
}

// above tells whether wire i must run above wire j.
func above(wires []wire, i, j int) bool {
	if wires[i].below == j {
		return true
	}
	for _, x := range wires[i].leaves {
		if slices.Contains(wires[j].enters, x) {
			return i != j
		}
	}
	return false
}

// crossings counts how often the wires a and b cross if a runs above b.
func crossings(a, b wire) int {
	if !overlap(a, b) {
		return 0
	}
	count := 0
	for _, x := range b.leaves {
		if a.low <= x && x <= a.high {
			count++
		}
	}
	for _, x := range a.enters {
		if b.low <= x && x <= b.high {
			count++
		}
	}
	if a.bend >= 0 && a.below >= 0 && b.low <= a.bend && a.bend <= b.high {
		count++
	}
	return count
}

// stack finds an order from top to bottom, or a wire that stands in the way of one.
func stack(wires []wire) (order []int, stuck int) {
	placed := make([]bool, len(wires))
	for len(order) < len(wires) {
		best, least := -1, 0
		for i := range wires {
			cost, free := 0, !placed[i]
			for j := range wires {
				if placed[j] || i == j {
					continue
				}
				free = free && !above(wires, j, i)
				cost += crossings(wires[i], wires[j]) - crossings(wires[j], wires[i])
			}
			if free && (best < 0 || cost < least) {
				best, least = i, cost
			}
		}
		if best < 0 {
			return nil, entangled(wires, placed)
		}
		placed[best] = true
		order = append(order, best)
	}
	return order, -1
}

// entangled returns a wire of those left that is on a cycle: walking up from any, the
// walk comes round.
func entangled(wires []wire, placed []bool) int {
	seen := make([]bool, len(wires))
	at := slices.Index(placed, false)
	for !seen[at] {
		seen[at] = true
		for j := range wires {
			if !placed[j] && above(wires, j, at) {
				at = j
				break
			}
		}
	}
	return at
}

// bend makes two wires of one: the first gathers the sources and goes down in a column
// that nothing else uses, the second goes on to the targets.
func (f *figure) bend(wires []wire, at int) []wire {
	used := map[int]bool{}
	for _, w := range wires {
		used[w.bend] = true
		for _, columns := range [2][]int{w.leaves, w.enters} {
			for _, x := range columns {
				used[x] = true
			}
		}
	}
	middle := (wires[at].low + wires[at].high) / 4 * 2
	column := middle
	for away := 0; used[column] || column < 0; away += 2 {
		column = middle - away
		if used[column] || column < 0 {
			column = middle + away
		}
	}
	lower := wire{net: wires[at].net, enters: wires[at].enters, bend: column, below: -1}
	lower.span()
	wires[at].enters, wires[at].bend, wires[at].below = nil, column, len(wires)
	wires[at].span()
	return append(wires, lower)
}

// improve moves wires up and down in the order while that removes crossings.
func improve(wires []wire, order []int) {
	for better, tries := true, 0; better && tries < 8; tries++ {
		better = false
		for i := range order {
			best, gain := i, 0
			for _, step := range [2]int{-1, 1} {
				sum := 0
				for j := i + step; j >= 0 && j < len(order); j += step {
					high, low := order[j], order[i]
					if step > 0 {
						high, low = low, high
					}
					if above(wires, high, low) {
						break
					}
					sum += crossings(wires[high], wires[low]) - crossings(wires[low], wires[high])
					if sum > gain {
						best, gain = j, sum
					}
				}
			}
			if best != i {
				moved := order[i]
				order = slices.Delete(order, i, i+1)
				order = slices.Insert(order, best, moved)
				better = true
			}
		}
	}
}
