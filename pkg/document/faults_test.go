package document

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

// drawn is a problem as a person would see it: the line, the carets, and the words.
func drawn(problem *diag.Error) string {
	text := fmt.Sprintf("%d: %s\n   %s%s %s", problem.Pos.Line, problem.Line,
		strings.Repeat(" ", problem.Pos.Col-1), strings.Repeat("^", problem.Width), problem.Msg)
	if problem.Hint != "" {
		text += "; " + problem.Hint
	}
	for _, note := range problem.Notes {
		text += fmt.Sprintf(" (%d:%d %s)", note.Pos.Line, note.Pos.Col, note.Msg)
	}
	return text
}

func TestParse_faults(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"duplicate keys": {"a: 1\nb: {c: 1, é: 2, c: 3}\na: 2\n", []string{
			"2: b: {c: 1, é: 2, c: 3}\n                   ^ the key \"c\" is there twice; remove one of them (2:5 first here)",
			"3: a: 2\n   ^ the key \"a\" is there twice; remove one of them (1:1 first here)"}},
		"duplicate key, quoted": {"\"1\": a\n1: b\n", []string{
			"2: 1: b\n   ^ the key \"1\" is there twice; remove one of them (1:1 first here)"}},
		"tab": {"a:\n  b: 1\n\tc: 2\n", []string{
			"3: \tc: 2\n   ^ the line is indented with a tab; use spaces"}},
		"tab at the start": {"a:\n\t\tb: 1\n", []string{
			"2: \t\tb: 1\n   ^^ the line is indented with a tab; use spaces"}},
		"tab in a block": {"a: |\n  x\n\ty\n", []string{
			"3: \ty\n   ^ the line is indented with a tab; use spaces"}},
		"tag": {"a: !!python/object:os.system x\nb: !mine [1]\nc: !!set {a}\nd: !!timestamp 2020-01-01\n", []string{
			"1: a: !!python/object:os.system x\n      ^^^^^^^^^^^^^^^^^^^^^^^^^ the tag !!python/object:os.system is not supported here; remove it, or put quotes around a text that starts with !",
			"2: b: !mine [1]\n      ^^^^^ the tag !mine is not supported here; remove it, or put quotes around a text that starts with !",
			"3: c: !!set {a}\n      ^^^^^ the tag !!set is not supported here; remove it, or put quotes around a text that starts with !",
			"4: d: !!timestamp 2020-01-01\n      ^^^^^^^^^^^ the tag !!timestamp is not supported here; remove it, or put quotes around a text that starts with !"}},
		"tag that does not fit": {"a: !!int x\n", []string{
			"1: a: !!int x\n      ^^^^^^^ \"x\" is no number, which the tag !!int asks for"}},
		"second document": {"a: 1\n---\nb: 2\n", []string{
			"3: b: 2\n   ^ the file holds a second document; keep one, or write them into files of their own"}},
		"second document and more": {"a: 1\na: 2\n---\nb: 2\n", []string{
			"2: a: 2\n   ^ the key \"a\" is there twice; remove one of them (1:1 first here)",
			"4: b: 2\n   ^ the file holds a second document; keep one, or write them into files of their own"}},
		"self alias": {"a: &a [1, *a]\n", []string{
			"1: a: &a [1, *a]\n             ^^ the alias *a stands inside the value that it names"}},
		"self alias, deep": {"a: &a\n  b:\n    - c: *a\n", []string{
			"3:     - c: *a\n            ^^ the alias *a stands inside the value that it names"}},
		"alias without anchor": {"x: 1\nglob: *csv\n", []string{
			"2: glob: *csv\n         ^^^^ the alias *csv has no anchor &csv before it; put quotes around a text that starts with *"}},
		"glob": {"deps: [a, *.csv]\n", []string{
			"1: deps: [a, *.csv]\n             ^ a text can't start with *, which is for aliases and anchors; put quotes around it"}},
		"merge of a scalar": {"a:\n  <<: 1\n", []string{
			"2:   <<: 1\n         ^ << needs a mapping, or a list of them, not a number"}},
		"mapping as a key": {"a: {{ x }}\n", []string{
			"1: a: {{ x }}\n       ^^^^^ a key must be a text, not a mapping; put quotes around a text that starts with { or ["}},
		"key that is not there": {"? # c\n: 1\n", []string{"1: ? # c\n    ^ a key is missing"}},
		"not UTF-8": {"a: 1\nb: caf\xe9\n", []string{
			"2: b: caf\ufffd\n         ^ the file is not UTF-8; save it as UTF-8"}},
		"UTF-16": {"\xff\xfea\x00:\x00", []string{
			"1: \ufffd\ufffda\ufffd:\ufffd\n   ^ the file is UTF-16; save it as UTF-8"}},
		"UTF-16 without a mark": {"a\x00:\x00", []string{
			"1: a\ufffd:\ufffd\n   ^ the file is UTF-16; save it as UTF-8"}},
		"control characters": {"a: \x1b[31m\nb: \x00\n", []string{
			"1: a: \ufffd[31m\n      ^ the control character U+001B can't be in a YAML file; remove it, or write it as an escape in double quotes",
			"2: b: \ufffd\n      ^ the control character U+0000 can't be in a YAML file; remove it, or write it as an escape in double quotes"}},
		"list not closed": {"x: 1\na: [1, 2\nb: 3\n", []string{
			"2: a: [1, 2\n      ^ the list that starts here is not closed, or a comma is missing in it; close it with ]"}},
		"mapping not closed": {"a: {b: 1\nc: 3\n", []string{
			"1: a: {b: 1\n      ^ the mapping that starts here is not closed, or a comma is missing in it; close it with }"}},
		"file ends in a list": {"a: [b,\n", []string{"1: a: [b,\n        ^ the file ends before the brackets are closed"}},
		"template in braces": {"x: 1\na: {k: ${b}}\n", []string{
			"2: a: {k: ${b}}\n      ^ the mapping that starts here is not closed, or a comma is missing in it; put quotes around a text that holds braces"}},
		"quote not closed": {"x: 1\n\na: \"b\nc: d\n", []string{
			"3: a: \"b\n      ^ the quote that starts here is not closed; close it"}},
		"quote inside": {"x: 1\na: 'it's'\n", []string{
			"2: a: 'it's'\n          ^^ the quoted text ends before this; put quotes around the whole, and write a quote inside them twice ('') or as \\\""}},
		"escape": {"a: 'x'\nb: \"C:\\data\"\n", []string{
			"2: b: \"C:\\data\"\n         ^^ the \\ starts an escape that YAML does not know; use single quotes, or write \\\\ for one \\"}},
		"no colon": {"a: 1\nb\nc: 3\n", []string{
			"2: b\n   ^ a colon is missing behind the key; write \"b: …\", or indent the line if it goes on with the one above"}},
		"no blank behind the colon": {"a:1\nb: 2\n", []string{
			"1: a:1\n    ^ a blank is missing behind the colon"}},
		"two colons": {"x: 1\nmsg: it's: here\n", []string{
			"2: msg: it's: here\n            ^ a value can't hold a colon followed by a blank; put quotes around the value"}},
		"deeper": {"a: 1\n  b: 2\n", []string{
			"2:   b: 2\n     ^^^^ the key is indented deeper than the line above allows; align it with the keys that it belongs to"}},
		"between": {"stages:\n  a:\n    cmd: x\n   deps: [a]\n  b:\n    cmd: y\n", []string{
			"4:    deps: [a]\n      ^^^^^^^^^ the indentation fits no line above; align it with the keys that it belongs to"}},
		"item among keys": {"x: 1\na: 2\n- b\nc: 3\n", []string{
			"3: - b\n   ^^^ a list item can't stand among keys; align it with the items that it belongs to"}},
		"key among items": {"a:\n  - b\n  c: 1\n", []string{
			"3:   c: 1\n     ^^^^ this is no item of the list above; start it with a dash, or align it with the keys it belongs to"}},
		"list behind a key": {"a: - b\n", []string{
			"1: a: - b\n      ^ a list can't start on the line of its key; start it on the next line, or write [a, b]"}},
		"at sign": {"a: 1\nb: @x\n", []string{"2: b: @x\n      ^ a text can't start with @; put quotes around it"}},
		"block header": {"a: |x\n  y\n", []string{
			"1: a: |x\n      ^^ behind | only a comment can stand; start the text on the next line, or put quotes around it"}},
		"bracket too many": {"{a: 1}}\n", []string{
			"1: {a: 1}}\n         ^ the document is complete before this; remove it, or check the brackets and quotes before it"}},
		"comma too many":      {"a: [1,,2]\n", []string{"1: a: [1,,2]\n         ^ a value is missing before this"}},
		"starts with a comma": {"a: ,b\n", []string{"1: a: ,b\n      ^ a value is missing before this"}},
		"starts with a brace": {"a: }b\n", []string{"1: a: }b\n      ^ a value can't start with }; put quotes around it"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, newline := range []string{"\n", "\r\n"} {
				_, err := Parse("f.yaml", []byte(strings.ReplaceAll(test.text, "\n", newline)))
				require.Error(t, err)
				var got []string
				for _, problem := range diag.All(err) {
					require.Equal(t, "f.yaml", problem.Pos.File)
					got = append(got, drawn(problem))
				}
				require.Equal(t, test.want, got)
			}
		})
	}
}

func TestParse_bounds(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 10; i++ {
		alias := fmt.Sprintf("*a%d", i-1)
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(alias+", ", 10), ", "))
	}
	chain := "a0: &a0 [x]\n"
	for i := 1; i < 300; i++ {
		chain += fmt.Sprintf("a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	for name, test := range map[string]struct{ text, want string }{
		"alias bomb":        {bomb, "f.yaml:7:10: with the alias *a5, the file holds more values than the limit of 2000000"},
		"deep by aliases":   {chain, "f.yaml:199:14: with the alias *a197, values are nested deeper than the limit of 200 levels"},
		"deep brackets":     {strings.Repeat("[", 300) + strings.Repeat("]", 300), "f.yaml:1:201: values are nested deeper than the limit of 200 levels"},
		"very deep":         {strings.Repeat("[", 20_000), "f.yaml:1:1: values are nested deeper than the limit of 200 levels"},
		"very deep, closed": {strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), "f.yaml:1:201: values are nested deeper than the limit of 200 levels"},
		"very deep dashes":  {strings.Repeat("- ", 15_000), "f.yaml:1:1: values are nested deeper than the limit of 200 levels"},
		"large":             {strings.Repeat("#", maxSize+1), "f.yaml:1:1: the file is larger than 32 MiB"},
		"many values":       {strings.Repeat("-\n", maxNodes+1), "f.yaml:2000000:2: the file holds more values than the limit of 2000000"},
		"far too many":      {strings.Repeat("{a,", 4_000_000), "f.yaml:1:1: the file may hold more values than the limit of 2000000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(test.text))
			require.Error(t, err)
			require.Equal(t, test.want, diag.All(err)[0].Error())
		})
	}
}

func TestParse_manyProblems(t *testing.T) {
	_, err := Parse("f.yaml", []byte(strings.Repeat("a: 1\n", 1000)))
	list := diag.All(err)
	require.Len(t, list, maxShown+1)
	require.Equal(t, "f.yaml:102:1: there are more problems; they are shown when these are mended", list[maxShown].Error())
}

func TestParse_mergesBeyondBounds(t *testing.T) {
	var text strings.Builder
	text.WriteString("base: &b\n")
	for i := range 2000 {
		fmt.Fprintf(&text, "  k%d: 1\n", i)
	}
	for i := range 600 {
		fmt.Fprintf(&text, "m%d: {<<: *b}\n", i)
	}
	_, err := Parse("f.yaml", []byte(text.String()))
	require.ErrorContains(t, err, "with the alias *b, the file holds more values than the limit of 2000000")
}
