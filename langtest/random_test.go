package langtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/stages"
)

// TestExpand_randomLikeDVC loads random pipelines with both tools. FLOW_DIFF_CASES
// sets their number, FLOW_DIFF_SEED the first seed.
func TestExpand_randomLikeDVC(t *testing.T) {
	python := findPython(t)
	base := t.TempDir()
	first, count := number(t, "FLOW_DIFF_SEED", 1), number(t, "FLOW_DIFF_CASES", 60)
	for seed := first; seed < first+count; seed++ {
		g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), 0))}
		pipeline, params := g.project()
		dir := filepath.Join(base, strconv.Itoa(seed))
		require.NoError(t, os.Mkdir(dir, 0o755))
		for name, text := range map[string]string{"dvc.yaml": pipeline, stages.File: pipeline, "params.yaml": params} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		}
	}
	dvc := loadWithDVC(t, python, base)
	taken := 0
	for seed := first; seed < first+count; seed++ {
		name := strconv.Itoa(seed)
		want, got := dvc[name], loadWithFlow(t, filepath.Join(base, name))
		if want.Error != "" && got.Error != "" {
			continue
		}
		taken++
		text, err := os.ReadFile(filepath.Join(base, name, stages.File))
		require.NoError(t, err)
		params, err := os.ReadFile(filepath.Join(base, name, "params.yaml"))
		require.NoError(t, err)
		require.Equal(t, want, got, "seed %d\n%s-- params.yaml --\n%s", seed, text, params)
	}
	t.Logf("%d of %d pipelines were taken", taken, count)
}

func number(t *testing.T, variable string, otherwise int) int {
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// generator makes pipelines that use the template language in most ways that are
// allowed, and now and then in one that is not.
type generator struct {
	*rand.Rand
	scalars, lists, maps []string // expressions
}

func (g *generator) one(from []string) string { return from[g.IntN(len(from))] }

func (g *generator) scalar() string {
	return g.one([]string{"1", "1.0", "1e-4", "1e-5", "-0.5", "true", "False", "word", "x y", "\"it's\"", "007", "1e20", "1.5e300",
		"123456789012345678901", "'1.0'", "a/b", "$x", "é", "'{a}'", "0x1F", "+2", "2.50", "yes", "a=b", "'\\${q}'"})
}

func (g *generator) list() string {
	items := make([]string, 1+g.IntN(3))
	for i := range items {
		items[i] = g.scalar()
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// project writes the params and records what can be named in them.
func (g *generator) project() (pipeline, params string) {
	var p strings.Builder
	for i := range 4 {
		fmt.Fprintf(&p, "s%d: %s\n", i, g.scalar())
		g.scalars = append(g.scalars, fmt.Sprintf("s%d", i))
	}
	for i := range 2 {
		fmt.Fprintf(&p, "l%d: %s\n", i, g.list())
		g.lists = append(g.lists, fmt.Sprintf("l%d", i))
		g.scalars = append(g.scalars, fmt.Sprintf("l%d[0]", i), fmt.Sprintf("l%d.-1", i))
	}
	for i := range 2 {
		fmt.Fprintf(&p, "m%d: {a: %s, b: %s, c: {d: %s, e: %s}}\n", i, g.scalar(), g.scalar(), g.scalar(), g.list())
		g.maps = append(g.maps, fmt.Sprintf("m%d", i), fmt.Sprintf("m%d.c", i))
		g.scalars = append(g.scalars, fmt.Sprintf("m%d.a", i), fmt.Sprintf("m%d[b]", i), fmt.Sprintf("m%d.c.d", i), fmt.Sprintf("m%d[c].e[0]", i))
		g.lists = append(g.lists, fmt.Sprintf("m%d.c.e", i))
	}
	var b strings.Builder
	if g.IntN(3) == 0 {
		key := "v"
		if g.IntN(8) == 0 {
			key = "s0" // is defined twice
		}
		fmt.Fprintf(&b, "vars:\n- %s: %s\n- m0: {z: %s}\n", key, g.scalar(), g.scalar())
		g.scalars = append(g.scalars, "v", "m0.z")
	}
	b.WriteString("stages:\n")
	for i := range 1 + g.IntN(4) {
		g.stage(&b, fmt.Sprintf("a%d", i))
	}
	return b.String(), p.String()
}

// named is a template for something that is there, as a rule.
func (g *generator) named(from []string) string {
	if g.IntN(60) == 0 {
		return g.one([]string{"${nothing}", "${s0.x}", "${l0[9]}", "${m0}", "${l0}", "${a..b}", "${}"})
	}
	name := g.one(from)
	switch g.IntN(6) {
	case 0:
		name = " " + name + " "
	case 1:
		name = strings.ReplaceAll(name, ".", " . ")
	}
	return "${" + name + "}"
}

func (g *generator) cmd(names []string) string {
	words := []string{"run"}
	for range 1 + g.IntN(3) {
		switch g.IntN(6) {
		case 0:
			words = append(words, g.named(g.maps))
		case 1:
			words = append(words, `\`+g.named(names))
		default:
			words = append(words, "-"+g.named(names))
		}
	}
	return "'" + strings.Join(words, " ") + "'"
}

func (g *generator) stage(b *strings.Builder, name string) {
	switch g.IntN(4) {
	case 0:
		g.foreach(b, name)
	case 1:
		g.matrix(b, name)
	default:
		fmt.Fprintf(b, "  %s:\n", name)
		g.body(b, "    ", name, g.scalars)
	}
}

func (g *generator) body(b *strings.Builder, indent, name string, names []string) {
	fmt.Fprintf(b, "%scmd: %s\n", indent, g.cmd(names))
	fmt.Fprintf(b, "%sdeps: ['dep-%s-%s']\n", indent, name, g.named(names))
	if g.IntN(2) == 0 {
		fmt.Fprintf(b, "%sdesc: 'about %s, %s'\n", indent, g.named(names), g.named(names))
	}
	if g.IntN(3) == 0 {
		fmt.Fprintf(b, "%sparams: ['%s', 'k%s', {'f%s.json': ['x%s']}]\n", indent, name, g.named(names), g.named(names), g.named(names))
	}
	if g.IntN(4) == 0 {
		fmt.Fprintf(b, "%svars: [{local: %s}]\n", indent, g.scalar())
	}
}

func (g *generator) foreach(b *strings.Builder, name string) {
	items := []string{"item"}
	data := ""
	switch g.IntN(5) {
	case 0:
		data = "'" + g.named(g.lists) + "'"
	case 1:
		data = fmt.Sprintf("[%s, '%s', '%s']", g.scalar(), g.named(g.scalars), "t-${"+g.one(g.scalars)+"}")
	case 2:
		data = fmt.Sprintf("{k1: {x: %s, y: %s}, k2: {x: '%s', y: '%s'}}", g.scalar(), g.list(), g.named(g.scalars), g.named(g.lists))
		items = []string{"item.x", "item.y[0]", "key"}
	case 3:
		data = fmt.Sprintf("[{x: %s}, {x: '%s'}]", g.scalar(), g.named(g.scalars))
		items = []string{"item.x"}
	default:
		data = fmt.Sprintf("{k1: %s, %s: '%s', 'k-%s': 3}", g.scalar(), g.one([]string{"1", "1.0", "true", "word"}), g.named(g.scalars), "${"+g.one(g.scalars)+"}")
		items = []string{"item", "key"}
	}
	fmt.Fprintf(b, "  %s:\n    foreach: %s\n    do:\n", name, data)
	g.body(b, "      ", name, append(items, g.one(g.scalars)))
}

func (g *generator) matrix(b *strings.Builder, name string) {
	fmt.Fprintf(b, "  %s:\n    matrix:\n", name)
	names := []string{"key"}
	for i := range 1 + g.IntN(3) {
		axis := fmt.Sprintf("x%d", i)
		data := g.list()
		switch g.IntN(4) {
		case 0:
			data = "'" + g.named(g.lists) + "'"
		case 1:
			data = fmt.Sprintf("[%s, '%s', {a: %s}, %s]", g.scalar(), g.named(g.scalars), g.scalar(), g.list())
		}
		fmt.Fprintf(b, "      %s: %s\n", axis, data)
		if data[0] != '[' || !strings.Contains(data, "{a:") {
			names = append(names, "item."+axis)
		}
	}
	g.body(b, "    ", name, names)
}
