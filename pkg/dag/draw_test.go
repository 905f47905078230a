package dag

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden drawings anew")

// parse reads lines such as "train: prepare featurize".
func parse(t require.TestingT, text string) *Graph {
	var names []string
	var edges []Edge
	for line := range strings.Lines(text) {
		to, from, _ := strings.Cut(strings.TrimSpace(line), ":")
		if to == "" {
			continue
		}
		names = append(names, to)
		for _, name := range strings.Fields(from) {
			edges = append(edges, Edge{From: name, To: to})
		}
	}
	g, err := Build(names, edges)
	require.NoError(t, err)
	return g
}

func fan(n int) string {
	text, all := "source:\n", ""
	for i := range n {
		text += fmt.Sprintf("train_model_%d: source\n", i+1)
		all += fmt.Sprintf(" train_model_%d", i+1)
	}
	return text + "report:" + all
}

// each is a pipeline that does the same for each of n models.
func each(n int) string {
	text, all := "prepare:\n", ""
	for i := range n {
		text += fmt.Sprintf("train@%d: prepare\n", i)
	}
	for i := range n {
		text += fmt.Sprintf("evaluate@%d: train@%d prepare\n", i, i)
		all += fmt.Sprintf(" evaluate@%d", i)
	}
	return text + "compare:" + all + "\nreport: compare"
}

func TestDraw_tangledIsAList(t *testing.T) {
	names, edges := wide(60)
	g, err := Build(names, edges)
	require.NoError(t, err)
	text := g.Draw(Drawing{Width: 200})
	require.Regexp(t, `\(as boxes, lines would cross \d+ times: one line each; --mermaid or --dot shows all, a TARGET its part\)\n$`, text)
	found, err := traceLanes(text, names)
	require.NoError(t, err)
	require.Equal(t, byName(g.Edges()), byName(found))
}

func TestDraw_golden(t *testing.T) {
	mark := func(name string) string { return name + "  ✔" }
	ascii := Drawing{Width: 100, ASCII: true}
	for name, test := range map[string]struct {
		graph   string
		drawing Drawing
	}{
		"chain":       {"prepare:\nfeaturize: prepare\ntrain: featurize\nevaluate: train", Drawing{Width: 100}},
		"dvc":         {"prepare:\nfeaturize: prepare\ntrain: featurize\nevaluate: train featurize", Drawing{Width: 100, Label: mark}},
		"diamond":     {"a:\nb: a\nc: a\nd: b c", Drawing{Width: 100, Label: mark}},
		"fan5":        {fan(5), Drawing{Width: 100}},
		"fan12":       {fan(12), Drawing{Width: 100}},
		"skip":        {"a:\nb: a\nc: b\nd: c\ne: d a\nf: e b a", Drawing{Width: 100}},
		"many":        {"single:\na:\nb: a\nx:\ny:\nz: x y\nlone:\nother:", Drawing{Width: 100}},
		"single":      {"train:", Drawing{}},
		"wide":        {"データ準備:\n训练: データ準備\n평가: データ準備 训练", Drawing{Width: 100, Label: func(name string) string { return name + "\n✔ 1.2s" }}},
		"ml30":        {readFile(t, "ml30.graph"), Drawing{Width: 100}},
		"ml30-60":     {readFile(t, "ml30.graph"), Drawing{Width: 60, Label: mark}},
		"ml30-ascii":  {readFile(t, "ml30.graph"), ascii},
		"ml30-40":     {readFile(t, "ml30.graph"), Drawing{Width: 30}},
		"ml30-12":     {readFile(t, "ml30.graph"), Drawing{Width: 12}},
		"lanes":       {readFile(t, "ml30.graph"), Drawing{Width: 100, Boxes: 29, Label: mark}},
		"lanes-ascii": {readFile(t, "ml30.graph"), Drawing{Width: 100, Boxes: 29, ASCII: true}},
		"lanes-fan":   {fan(61), Drawing{Width: 80}},
		"lanes-each":  {each(30), Drawing{Width: 80}},
	} {
		t.Run(name, func(t *testing.T) {
			text := parse(t, test.graph).Draw(test.drawing)
			file := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
			}
			golden, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(golden), text)
		})
	}
	require.Empty(t, parse(t, "").Draw(Drawing{}))
}

func readFile(t *testing.T, name string) string {
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(text)
}

// A person who follows the lines finds the edges, all of them and no others.
func TestDraw_traced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := randomGraph(t, 25)
		drawing := Drawing{Width: rapid.SampledFrom([]int{0, 0, 40, 60, 80, 100, 140}).Draw(t, "width")}
		if rapid.IntRange(0, 4).Draw(t, "list") == 0 {
			drawing.Boxes = 1
		}
		lines := map[string]int{}
		for _, name := range g.Names() {
			lines[name] = rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "lines")
		}
		drawing.Label = func(name string) string { return name + strings.Repeat("\nok", lines[name]-1) }
		text := g.Draw(drawing)
		require.Equal(t, text, g.Draw(drawing), "two drawings differ")
		if strings.Contains(text, "lanes do not fit") {
			return
		}
		for _, name := range g.Names() {
			require.Equal(t, 1, strings.Count(text, name), "%s in\n%s", name, text)
		}
		found := traceBoxes
		if strings.HasSuffix(text, ")\n") {
			found = traceLanes
		} else if drawing.Width > 0 {
			for line := range strings.Lines(text) {
				require.LessOrEqual(t, textWidth(strings.TrimSuffix(line, "\n")), drawing.Width, text)
			}
		}
		edges, err := found(text, g.Names())
		require.NoError(t, err, text)
		require.Equal(t, byName(g.Edges()), byName(edges), text)

		drawing.ASCII = true
		require.Equal(t, plain(text), plain(g.Draw(drawing)))
	})
}

// plain makes box glyphs and their ASCII forms alike.
func plain(text string) string {
	return strings.NewReplacer(
		"╭", "+", "╮", "+", "╰", "+", "╯", "+", "├", "+", "┤", "+", "┬", "+", "┴", "+", "┼", "+", ".", "+", "'", "+",
		"│", "|", "─", "-", "●", "*", "○", "o",
		"║", ":", "╢", "#", "╟", "#", "╫", "#", "╜", "#", "╙", "#", "╨", "#",
	).Replace(text)
}

func byName(edges []Edge) []Edge {
	edges = append([]Edge{}, edges...)
	slices.SortFunc(edges, func(a, b Edge) int { return strings.Compare(a.From+" "+a.To, b.From+" "+b.To) })
	return edges
}

// randomGraph returns up to n nodes with names of different lengths: N00, N01xx, …
func randomGraph(t *rapid.T, n int) *Graph {
	n = rapid.IntRange(1, n).Draw(t, "nodes")
	names := make([]string, n)
	var edges []Edge
	dense := rapid.SampledFrom([]int{0, 1, 1, 2, 2, 3, 6}).Draw(t, "dense")
	near := rapid.SampledFrom([]int{2, 5, 25}).Draw(t, "near")
	for i := range names {
		names[i] = fmt.Sprintf("N%02d", i) + strings.Repeat("x", rapid.IntRange(0, 9).Draw(t, "length"))
		for range rapid.IntRange(0, dense).Draw(t, "edges") {
			if i > 0 {
				edges = append(edges, Edge{From: names[rapid.IntRange(max(0, i-near), i-1).Draw(t, "from")], To: names[i]})
			}
		}
	}
	g, err := Build(names, edges)
	require.NoError(t, err)
	return g
}

// Whatever the labels are, they stay inside of the width, and can't steer the terminal.
func FuzzDraw(f *testing.F) {
	f.Add("prepare\x00train\x00evaluate", uint8(40), uint16(0xffff))
	f.Add("\u0301a\x00データ\x00\x1b[31m", uint8(9), uint16(5))
	f.Fuzz(func(t *testing.T, all string, width uint8, joined uint16) {
		var names []string
		var edges []Edge
		labels := strings.Split(all, "\x00")
		for i := range min(len(labels), 16) {
			names = append(names, fmt.Sprint("n", i))
			if i > 0 && joined&(1<<i) != 0 {
				edges = append(edges, Edge{From: names[i/2], To: names[i]}, Edge{From: names[i-1], To: names[i]})
			}
		}
		g, err := Build(names, edges)
		require.NoError(t, err)
		text := g.Draw(Drawing{Width: int(width), Label: func(name string) string {
			return labels[slices.Index(names, name)]
		}})
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		for i, line := range lines {
			last := i == len(lines)-1 && strings.HasPrefix(line, "(")
			require.True(t, width == 0 || last || textWidth(line) <= int(width), text)
			require.NotContains(t, line, "\x1b")
		}
	})
}
