package dag

import (
	"fmt"
	"math/rand"
	"testing"
)

// wide returns n nodes, each with up to three edges to earlier ones.
func wide(n int) ([]string, []Edge) {
	random := rand.New(rand.NewSource(1))
	names := make([]string, n)
	var edges []Edge
	for i := range names {
		names[i] = fmt.Sprintf("stage-%06d", i)
		for range min(i, 3) {
			edges = append(edges, Edge{From: names[random.Intn(i)], To: names[i]})
		}
	}
	return names, edges
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			names, edges := wide(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Build(names, edges); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOrder(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			names, edges := wide(n)
			g, err := Build(names, edges)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				g.sorted()
			}
		})
	}
}

// BenchmarkDraw draws what is drawn as boxes, then as lanes.
func BenchmarkDraw(b *testing.B) {
	for _, n := range []int{30, 60, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			names, edges := near(n)
			g, err := Build(names, edges)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				g.Draw(Drawing{Width: 200})
			}
		})
	}
}

func BenchmarkUpstream(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			names, edges := wide(n)
			g, err := Build(names, edges)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				g.Upstream(names[n-1])
			}
		})
	}
}

// near returns n nodes, each with up to two edges to ones declared shortly before.
func near(n int) ([]string, []Edge) {
	random := rand.New(rand.NewSource(1))
	names := make([]string, n)
	var edges []Edge
	for i := range names {
		names[i] = fmt.Sprintf("stage-%06d", i)
		for range min(i, 2) {
			edges = append(edges, Edge{From: names[i-1-random.Intn(min(i, 8))], To: names[i]})
		}
	}
	return names, edges
}
