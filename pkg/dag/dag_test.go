package dag

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// naive takes, again and again, the first declared node whose parents are all taken.
func naive(names []string, edges []Edge) []string {
	var order []string
	for {
		next := slices.IndexFunc(names, func(name string) bool {
			return !slices.Contains(order, name) && !slices.ContainsFunc(edges, func(edge Edge) bool {
				return edge.To == name && !slices.Contains(order, edge.From)
			})
		})
		if next < 0 {
			return order
		}
		order = append(order, names[next])
	}
}

// checkBuild builds a graph and compares order and cycle with what they must be.
func checkBuild(t require.TestingT, names []string, edges []Edge) {
	want := naive(names, edges)
	g, err := Build(names, edges)
	if len(want) == len(names) {
		require.NoError(t, err)
		require.Equal(t, want, append([]string(nil), g.Order()...))
		return
	}
	require.Nil(t, g)
	var cycle *CycleError
	require.ErrorAs(t, err, &cycle)
	path := cycle.Path
	require.GreaterOrEqual(t, len(path), 2)
	require.Equal(t, path[0], path[len(path)-1])
	for i := 1; i < len(path); i++ {
		require.Contains(t, edges, Edge{From: path[i-1], To: path[i]})
		require.False(t, slices.Contains(path[1:i], path[i]), "%s is met twice in %v", path[i], path)
	}
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("n", i)
	}
	return names
}

func TestBuild_orderAndCycles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := numbered(rapid.IntRange(1, 30).Draw(t, "nodes"))
		ends := rapid.SampledFrom(names)
		backwards := rapid.Bool().Draw(t, "backwards")
		var edges []Edge
		for range rapid.IntRange(0, 60).Draw(t, "edges") {
			edge := Edge{From: ends.Draw(t, "from"), To: ends.Draw(t, "to")}
			if !backwards && slices.Index(names, edge.From) > slices.Index(names, edge.To) {
				edge.From, edge.To = edge.To, edge.From
			}
			edges = append(edges, edge)
		}
		checkBuild(t, rapid.Permutation(names).Draw(t, "declared"), edges)
	})
}

func FuzzBuild(f *testing.F) {
	f.Add(uint8(3), []byte{0, 1, 1, 2})
	f.Add(uint8(3), []byte{0, 1, 1, 2, 2, 0})
	f.Add(uint8(1), []byte{0, 0})
	f.Fuzz(func(t *testing.T, n uint8, ends []byte) {
		names := numbered(int(n)%40 + 1)
		var edges []Edge
		for i := 1; i < min(len(ends), 200); i += 2 {
			edges = append(edges, Edge{From: names[int(ends[i-1])%len(names)], To: names[int(ends[i])%len(names)]})
		}
		checkBuild(t, names, edges)
	})
}

func TestBuild_refuses(t *testing.T) {
	_, err := Build([]string{"a", "b", "a"}, nil)
	require.EqualError(t, err, `node "a" is declared twice`)
	_, err = Build([]string{"a"}, []Edge{{"a", "b"}})
	require.EqualError(t, err, `edge "a" → "b": there is no node "b"`)
	_, err = Build([]string{"b"}, []Edge{{"a", "b"}})
	require.EqualError(t, err, `edge "a" → "b": there is no node "a"`)
}

func TestBuild_cycleIsShortAndStartsWithTheFirstDeclared(t *testing.T) {
	names := []string{"below", "c", "a", "b", "above", "long"}
	_, err := Build(names, []Edge{
		{"above", "a"}, {"a", "b"}, {"b", "c"}, {"c", "a"}, {"b", "long"}, {"long", "c"}, {"c", "below"},
	})
	require.EqualError(t, err, "nodes wait for each other: c → a → b → c")
	_, err = Build([]string{"a"}, []Edge{{"a", "a"}})
	require.EqualError(t, err, "nodes wait for each other: a → a")
}

func TestBuild_deepChainsAndCycles(t *testing.T) {
	const n = 100_000
	names := numbered(n)
	var edges []Edge
	for i := n - 1; i > 0; i-- {
		edges = append(edges, Edge{From: names[i], To: names[i-1]})
	}
	g, err := Build(names, edges)
	require.NoError(t, err)
	order := g.Order()
	slices.Reverse(order)
	require.Equal(t, names, order)
	require.Len(t, g.Upstream("n0"), n)
	require.Len(t, g.Downstream(names[n-1]), n)
	require.Len(t, g.Connected("n5"), n)
	require.Len(t, g.Components(), 1)
	require.Equal(t, n-1, g.Depth("n0"))
	require.NotEmpty(t, g.Draw(Drawing{Width: 80}))

	_, err = Build(names, append(edges, Edge{From: "n0", To: names[n-1]}))
	var cycle *CycleError
	require.True(t, errors.As(err, &cycle))
	require.Len(t, cycle.Path, n+1)
}

func TestSelect(t *testing.T) {
	g := parse(t, "report: train evaluate\nraw:\nprepare: raw\ntrain: prepare prepare\nevaluate: train\nother:\n")
	require.Equal(t, []string{"report", "raw", "prepare", "train", "evaluate", "other"}, g.Names())
	require.Equal(t, 6, g.Len())
	require.Equal(t, []string{"raw", "prepare", "train", "evaluate", "report", "other"}, g.Order())
	require.Equal(t, []string{"raw", "train", "report"}, g.Sort("report", "train", "raw", "train", "unknown"))
	require.Empty(t, g.Sort())
	require.Equal(t, []string{"raw", "prepare", "train"}, g.Upstream("train"))
	require.Equal(t, []string{"train", "evaluate", "report", "other"}, g.Downstream("train", "other"))
	require.Equal(t, []string{"raw", "prepare", "train", "evaluate", "report"}, g.Connected("evaluate"))
	require.Empty(t, g.Upstream())
	require.Empty(t, g.Upstream("unknown"))
	require.Equal(t, []string{"train", "evaluate"}, g.Parents("report"))
	require.Equal(t, []string{"report", "evaluate"}, g.Children("train"))
	require.Empty(t, g.Children("unknown"))
	require.Equal(t, [][]string{{"raw", "prepare", "train", "evaluate", "report"}, {"other"}}, g.Components())
	require.Equal(t, 4, g.Depth("report"))
	require.True(t, g.Has("raw"))
	require.False(t, g.Has("unknown"))

	part := g.Subgraph("report", "raw", "train", "unknown")
	require.Equal(t, []string{"report", "raw", "train"}, part.Names())
	require.Equal(t, []Edge{{"train", "report"}}, part.Edges())
	require.Equal(t, []string{"raw", "train", "report"}, part.Order())
	require.Equal(t, []string{"train"}, part.Parents("report"))
}

// What is selected is what can be reached, in the order of the whole.
func TestSelect_reaches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := randomGraph(t, 25)
		name := rapid.SampledFrom(g.Names()).Draw(t, "name")
		up := map[string]bool{name: true}
		order := g.Order()
		for _, at := range slices.Backward(order) {
			for _, child := range g.Children(at) {
				up[at] = up[at] || up[child]
			}
		}
		want := slices.DeleteFunc(order, func(at string) bool { return !up[at] })
		require.Equal(t, want, g.Upstream(name))
		for _, at := range want {
			require.Contains(t, g.Downstream(at), name)
			require.Contains(t, g.Connected(at), name)
		}
	})
}
