// Package dag orders named nodes, selects among them, and draws them.
//
// A Graph is built once, checked to be free of cycles, and never changes. All
// answers come in one deterministic order: topological, ties by declaration.
package dag

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dominikbraun/graph"
)

// Edge says that From must run before To.
type Edge struct{ From, To string }

// Graph is a set of named nodes with edges between them and no cycle. It may be
// used from several goroutines.
type Graph struct {
	names    []string // as declared
	index    map[string]int32
	parents  [][]int32 // ascending, without repeats
	children [][]int32
	order    []int32 // topological, ties by declaration
	rank     []int32 // the place of a node in order
}

// Build makes a graph of names, in the order of their declaration, and edges.
// Repeated edges count once. The error is a *CycleError when nodes wait for each
// other; else a name that is repeated, or an edge with an unknown end.
func Build(names []string, edges []Edge) (*Graph, error) {
	g := &Graph{
		names:    slices.Clone(names),
		index:    make(map[string]int32, len(names)),
		parents:  make([][]int32, len(names)),
		children: make([][]int32, len(names)),
	}
	// The container tells new from known. It is asked nothing else, and not kept:
	// its sorts are quadratic, and each of its searches copies all edges first.
	container := graph.New(func(id int32) int32 { return id }, graph.Directed())
	for i, name := range names {
		if _, known := g.index[name]; known {
			return nil, fmt.Errorf("node %q is declared twice", name)
		}
		g.index[name] = int32(i)
		if err := container.AddVertex(int32(i)); err != nil {
			return nil, fmt.Errorf("adding node %q: %w", name, err)
		}
	}
	for _, edge := range edges {
		if err := g.connect(container, edge); err != nil {
			return nil, err
		}
	}
	if err := g.finish(); err != nil {
		return nil, err
	}
	return g, nil
}

// Restore makes the graph whose names and parents another one had.
func Restore(names []string, parents [][]int32) (*Graph, error) {
	g := &Graph{names: names, index: make(map[string]int32, len(names)), parents: parents, children: make([][]int32, len(names))}
	if len(parents) != len(names) {
		return nil, fmt.Errorf("%d nodes have parents, of %d", len(parents), len(names))
	}
	children := make([]int32, len(names))
	for _, parents := range parents {
		for _, parent := range parents {
			if parent < 0 || int(parent) >= len(names) {
				return nil, fmt.Errorf("there is no node %d", parent)
			}
			children[parent]++
		}
	}
	for i, name := range names {
		g.index[name] = int32(i)
		g.children[i] = make([]int32, 0, children[i])
	}
	for i, parents := range parents {
		for _, parent := range parents {
			g.children[parent] = append(g.children[parent], int32(i))
		}
	}
	if len(g.index) < len(names) {
		return nil, errors.New("a node is declared twice")
	}
	return g, g.finish()
}

// Above returns for each name the places of those that it waits for, for Restore. Nobody
// may change them.
func (g *Graph) Above() [][]int32 { return g.parents }

func (g *Graph) connect(container graph.Graph[int32, int32], edge Edge) error {
	from, known := g.index[edge.From]
	if !known {
		return fmt.Errorf("edge %q → %q: there is no node %q", edge.From, edge.To, edge.From)
	}
	to, known := g.index[edge.To]
	if !known {
		return fmt.Errorf("edge %q → %q: there is no node %q", edge.From, edge.To, edge.To)
	}
	err := container.AddEdge(from, to)
	if errors.Is(err, graph.ErrEdgeAlreadyExists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("adding edge %q → %q: %w", edge.From, edge.To, err)
	}
	g.children[from] = append(g.children[from], to)
	g.parents[to] = append(g.parents[to], from)
	return nil
}

// finish sorts the edges and finds the order.
func (g *Graph) finish() error {
	for i := range g.names {
		slices.Sort(g.children[i])
		slices.Sort(g.parents[i])
	}
	g.order = g.sorted()
	if len(g.order) < len(g.names) {
		return &CycleError{Path: g.cycle()}
	}
	g.rank = make([]int32, len(g.names))
	for place, id := range g.order {
		g.rank[id] = int32(place)
	}
	return nil
}

// sorted returns, again and again, the first declared node whose parents have all
// been returned. Nodes on a cycle, or below one, are left out.
func (g *Graph) sorted() []int32 {
	order := make([]int32, 0, len(g.names))
	waits := make([]int32, len(g.names))
	var ready queue
	for i := range g.names {
		waits[i] = int32(len(g.parents[i]))
		if waits[i] == 0 {
			ready.push(int32(i))
		}
	}
	for len(ready) > 0 {
		id := ready.pop()
		order = append(order, id)
		for _, child := range g.children[id] {
			if waits[child]--; waits[child] == 0 {
				ready.push(child)
			}
		}
	}
	return order
}

// queue is a binary heap: the smallest comes out first.
type queue []int32

func (q *queue) push(id int32) {
	h := append(*q, id)
	i := len(h) - 1
	for i > 0 && h[(i-1)/2] > h[i] {
		h[(i-1)/2], h[i] = h[i], h[(i-1)/2]
		i = (i - 1) / 2
	}
	*q = h
}

func (q *queue) pop() int32 {
	h := *q
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if h[child] < h[least] {
				least = child
			}
		}
		if least == i {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	*q = h
	return top
}
