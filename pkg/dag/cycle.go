package dag

import (
	"slices"
	"strings"
)

// CycleError says that nodes wait for each other.
type CycleError struct {
	Path []string // each must run before the next; the last is the first again
}

// Error names the nodes around the cycle.
func (e *CycleError) Error() string {
	return "nodes wait for each other: " + strings.Join(e.Path, " → ")
}

// cycle returns a cycle of a graph that has one, as short as can be had through
// the node that it starts with.
func (g *Graph) cycle() []string {
	left := g.entangled()
	start := g.onCycle(left)
	// Breadth first from start until an edge leads back to it.
	from := make([]int32, len(g.names))
	for i := range from {
		from[i] = -1
	}
	for queue := []int32{start}; ; queue = queue[1:] {
		id := queue[0]
		for _, child := range g.children[id] {
			if child == start {
				return g.trail(from, start, id)
			}
			if left[child] && from[child] < 0 {
				from[child] = id
				queue = append(queue, child)
			}
		}
	}
}

// trail returns the names from start to last and on to start again.
func (g *Graph) trail(from []int32, start, last int32) []string {
	path := []string{g.names[start]}
	for id := last; id != start; id = from[id] {
		path = append(path, g.names[id])
	}
	path = append(path, g.names[start])
	slices.Reverse(path)
	return path
}

// entangled marks the nodes on cycles and between them: each has a parent and a
// child that is marked too.
func (g *Graph) entangled() []bool {
	left := make([]bool, len(g.names))
	for i := range left {
		left[i] = true
	}
	for _, id := range g.order {
		left[id] = false
	}
	waits := make([]int, len(g.names))
	var done []int32
	for i := range left {
		for _, child := range g.children[i] {
			if left[child] {
				waits[i]++
			}
		}
		if left[i] && waits[i] == 0 {
			done = append(done, int32(i))
		}
	}
	for len(done) > 0 {
		id := done[len(done)-1]
		done = done[:len(done)-1]
		left[id] = false
		for _, parent := range g.parents[id] {
			if waits[parent]--; left[parent] && waits[parent] == 0 {
				done = append(done, parent)
			}
		}
	}
	return left
}

// onCycle walks along marked nodes until it meets itself, and returns the first
// declared node of the cycle found.
func (g *Graph) onCycle(left []bool) int32 {
	place := make([]int, len(left))
	var path []int32
	for id := int32(slices.Index(left, true)); ; {
		path = append(path, id)
		place[id] = len(path)
		for _, child := range g.children[id] {
			if left[child] {
				id = child
				break
			}
		}
		if place[id] > 0 {
			return slices.Min(path[place[id]-1:])
		}
	}
}
