package values_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
	"flow/pkg/values"
)

func TestLoad_suffix(t *testing.T) {
	for _, file := range []string{"p.yaml", "p.yml", "params", "p.cfg", "dir.json/p.yaml"} {
		require.Equal(t, []string{"a.b=1"}, lines(load(t, file, "a:\n  b: 1\n").Flatten()), file)
	}
	require.Equal(t, []string{"a.b=1"}, lines(load(t, "P.JSON", `{"a":{"b":1}}`).Flatten()))
	require.Equal(t, []string{"a.b=1"}, lines(load(t, "p.toml", "\ufeffa.b = 1").Flatten()))
	require.Equal(t, []string{"a.b=1"}, lines(load(t, "p.py", "\ufeffclass a:\r\n  b = 1\r\n").Flatten()))
}

func TestLoad_jsonLikePython(t *testing.T) {
	tree := load(t, "m.json", `{"a": 1, "b": 2, "a": 3, "s": "\ud800 \ud83d\ude00 \/"}`)
	require.Equal(t, []string{"a=3", "b=2", "s=\"\ufffd 😀 /\""}, lines(tree.Flatten()))
}

func TestLoad_errors(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for _, row := range []struct{ file, text, place, msg, hint string }{
		{"m.json", "", "1:1", "the file is empty", "write {}"},
		{"m.json", " \n ", "2:2", "the file is empty", ""},
		{"m.json", "{\n  \"é\": 0777}", "2:8", "zeros in front", ""},
		{"m.json", "{\"é\": 1,}", "1:8", "a comma before '}'", "no comma after the last"},
		{"m.json", "[1,\n]", "1:3", "a comma before ']'", ""},
		{"m.json", "{\"a\": None}", "1:7", "expected a value, found None", "did you mean null?"},
		{"m.json", "{\"a\": hello}", "1:7", "found hello", "double quotes"},
		{"m.json", "{'a': 1}", "1:2", "expected a key in double quotes", "double quotes only"},
		{"m.json", "{// no\n}", "1:2", "expected a key", "no comments"},
		{"m.json", `{"a" 1}`, "1:6", "expected ':'", ""},
		{"m.json", `{"a": 1 "b": 2}`, "1:9", "expected ',' or '}'", ""},
		{"m.json", `{"a": 1`, "1:8", "found the end of the file", ""},
		{"m.json", `{} {}`, "1:4", "after the end", ""},
		{"m.json", `{"a": "b`, "1:7", "without a closing quote", ""},
		{"m.json", `["\q"]`, "1:3", "unknown escape", ""},
		{"m.json", "[\"a\tb\"]", "1:4", "control character", ""},
		{"m.json", "[1., 2]", "1:4", "digit after the dot", ""},
		{"m.json", "[-]", "1:2", "expected a value", ""},
		{"m.json", deep, "1:201", "nested more than 200", ""},
		{"m.json", "\xff\xfe{\x00}\x00", "1:1", "UTF-16", "save it as UTF-8"},
		{"m.json", "{\n\"a\": \"\xe9\"}", "2:7", "not UTF-8", "save it as UTF-8"},
		{"m.json", "[" + strings.Repeat("1,", 1_100_000) + "1]", "1:2000000", "more than 1000000 values", ""},
		{"m.json", strings.Repeat(" ", 11<<20), "1:1", "larger than 10 MiB", ""},

		{"p.toml", "é", "1:1", "invalid character at start of key", ""},
		{"p.toml", "a = 1\na = 2", "2:1", `"a" is defined twice`, ""},
		{"p.toml", "[a]\nb.c = 1\n[a.b]\n", "3:4", `"b" is defined twice`, ""},
		{"p.toml", "a = 01", "1:5", "zeroes", ""},
		{"p.toml", "a = ", "1:4", "expected value", ""},
		{"p.toml", "a = 2020-13-01", "1:5", "no date or time", ""},
		{"p.toml", "a = " + deep, "", "nested", ""},
		{"p.toml", "a = \"\\", "", "", ""},
		{"p.toml", "a = [" + strings.Repeat("1,", 1_100_000) + "1]", "1:1", "more than 1000000 values", ""},
		{"p.toml", "a = 0x" + strings.Repeat("f", 100_000), "1:5", "more than 4096 digits", ""},

		{"p.py", "x = (1,\n  2\n", "1:5", "'(' is never closed", ""},
		{"p.py", "x = 'abc\n", "1:5", "without a closing quote", ""},
		{"p.py", "y = 1\nx = '''abc\n", "2:5", "without a closing quote", ""},
		{"p.py", "x = [1)", "1:7", "')' does not close '['", ""},
		{"p.py", "x = 1]", "1:6", "']' closes nothing", ""},
		{"p.py", "x = 0777", "1:5", "zeros in front", ""},
		{"p.py", "x = 1\n  y = 2\n", "2:3", "indentation", ""},
		{"p.py", "class A:\n    x = 1\n  y = 2\n", "3:3", "indentation", ""},
		{"p.py", "class A\n", "1:1", "no colon", ""},
		{"p.py", "x = $5", "1:5", "unexpected character", ""},
		{"p.py", "x = 1\n<<<<<<< HEAD\ny = 1\n", "2:1", "conflict markers", "keep one side"},
		{"p.py", "x = 1 \\ 2", "1:7", "a backslash within a line", ""},
		{"p.py", "x = " + deep, "1:205", "nested more than 200", ""},

		{"p.yaml", "a: 1\na: 2\n", "2:1", "", ""},
		{"p.yaml", "a: [1, 2\n", "", "", ""},
		{"p.yaml", "a: 0x" + strings.Repeat("f", 100_000), "1:4", "more than 4096 digits", ""},
	} {
		_, err := values.Load(row.file, []byte(row.text))
		require.Error(t, err, "%s: %.60q", row.file, row.text)
		requirePlaces(t, row.file, row.text, err)
		first := diag.All(err)[0]
		require.Contains(t, first.Msg, row.msg)
		require.Contains(t, first.Hint, row.hint)
		if row.place != "" {
			require.Equal(t, row.file+":"+row.place, first.Pos.String(), first.Msg)
		}
	}
}

// requirePlaces checks that each error stands within the text.
func requirePlaces(t require.TestingT, file, text string, err error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if strings.HasSuffix(file, ".yaml") && strings.ContainsAny(strings.ReplaceAll(text, "\r\n", "\n"), "\r\u0085\u2028\u2029") {
		return // what else ends a line in YAML is document's to say
	}
	all := strings.Split(text, "\n")
	problems := diag.All(err)
	require.NotEmpty(t, problems)
	for _, problem := range problems {
		pos := problem.Pos
		require.Equal(t, file, pos.File)
		require.True(t, pos.Line >= 1 && pos.Line <= len(all), "%v of %d lines: %v", pos, len(all), err)
		require.True(t, pos.Col >= 0 && pos.Col <= len([]rune(all[pos.Line-1]))+1, "%v: %v", pos, err)
		require.NotContains(t, problem.Msg, "\n")
		require.NotEmpty(t, problem.Msg)
		if problem.Line != "" {
			require.Equal(t, printable(strings.TrimSuffix(all[pos.Line-1], "\r")), problem.Line)
		}
	}
}

// printable is a line as an error may show it.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(line, "\ufffd"))
}

func TestLoad_toml(t *testing.T) {
	tree := load(t, "p.toml", `
title = "x"
a.b.c = 1
a.b.d = [ 1, [ 2, [ ] ], { e = 3 } ]
[deep.down.table]
v = +1_000
[deep]
w = 07:32:00
[[list]]
n = 1
[list.sub]
k = 1979-05-27 07:32:00Z
[[list]]
n = 2
`)
	require.Equal(t, []string{`title="x"`, "a.b.c=1", `a.b.d=[1,[2,[]],{"e":3}]`, "deep.down.table.v=1000", `deep.w="07:32:00"`,
		`list=[{"n":1,"sub":{"k":"1979-05-27 07:32:00Z"}},{"n":2}]`}, lines(tree.Flatten()))
	at, found := tree.At("list.1.n")
	require.True(t, found)
	require.Equal(t, "2", string(at.JSON()))
}

func TestLoad_tomlDefinesOnce(t *testing.T) {
	for _, text := range []string{
		"[a]\n[a]", "a = 1\n[a]", "[a]\nb = 1\n[a.b]", "[a.b]\n[a]\nb = 1", "a = {x = 1}\n[a.y]", "a = {x = 1}\na.y = 2", "a = [1]\n[[a]]", "[[a]]\n[a]",
		"[a]\n[[a]]", "a.b = 1\n[a]", "[a.b.c]\nz = 9\n[a]\nb.c.t = 1", "x = {a = 1, a = 2}", "x = {a.b = 1, a = 2}", "x = {a = {b = 1}, a.c = 2}",
		"[[a.b]]\n[a]\nb.y = 2", "a = [{b = 1}]\n[a.c]", "a.b = 1\na.b.c = 2", "[a]\nb.c = 1\n[x]\n[a.b]",
	} {
		_, err := values.Load("p.toml", []byte(text))
		require.ErrorContains(t, err, "defined twice", text)
	}
	for _, text := range []string{"[a.b]\n[a]\n", "a.b = 1\na.c = 2", "[a]\nb.c = 1\nb.d = 2\n[a.e]", "[[a]]\n[a.b]\n[[a]]\n[a.b]", "[a.b]\nx=1\n[a]\nc.d = 1", "[a]\nb.c=1\n[a.b.d]"} {
		load(t, "p.toml", text)
	}
}

func TestLoad_python(t *testing.T) {
	tree := load(t, "p.py", `#!/usr/bin/env python
"""A module; x = 1"""
from os import path
import sys; seed = 42; name = 'a' "b" r'\n'
lr: float = 1e-3   # comment
nothing: int
neg = -5; plus = +.5
flag, other = 1, 2
a = b = 3
total = 60 * 60
total += 1
f = f"{seed}"
raw = b"bytes"
pair = 1, "two"
one = (1)
tuple1 = (1,)
none = None
squares = [i for i in range(3)]
env = path.join("a", "b")
long = [
    1, 2,  # two
    {"k": (True, None), 3: "x"},
]
back = \
    7
tags = {"b", "a", "a"}
empty = {}
text = """two
lines \
joined\t\x41\101\u00e9"""
odd = "\d\N{DEGREE SIGN}"
if seed:
    hidden = 1
elif name: hidden = 2
else: hidden = 3
for i in []:
    hidden = 4

    hidden = 5
# comment at the margin
    hidden = 6
match = 8
lr = something(lr)
z = 1 if seed else 2
Z = 0x_ff; c = 1j; s = x[1:2]; spread = [*tags]; half = 1.
typed: dict[str, int] = {"a": 1}

class Train(Base, metaclass=M):
    """Doc."""
    epochs = 10
    class Inner: depth = 2
    @property
    def prop(self):
        no = 1
    def __init__(self, a: int = 3, *b) -> None:
        self.size = 5; local = 6
        self.rate: float = 0.5
        other.x = 1
        if a:
            self.hidden = 1
    tail = "t"
class Empty: pass
class One: x = 1; y = 2
async def main():
    self.x = 1
end = "end"`)
	require.Equal(t, []string{
		"seed=42", `name="ab\\n"`, "lr=0.001", "neg=-5", "plus=0.5", `pair=[1,"two"]`, "one=1", "tuple1=[1]", "none=null",
		`long=[1,2,{"3":"x","k":[true,null]}]`, "back=7", `tags=["a","b"]`, "empty={}", `text="two\nlines joined\tAAé"`, "match=8", "Z=255", "half=1",
		"typed.a=1", "Train.epochs=10", "Train.Inner.depth=2", "Train.size=5", "Train.rate=0.5", `Train.tail="t"`, "One.x=1", "One.y=2", `end="end"`,
	}, lines(tree.Flatten()))
}
