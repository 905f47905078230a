package dag

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLayout_traced follows all lines of layouts: they join what the graph's edges join,
// they meet the boxes that they are said to join, and no box is on another.
func TestLayout_traced(t *testing.T) {
	random := rand.New(rand.NewSource(5))
	for n := range 60 {
		names, edges := []string{}, []Edge{}
		for i := range 1 + random.Intn(2+n*2) {
			names = append(names, fmt.Sprintf("stage-%d", i))
			for range random.Intn(4) {
				if i > 0 {
					edges = append(edges, Edge{names[random.Intn(i)], names[i]})
				}
			}
		}
		g, err := Build(names, edges)
		require.NoError(t, err)
		requireLaidOut(t, g, g.Layout(func(name string) string { return name + "\n✓ up to date" }))
	}
}

func requireLaidOut(t *testing.T, g *Graph, l *Layout) {
	t.Helper()
	at := map[string]Box{}
	for _, box := range l.Boxes {
		require.GreaterOrEqual(t, box.Left, 0)
		require.Less(t, box.Right, l.Width)
		require.Len(t, box.Lines, 2)
		for _, other := range at {
			require.False(t, other.Row == box.Row && box.Left <= other.Right && other.Left <= box.Right, "%v is on %v", box, other)
		}
		at[box.Name] = box
	}
	require.Len(t, at, g.Len())
	joined := map[Edge]bool{}
	for _, wire := range l.Wires {
		requireEnds(t, l, wire, wire.Leaves, wire.From, wire.Row)
		requireEnds(t, l, wire, wire.Enters, wire.To, wire.Row+1)
		for _, from := range wire.From {
			for _, to := range wire.To {
				require.Less(t, at[from].Row, at[to].Row)
				joined[Edge{from, to}] = true
			}
		}
	}
	require.Len(t, joined, len(g.Edges()))
	for _, edge := range g.Edges() {
		require.True(t, joined[edge], edge)
	}
}

// requireEnds: an end is below or above a box that the line is to join, or where the line
// passes the row; and it is on no other box.
func requireEnds(t *testing.T, l *Layout, wire Wire, ends []End, names []string, row int) {
	t.Helper()
	for _, end := range ends {
		if end.Passes {
			require.True(t, slices.ContainsFunc(l.Passes, func(p Pass) bool {
				return p.Row == row && p.Column == end.Column && slices.Equal(p.From, wire.From) && slices.Equal(p.To, wire.To)
			}), "%v at row %d", end, row)
			continue
		}
		met := slices.IndexFunc(l.Boxes, func(b Box) bool { return b.Row == row && b.Left < end.Column && end.Column < b.Right })
		require.GreaterOrEqual(t, met, 0, "%v at row %d", end, row)
		require.Contains(t, names, l.Boxes[met].Name)
	}
}

// BenchmarkLayout lays out pipelines as people have them.
func BenchmarkLayout(b *testing.B) {
	for _, n := range []int{5, 50, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			names, edges := near(n)
			g, err := Build(names, edges)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				g.Layout(nil)
			}
		})
	}
}
