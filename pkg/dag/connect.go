package dag

import (
	"cmp"
	"slices"
)

// connect finds where the lines meet the boxes, and their ways. It is false when a line
// had to leave the width that there is.
func (f *figure) connect() bool {
	for _, links := range f.links {
		for i, l := range links {
			for _, id := range l.above {
				links[i].leaves = append(links[i].leaves, f.items[id].x)
			}
			for _, id := range l.below {
				links[i].enters = append(links[i].enters, f.items[id].x)
			}
		}
	}
	for _, links := range f.links {
		for range 2 {
			f.ports(links, false)
			f.ports(links, true)
		}
		f.ports(links, false)
	}
	f.wires, f.tracks = make([][]wire, len(f.links)), make([]int, len(f.links))
	for i, links := range f.links {
		f.wires[i], f.tracks[i] = f.route(links)
		for _, w := range f.wires[i] {
			if w.high >= f.width {
				return false
			}
		}
	}
	return true
}

// port is where a line meets a box.
type port struct {
	goal   int  // the column that the line comes from
	single bool // whether the line has no other ends
	at     *int // the column where it meets the box
	net    int
}

// ports chooses the columns of all lines at one side of a channel: straight up or
// down if that can be, else at the middle.
func (f *figure) ports(links []link, leaving bool) {
	byItem := map[int][]port{}
	var ids []int
	for i := range links {
		l := &links[i]
		here, mine, there := l.below, l.enters, l.leaves
		if leaving {
			here, mine, there = l.above, l.leaves, l.enters
		}
		for j, id := range here {
			if f.items[id].net >= 0 {
				continue
			}
			goal := between(there, f.items[id].x)
			single := len(here) == 1 && len(there) == 1
			if byItem[id] == nil {
				ids = append(ids, id)
			}
			byItem[id] = append(byItem[id], port{goal: goal, single: single, at: &mine[j], net: l.net})
		}
	}
	for _, id := range ids {
		f.spread(f.items[id], byItem[id])
	}
}

// between returns the one of columns that is nearest to a box's middle, or the middle
// itself if they are to both sides of it: that keeps a fan symmetric.
func between(columns []int, middle int) int {
	return min(max(middle, slices.Min(columns)), slices.Max(columns))
}

// spread puts ports on even columns inside a box's border, in the order of where
// their lines come from.
func (f *figure) spread(box item, ports []port) {
	slices.SortFunc(ports, func(a, b port) int {
		return cmp.Or(cmp.Compare(a.goal, b.goal), cmp.Compare(a.net, b.net))
	})
	first, last := (box.x-box.left+3)/2*2, (box.x+box.right-2)/2*2
	at := make([]int, len(ports))
	for i, p := range ports {
		switch {
		case len(ports) == 1 && !p.single:
			at[i] = box.x
		case p.goal >= first && p.goal <= last:
			at[i] = p.goal
		case len(ports) == 1:
			at[i] = box.x
		case p.goal < first:
			at[i] = max(first, box.x-2*len(ports))
		default:
			at[i] = min(last, box.x+2*len(ports))
		}
		at[i] = max(at[i], first+2*i)
		if i > 0 {
			at[i] = max(at[i], at[i-1]+2)
		}
	}
	for i := len(at) - 1; i >= 0; i-- {
		at[i] = min(at[i], last)
		last = at[i] - 2
		*ports[i].at = at[i]
	}
}
