package stages

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

// bomb is a few lines that aliases make a billion values of, behind some blanks.
func bomb(indent string) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		alias := fmt.Sprintf("*a%d", i)
		fmt.Fprintf(&b, "%sa%d: &a%d [%s]\n", indent, i+1, i+1, strings.Join([]string{alias, alias, alias, alias, alias, alias, alias, alias, alias, alias}, ", "))
	}
	return b.String()
}

func utf16Text(text string) string {
	b := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit), byte(unit>>8))
	}
	return string(b)
}

const fine = "stages:\n  a: {cmd: 'x ${x}'}\n"

// TestParse_hostile: a text that can't be read, the pipeline's or that of a file which it
// reads, is refused at once, with its place.
func TestParse_hostile(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for name, test := range map[string]struct{ text, file, content, says string }{
		"aliases that explode":              {bomb("") + fine, "", "", "pipeline.yaml:7:10: with the alias *a5, the file holds more values than the limit"},
		"aliases that explode, in vars":     {"vars:\n  - " + bomb("    ") + fine, "", "", "pipeline.yaml:8:14: with the alias *a5, the file holds more values"},
		"aliases that explode, in params":   {fine, "params.yaml", bomb(""), "params.yaml:7:10: with the alias *a5, the file holds more values"},
		"an alias inside itself":            {"vars: [{x: &x [*x]}]\n" + fine, "", "", "pipeline.yaml:1:16: the alias *x stands inside the value that it names"},
		"nested deep":                       {"vars: " + deep, "", "", "pipeline.yaml:1:206: values are nested deeper than the limit of 200 levels"},
		"nested deep, in params":            {fine, "params.yaml", "x: " + deep, "params.yaml:1:203: values are nested deeper"},
		"nested deep, in json":              {"vars: [v.json]\n" + fine, "v.json", `{"x": ` + deep + "}", "v.json:1:206: nested more than 200 levels deep"},
		"a file too large":                  {"#" + strings.Repeat("x", 33<<20), "", "", "pipeline.yaml:1:1: the file is larger than 32 MiB"},
		"a params file too large":           {fine, "params.yaml", "x: " + strings.Repeat("x", 33<<20), "params.yaml:1:1: the file is larger than 32 MiB"},
		"a key twice":                       {"stages:\n  a: {cmd: x}\n  a: {cmd: y}\n", "", "", `pipeline.yaml:3:3: the key "a" is there twice`},
		"a key twice, in params":            {fine, "params.yaml", "x: 1\nx: 2\n", `params.yaml:2:1: the key "x" is there twice`},
		"a key twice, in toml":              {"vars: [v.toml]\n" + fine, "v.toml", "x = 1\nx = 2\n", `v.toml:2:1: "x" is defined twice`},
		"a tab":                             {"stages:\n\ta:\n\t\tcmd: x\n", "", "", "pipeline.yaml:2:1: the line is indented with a tab"},
		"UTF-16":                            {utf16Text(fine), "", "", "pipeline.yaml:1:1: the file is UTF-16"},
		"UTF-16, in params":                 {fine, "params.yaml", utf16Text("x: 1\n"), "params.yaml:1:1: the file is UTF-16"},
		"Latin-1":                           {"# caf\xe9\n" + fine, "", "", "pipeline.yaml:1:6: the file is not UTF-8"},
		"Latin-1, in json":                  {"vars: [v.json]\n" + fine, "v.json", "{\"x\": \"caf\xe9\"}", "v.json:1:11: the file is not UTF-8"},
		"a NUL byte":                        {"stages:\x00\n", "", "", "pipeline.yaml:1:8: the control character U+0000 can't be in a YAML file"},
		"a list at the top":                 {"- a\n", "", "", "pipeline.yaml:1:1: the pipeline must be a mapping, not a list"},
		"a list at the top, in params":      {fine, "params.yaml", "- a\n", "params.yaml:1:1: params.yaml must be a mapping to be used in templates, not a list"},
		"two documents":                     {fine + "---\n" + fine, "", "", "pipeline.yaml:4:1: the file holds a second document"},
		"a tag of Python":                   {"stages: !!python/object:os.system {a: 1}\n", "", "", "pipeline.yaml:1:9: the tag !!python/object:os.system is not supported here"},
		"conflict markers":                  {"<<<<<<< HEAD\n" + fine + "=======\n>>>>>>> x\n", "", "", "pipeline.yaml:1:1: the file has git's conflict markers"},
		"a trailing comma, in json":         {"vars: [v.json]\n" + fine, "v.json", "{\"x\": 1,}", "v.json:1:8: a comma before '}'"},
		"brackets not closed, in toml":      {"vars: [v.toml]\n" + fine, "v.toml", "x = 1\ny = [\n", "v.toml:2:6: array is incomplete"},
		"brackets not closed, in python":    {"vars: [v.py]\n" + fine, "v.py", "x = [1\n", "v.py:1:5: '[' is never closed"},
		"what is wrong in an included file": {"include: [v.yaml]\n", "v.yaml", "stages:\n  b: {cmd: 'y ${z}'}\n", `v.yaml:2:15: nothing is called "z"`},
	} {
		t.Run(name, func(t *testing.T) {
			files := folder{}
			if test.file != "" {
				files[test.file] = test.content
			}
			_, err := Parse(File, []byte(test.text), files.read)
			problems := diag.All(err)
			require.NotEmpty(t, problems)
			require.True(t, strings.HasPrefix(problems[0].Error(), test.says), "%v", problems[0])
		})
	}
}

// TestParse_tolerant: what is odd and harmless is read.
func TestParse_tolerant(t *testing.T) {
	for name, text := range map[string]string{
		"a byte order mark":    "\ufeff" + fine,
		"lines of Windows":     strings.ReplaceAll(fine, "\n", "\r\n"),
		"no break at the end":  strings.TrimSpace(fine),
		"names of other kinds": "stages:\n  1: {cmd: 'x ${x}', outs: [5]}\n  true: {cmd: y, deps: [5]}\n  1.5: {cmd: z}\n",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(File, []byte(text), folder{"params.yaml": "\ufeffx: 1\r\n"}.read)
			require.NoError(t, err)
			require.Equal(t, "x 1", p.Stages[0].Cmd[0])
		})
	}
}
