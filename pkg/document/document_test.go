package document

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

func parse(t *testing.T, text string) *Node {
	t.Helper()
	doc, err := Parse("f.yaml", []byte(text))
	require.NoError(t, err)
	return doc.Root
}

func TestParse_scalars(t *testing.T) {
	for kind, texts := range map[Kind][]string{
		Null:  {"null", "Null", "NULL", "~", ""},
		Bool:  {"true", "True", "TRUE", "false", "False", "FALSE"},
		Int:   {"0", "-1", "+12", "0777", "0o17", "0x1F", "9223372036854775808", strings.Repeat("9", 5000), "010"},
		Float: {"1.", ".5", "1.5", "-1e-4", "1E5", "+0.0", ".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e-4", "00.5"},
		String: {"yes", "NO", "on", "off", "2020-01-01", "2020-01-01T00:00:00Z", "1_000", "0b1", "1:30", "nULL", "0o8", "0x", "-0x1", "-.nan",
			"1e", "e5", ".", "+", "tRUE", "..", "1.2.3", "${x}", "a b", "<<", "="},
	} {
		for _, text := range texts {
			node := parse(t, "k: "+text+"\n").Get("k")
			require.Equal(t, kind, node.Kind, text)
			require.Equal(t, text, node.Text)
			require.False(t, node.Quoted)
		}
	}
	for _, text := range []string{`"1"`, "'1'", "|-\n  1", ">-\n  1", "!!str 1", "! 1", "!<tag:yaml.org,2002:str> 1", "&a !!str 1"} {
		require.Equal(t, &Node{Kind: String, Quoted: true, Text: "1"}, bared(parse(t, "k: "+text+"\n").Get("k")), text)
	}
	require.Equal(t, Float, parse(t, "k: !!float 1\n").Get("k").Kind)
	require.Equal(t, Int, parse(t, "k: !!int \"1\"\n").Get("k").Kind)
}

// bared is a node without its place.
func bared(n *Node) *Node { return &Node{Kind: n.Kind, Quoted: n.Quoted, Text: n.Text} }

func TestNode_values(t *testing.T) {
	root := parse(t, "i: 0777\no: 0o17\nx: 0xff\nf: 1e3\ninf: -.inf\nnan: .nan\nbig: 9223372036854775808\nb: True\ns: x\nn: ~\n")
	for key, want := range map[string]int64{"i": 777, "o": 15, "x": 255} {
		got, ok := root.Get(key).Int()
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	_, ok := root.Get("big").Int()
	require.False(t, ok)
	for key, want := range map[string]float64{"i": 777, "f": 1000, "inf": math.Inf(-1), "big": 9223372036854775808} {
		got, ok := root.Get(key).Float()
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	nan, _ := root.Get("nan").Float()
	require.True(t, math.IsNaN(nan))
	yes, ok := root.Get("b").Bool()
	require.True(t, yes && ok)
	text, ok := root.Get("i").Str()
	require.True(t, ok)
	require.Equal(t, "0777", text)
	_, ok = root.Get("n").Str()
	require.False(t, ok)
	require.Nil(t, root.Get("none").Get("at all"))
	require.Equal(t, []string{"i", "o", "x", "f", "inf", "nan", "big", "b", "s", "n"}, root.Keys())
}

func TestParse_places(t *testing.T) {
	for _, text := range []string{
		"é: [ü, {k: 'ö'}]\nlist:\n  - a\n  - b: 1\n",
		"\ufeffé: [ü, {k: 'ö'}]\r\nlist:\r\n  - a\r\n  - b: 1\r\n",
	} {
		root := parse(t, text)
		for _, test := range []struct {
			path             []string
			line, col, width int
		}{
			{nil, 1, 1, 1}, {[]string{"é"}, 1, 4, 13}, {[]string{"é", "[0]"}, 1, 5, 1}, {[]string{"é", "[1]"}, 1, 8, 8}, {[]string{"é", "[1]", "k"}, 1, 12, 3},
			{[]string{"list"}, 3, 3, 1}, {[]string{"list", "[0]"}, 3, 5, 1}, {[]string{"list", "[1]"}, 4, 5, 1}, {[]string{"list", "1", "b"}, 4, 8, 1},
		} {
			node := root.Find(test.path...)
			require.Equal(t, diag.Pos{File: "f.yaml", Line: test.line, Col: test.col}, node.Pos, test.path)
			require.Equal(t, test.width, node.Width(), test.path)
		}
	}
}

func TestNode_errorf(t *testing.T) {
	problem := parse(t, "a:\r\n  déjà: \"x y\" # c\r\n").Find("a", "déjà").Errorf("no %s", "good")
	require.Equal(t, "2:   déjà: \"x y\" # c\n           ^^^^^ no good", drawn(problem))

	long := parse(t, "a: "+strings.Repeat("x", 5000)+"\n").Get("a").Errorf("long")
	require.Empty(t, long.Line)
}

// A separator that only YAML takes for the end of a line is none to people.
func TestParse_placeBehindSeparator(t *testing.T) {
	root := parse(t, "a: b\u2028c: d\ne: f\n")
	require.Equal(t, diag.Pos{File: "f.yaml", Line: 1, Col: 6}, root.Entries[1].Key.Pos)
	require.Equal(t, diag.Pos{File: "f.yaml", Line: 2, Col: 1}, root.Entries[2].Key.Pos)
}

func TestParse_nothing(t *testing.T) {
	for _, text := range []string{"", "\n", "# c\n", "---\n", "\ufeff", "--- # c\n...\n", "\ufeff# c\r\n"} {
		require.Nil(t, parse(t, text), "%q", text)
	}
	require.Equal(t, Null, parse(t, "~\n").Kind)
}

func TestParse_aliases(t *testing.T) {
	root := parse(t, "a: &x {k: 1}\nb: *x\nc: &y 2\n*y : d\ne: &x 3\nf: *x\n")
	require.Equal(t, "1", root.Find("b", "k").Text)
	require.Equal(t, diag.Pos{File: "f.yaml", Line: 2, Col: 4}, root.Get("b").Pos)
	require.Equal(t, diag.Pos{File: "f.yaml", Line: 1, Col: 11}, root.Find("b", "k").Pos)
	require.Equal(t, "d", root.Get("2").Text)
	require.Equal(t, "3", root.Get("f").Text)
}

func TestParse_merge(t *testing.T) {
	root := parse(t, "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  w: 0\n  <<: [*a, *b]\n  x: 9\n")
	require.Equal(t, []string{"w", "y", "z", "x"}, root.Get("c").Keys())
	require.Equal(t, "9", root.Find("c", "x").Text)
	require.Equal(t, "1", root.Find("c", "y").Text)
	require.Equal(t, "2", root.Find("c", "z").Text)

	root = parse(t, "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}\nd: {\"<<\": 1}\n")
	require.Equal(t, []string{"x", "y"}, root.Get("c").Keys())
	require.Equal(t, []string{"<<"}, root.Get("d").Keys())
}

func TestParse_keys(t *testing.T) {
	root := parse(t, "1: a\ntrue: b\n~: c\n\"\": d\n1.0: e\n2020-01-01: f\n")
	require.Equal(t, []string{"1", "true", "~", "", "1.0", "2020-01-01"}, root.Keys())
	require.Equal(t, Int, root.Entries[0].Key.Kind)
}

func TestNode_largeMapIsLookedUp(t *testing.T) {
	root := parse(t, string(pipeline(1000)))
	require.Equal(t, "run 999", root.Find("stages", "s00999", "cmd").Text)
	require.Nil(t, root.Find("stages", "s01000"))
	require.Nil(t, root.Get("stages").WithEntries(root.Get("stages").Entries[:500]).Get("s00999"))
}

func TestNode_replace(t *testing.T) {
	root := parse(t, "a: ${x}\nb: \"${x}\"\n")
	plain, quoted := root.Get("a").Replace("12"), root.Get("b").Replace("12")
	require.Equal(t, Int, plain.Kind)
	require.Equal(t, String, quoted.Kind)
	require.Equal(t, root.Get("a").Pos, plain.Pos)
	require.Equal(t, "${x}", root.Get("a").Text)
	require.Equal(t, "2: b: \"${x}\"\n      ^^^^^^ x", drawn(quoted.Errorf("x")))

	require.Equal(t, "1: a: ${x}\n      ^^^^ x", drawn(plain.Replace("longer").Errorf("x")))
	list := root.WithItems([]*Node{plain, quoted})
	require.Equal(t, root.Pos, list.Pos)
	require.Equal(t, 1, list.Errorf("x").Width)
}

func TestEncode(t *testing.T) {
	value := Fields{
		{"text", "x"}, {"yes", "yes"}, {"n", nil}, {"i", int64(7)}, {"f", 1.0}, {"big", 1e21}, {"nan", math.NaN()}, {"inf", math.Inf(-1)},
		{"none", []string{}}, {"empty", Fields{}}, {"list", []any{1, []string{"a", "b"}, Fields{{"k", true}, {"l", "1"}}}},
		{"map", map[string]any{"b": 2, "a": map[string]string{"y": "z"}}}, {"script", "a\n\n  b: c\n"}, {"cut", "a\nb"}, {"odd", " a\n"},
	}
	want := `text: x
"yes": "yes"
n: null
i: 7
f: 1.0
big: 1e+21
nan: .nan
inf: -.inf
none: []
empty: {}
list:
  - 1
  - - a
    - b
  - k: true
    l: "1"
map:
  a:
    y: z
  b: 2
script: |
  a

    b: c
cut: |-
  a
  b
odd: " a\n"
`
	require.Equal(t, want, string(Encode(value)))
	require.True(t, same(parse(t, want), Of(value)))
	require.Equal(t, "x\n", string(Encode("x")))
	require.Equal(t, "|\n  a\n  b\n", string(Encode("a\nb\n")))
}

func TestQuote(t *testing.T) {
	for _, plain := range []string{"a", "a b", "data/raw.csv", "s3://b/x", "./x", "~/data", "é", "3layers", "src/**/x.py", "-v", "a#b", "v1.2.3-rc"} {
		require.Equal(t, plain, Quote(plain))
	}
	for text, want := range map[string]string{
		"": `""`, "1": `"1"`, "null": `"null"`, "No": `"No"`, "2020-01-01": `"2020-01-01"`, "1_000": `"1_000"`, "1:30": `"1:30"`, "*.py": `"*.py"`,
		"a: b": `"a: b"`, "a #b": `"a #b"`, "${x}": `"${x}"`, " a": `" a"`, "a ": `"a "`, "a:": `"a:"`, "- a": `"- a"`, "---": `"---"`, "<<": `"<<"`,
		"a\tb\n": `"a\tb\n"`, "\x00\u0085\u2028\ufeff": `"\u0000\u0085\u2028\ufeff"`, `a"\`: `a"\`, `"\`: `"\"\\"`, "@x": `"@x"`, "\xff": "\"\ufffd\"",
	} {
		require.Equal(t, want, Quote(text))
	}
}
