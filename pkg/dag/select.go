package dag

import "slices"

// Len returns how many nodes there are.
func (g *Graph) Len() int { return len(g.names) }

// Names returns all names as they were declared.
func (g *Graph) Names() []string { return slices.Clone(g.names) }

// Has tells whether there is a node of that name.
func (g *Graph) Has(name string) bool {
	_, known := g.index[name]
	return known
}

// Order returns all names, each after all that it waits for; where that leaves a
// choice, the one declared first.
func (g *Graph) Order() []string { return g.named(g.order) }

// Sort returns names in the order of Order, once each. Unknown names are left out.
func (g *Graph) Sort(names ...string) []string {
	ids := g.ids(names)
	slices.SortFunc(ids, func(a, b int32) int { return int(g.rank[a]) - int(g.rank[b]) })
	return g.named(slices.Compact(ids))
}

// Parents returns what name waits for directly, as declared.
func (g *Graph) Parents(name string) []string { return g.beside(g.parents, name) }

// Children returns what waits for name directly, as declared.
func (g *Graph) Children(name string) []string { return g.beside(g.children, name) }

// Edges returns all edges, by the declaration of From, then of To.
func (g *Graph) Edges() []Edge {
	var edges []Edge
	for from, children := range g.children {
		for _, to := range children {
			edges = append(edges, Edge{From: g.names[from], To: g.names[to]})
		}
	}
	return edges
}

// Upstream returns names and all that they wait for, in order.
func (g *Graph) Upstream(names ...string) []string {
	return g.named(g.inOrder(g.reach(g.ids(names), g.parents)))
}

// Downstream returns names and all that wait for them, in order.
func (g *Graph) Downstream(names ...string) []string {
	return g.named(g.inOrder(g.reach(g.ids(names), g.children)))
}

// Connected returns all that is joined with names by edges of either direction,
// in order.
func (g *Graph) Connected(names ...string) []string {
	return g.named(g.inOrder(g.reach(g.ids(names), g.parents, g.children)))
}

// Components returns the sets of nodes that no edge joins, each in order, sorted
// by the first declared node of each.
func (g *Graph) Components() [][]string {
	of := make([]int, len(g.names))
	count := 0
	for i := range g.names {
		if of[i] > 0 {
			continue
		}
		count++
		of[i] = count
		for stack := []int32{int32(i)}; len(stack) > 0; {
			id := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, next := range [2][]int32{g.parents[id], g.children[id]} {
				for _, other := range next {
					if of[other] == 0 {
						of[other] = count
						stack = append(stack, other)
					}
				}
			}
		}
	}
	sets := make([][]string, count)
	for _, id := range g.order {
		sets[of[id]-1] = append(sets[of[id]-1], g.names[id])
	}
	return sets
}

// Depth returns the number of edges on the longest way to name from a node that
// waits for nothing.
func (g *Graph) Depth(name string) int {
	id, known := g.index[name]
	if !known {
		return 0
	}
	depth := make([]int, len(g.names))
	for _, at := range g.order[:g.rank[id]+1] {
		for _, parent := range g.parents[at] {
			depth[at] = max(depth[at], depth[parent]+1)
		}
	}
	return depth[id]
}

// Subgraph returns the graph of names and the edges between them. Unknown names
// are left out.
func (g *Graph) Subgraph(names ...string) *Graph {
	ids := g.ids(names)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	sub := &Graph{
		names:    g.named(ids),
		index:    make(map[string]int32, len(ids)),
		parents:  make([][]int32, len(ids)),
		children: make([][]int32, len(ids)),
	}
	for i, name := range sub.names {
		sub.index[name] = int32(i)
	}
	for to, id := range ids {
		for _, parent := range g.parents[id] {
			if from, kept := sub.index[g.names[parent]]; kept {
				sub.parents[to] = append(sub.parents[to], from)
				sub.children[from] = append(sub.children[from], int32(to))
			}
		}
	}
	if err := sub.finish(); err != nil {
		panic(err) // a part of a graph without a cycle has none
	}
	return sub
}

// reach marks ids and whatever can be reached from them over the given edges.
func (g *Graph) reach(ids []int32, ways ...[][]int32) []bool {
	seen := make([]bool, len(g.names))
	stack := ids
	for _, id := range ids {
		seen[id] = true
	}
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, next := range ways {
			for _, other := range next[id] {
				if !seen[other] {
					seen[other] = true
					stack = append(stack, other)
				}
			}
		}
	}
	return seen
}

func (g *Graph) inOrder(marked []bool) []int32 {
	var ids []int32
	for _, id := range g.order {
		if marked[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func (g *Graph) beside(edges [][]int32, name string) []string {
	id, known := g.index[name]
	if !known {
		return nil
	}
	return g.named(edges[id])
}

func (g *Graph) ids(names []string) []int32 {
	ids := make([]int32, 0, len(names))
	for _, name := range names {
		if id, known := g.index[name]; known {
			ids = append(ids, id)
		}
	}
	return ids
}

func (g *Graph) named(ids []int32) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = g.names[id]
	}
	return names
}
