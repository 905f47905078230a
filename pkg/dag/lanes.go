package dag

import (
	"fmt"
	"slices"
	"strings"
)

// list draws each node on a line of its own. why says why not as boxes.
func (g *Graph) list(d Drawing, why string) string {
	labels, widest := make([]string, len(g.names)), 0
	for id, name := range g.names {
		labels[id] = strings.Join(d.lines(name), "  ")
		widest = max(widest, textWidth(labels[id]))
	}
	changed := why + ": one line each"
	order := g.threaded()
	// Half of the width is for lanes, or what the labels leave of it.
	most := min(max(d.Width/2, d.Width-widest-2), 120)
	lead := 0
	lines, braid := g.lanes(order, d.ASCII, most/2)
	if braid != nil {
		lead = 2*len(braid.lanes) + 1
		if braid.shared {
			changed += ", " + braid.double[up|down] + " gathers what one waits for"
		}
	} else {
		changed = why + ", lanes do not fit either: one line each, with what it waits for"
		order = g.order
		lines = make([]string, len(order))
		for place, id := range order {
			labels[id] += g.waits(id, d.ASCII)
			lines[place] = labels[id]
		}
	}
	cuts := 0
	for place, id := range order {
		text := labels[id]
		if lead > 0 {
			text = lines[place] + strings.Repeat(" ", lead-textWidth(lines[place])) + labels[id]
		}
		cut := false
		if lines[place], cut = cutText(text, d.Width, d.ASCII); cut {
			cuts++
		}
	}
	if cuts > 0 {
		changed += fmt.Sprintf(", %d cut short", cuts)
	}
	lines = append(lines, "("+changed+"; --mermaid or --dot shows all, a TARGET its part)")
	return strings.Join(lines, "\n") + "\n"
}

func (g *Graph) waits(id int32, ascii bool) string {
	if len(g.parents[id]) == 0 {
		return ""
	}
	arrow := "  ← "
	if ascii {
		arrow = "  <- "
	}
	return arrow + strings.Join(g.named(g.parents[id]), ", ")
}

// threaded returns the nodes topologically, each as soon after the last of its parents
// as can be, so that few lanes are open at a time.
func (g *Graph) threaded() []int32 {
	waits := make([]int, len(g.names))
	var stack, order []int32
	for id := range slices.Backward(g.names) {
		if waits[id] = len(g.parents[id]); waits[id] == 0 {
			stack = append(stack, int32(id))
		}
	}
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		order = append(order, id)
		for _, child := range slices.Backward(g.children[id]) {
			if waits[child]--; waits[child] == 0 {
				stack = append(stack, child)
			}
		}
	}
	return order
}

// braid draws lanes. Most belong to one node: such a lane begins below that node's mark,
// is joined to the marks of its children, and ends at the last. Where several nodes have
// the same child and no other, they share a lane: it gathers them, and ends at the child.
type braid struct {
	*Graph
	lanes    []lane
	left     []int  // how many children of a node are still to come
	gathered []bool // whether a node shares the lane of its child
	look     *glyphs
	double   *glyphs   // for lanes that gather
	marks    [2]string // of a node that a lane comes down to, and of any other
	shared   bool      // whether a lane that gathers was drawn
}

// lane is a column of lines.
type lane struct {
	node    int32 // the node that it belongs to, or the child that it gathers for; -1 for none
	gathers bool
}

// lanes returns what is left of each node's label, and the columns it takes at most.
// It returns nil when there are more than most lanes.
func (g *Graph) lanes(order []int32, ascii bool, most int) (lines []string, b *braid) {
	b = &braid{Graph: g, left: make([]int, len(g.names)), gathered: make([]bool, len(g.names)), look: lineGlyphs(ascii)}
	b.marks, b.double = [2]string{"●", "○"}, &glyphs{
		up | down: "║", up | down | left: "╢", up | down | right: "╟", up | down | left | right: "╫",
		up | left: "╜", up | right: "╙", up | left | right: "╨",
	}
	if ascii {
		b.marks, b.double = [2]string{"*", "o"}, &glyphs{
			up | down: ":", up | down | left: "#", up | down | right: "#", up | down | left | right: "#",
			up | left: "#", up | right: "#", up | left | right: "#",
		}
	}
	for _, parents := range g.parents {
		only := slices.DeleteFunc(slices.Clone(parents), func(id int32) bool { return len(g.children[id]) > 1 })
		for _, id := range only {
			b.gathered[id] = len(only) > 2
		}
	}
	for _, id := range order {
		lines = append(lines, b.line(id))
		if len(b.lanes) > most {
			return nil, nil
		}
	}
	return lines, b
}

// line draws the line of a node and moves on to the next.
func (b *braid) line(id int32) string {
	arms, joined := make([]uint8, len(b.lanes)), make([]bool, len(b.lanes))
	at, shared := -1, false
	for i, l := range b.lanes {
		if l.node < 0 {
			continue
		}
		arms[i] = up | down
		switch {
		case l.gathers && b.gathered[id] && l.node == b.children[id][0]:
			joined[i], shared = true, true
		case l.gathers && l.node == id, !l.gathers && b.last(l.node, id):
			joined[i], arms[i] = true, up
			if at < 0 {
				at = i
			}
		case !l.gathers:
			_, joined[i] = slices.BinarySearch(b.parents[id], l.node)
		}
	}
	if at < 0 {
		at = slices.IndexFunc(b.lanes, func(l lane) bool { return l.node < 0 })
	}
	if at < 0 {
		at = len(b.lanes)
		b.lanes, arms, joined = append(b.lanes, lane{node: -1}), append(arms, 0), append(joined, false)
	}
	joined[at] = true
	text := b.draw(at, arms, joined)
	for i := range b.lanes {
		if arms[i] == up {
			b.lanes[i] = lane{node: -1}
		}
	}
	b.left[id] = len(b.children[id])
	switch {
	case shared || b.left[id] == 0:
	case b.gathered[id]:
		b.lanes[at], b.shared = lane{node: b.children[id][0], gathers: true}, true
	default:
		b.lanes[at] = lane{node: id}
	}
	return text
}

// last counts down the children of a node, if id is one, and tells if it is the last.
func (b *braid) last(node, id int32) bool {
	if _, child := slices.BinarySearch(b.parents[id], node); !child {
		return false
	}
	b.left[node]--
	return b.left[node] == 0
}

// draw draws a line with a mark, which is joined with lanes to its left and right.
func (b *braid) draw(at int, arms []uint8, joined []bool) string {
	first := slices.Index(joined, true)
	last := len(joined) - 1
	for !joined[last] {
		last--
	}
	var line strings.Builder
	for i := range arms {
		var across uint8
		if i > first && i <= last {
			across = left
			line.WriteString(b.look[left|right])
		} else if i > 0 {
			line.WriteByte(' ')
		}
		if i >= first && i < last {
			across |= right
		}
		look := b.look
		if b.lanes[i].gathers {
			look = b.double
		}
		switch {
		case i == at && arms[i] == up:
			line.WriteString(b.marks[0])
		case i == at:
			line.WriteString(b.marks[1])
		case joined[i]:
			line.WriteString(look[arms[i]|across])
		case arms[i] != 0:
			line.WriteString(look[arms[i]]) // passes over the line to the mark
		case across != 0:
			line.WriteString(look[across])
		default:
			line.WriteByte(' ')
		}
	}
	return strings.TrimRight(line.String(), " ")
}
