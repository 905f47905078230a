package stages

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
	"flow/pkg/document"
)

const templated = `vars:
  - more.yaml
  - other.json:k,l
  - {word: hello, model: {depth: 3}}
params: ['${word}.yaml']
stages:
  plain:
    cmd: run ${word} ${model} \${HOME}
    vars: [{local: 1}]
    frozen: ${off}
    outs: ['${word}-${local}': {cache: '${off}'}]
  each:
    foreach: ${langs}
    do:
      cmd: run ${item}
      outs: ['${item}.out']
  pair:
    foreach: {a: {n: 1}, b: {n: 2}}
    do: {cmd: 'run ${key} ${item.n}'}
  all:
    matrix: {lang: '${langs}', seed: [1, 2.0], o: [{x: 1}]}
    cmd: run ${item.lang} ${item.seed} ${item.o.x} ${key}
`

// folder is files by name.
type folder map[string]string

func (f folder) read(name string) ([]byte, error) {
	if text, found := f[name]; found {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
}

var templatedFiles = folder{
	"params.yaml": "off: false\nlangs: [us, uk]\n", "more.yaml": "model: {width: 4}\n", "other.json": `{"k": 1, "l": 2, "word": "not taken"}`,
}

func TestParse_templates(t *testing.T) {
	p, err := Parse("pipeline.yaml", []byte(templated), templatedFiles.read)
	require.NoError(t, err)
	require.Equal(t, []string{
		"plain", "each@us", "each@uk", "pair@a", "pair@b",
		"all@us-1-o0", "all@us-2.0-o0", "all@uk-1-o0", "all@uk-2.0-o0",
	}, p.Names())
	plain, _ := p.Stage("plain")
	require.Equal(t, []string{"run hello --width 4 --depth 3 ${HOME}"}, plain.Cmd)
	require.Equal(t, "hello-1", plain.Outs[0].Path)
	require.False(t, plain.Outs[0].Cache)
	require.Empty(t, plain.Group)
	each, _ := p.Stage("each@uk")
	require.Equal(t, []string{"run uk"}, each.Cmd)
	require.Equal(t, "each", each.Group)
	require.Equal(t, 12, each.Pos.Line)
	require.Equal(t, 16, each.Outs[0].Pos.Line)
	pair, _ := p.Stage("pair@b")
	require.Equal(t, []string{"run b 2"}, pair.Cmd)
	all, _ := p.Stage("all@uk-2.0-o0")
	require.Equal(t, []string{"run uk 2.0 1 uk-2.0-o0"}, all.Cmd)
	require.Equal(t, "hello.yaml", p.Params[0].Path)
}

// TestParse_defaults: what follows :- stands for a name that is not defined or empty.
func TestParse_defaults(t *testing.T) {
	files := folder{"params.yaml": "lr: 0.1\nnone:\nempty: ''\nlist: [1, 2]\nmap: {a: 1, n: ~}\n'odd:-name': 7\noff: true\nopts: {a: 1}\n"}
	for template, want := range map[string]string{
		"x ${lr:-1}":           "x 0.1",
		"x ${no:-1e-4}":        "x 1e-4", // as it is written
		"${no:-1e-4}":          "0.0001", // a number, as from params.yaml
		"${no:-a b}":           "a b",
		"x ${no:-}.":           "x .",
		"x ${none:-y}":         "x y",
		"x ${none.z:-y}":       "x y",
		"x ${map.n:-y}":        "x y",
		"x [${empty:-y}]":      "x []",
		"x ${list[1]:-y}":      "x 2",
		"x ${list[2]:-y}":      "x y",
		"x ${map.a:-y}":        "x 1",
		"x ${map.b:-y.z[0]}":   "x y.z[0]",
		"x ${no.such.name:-y}": "x y",
		"x ${no :- y }":        "x  y ",
		"x ${no:-a:-b}":        "x a:-b",
		"x ${odd:-name}":       "x 7", // is found under the whole name, as in DVC
		`x \${no:-a} ${lr:-b}`: "x ${no:-a} 0.1",
		"x ${opts:-}":          "x --a 1",
	} {
		p, err := Parse("pipeline.yaml", []byte("stages:\n  s: {cmd: "+strconv.Quote(template)+", frozen: '${off:-false}', always_changed: '${on:-true}'}\n"), files.read)
		require.NoError(t, err, template)
		require.Equal(t, want, p.Stages[0].Cmd[0], template)
		require.True(t, p.Stages[0].Frozen)
		require.True(t, p.Stages[0].AlwaysChanged)
		require.Empty(t, p.Warnings)
	}
}

// TestParse_defaultForTheShell: what was meant for the shell is said to be none of its.
func TestParse_defaultForTheShell(t *testing.T) {
	p, err := Parse("pipeline.yaml", []byte("stages:\n  a: {foreach: [1, 2], do: {cmd: 'x ${GPU:-0}'}}\n"), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"x 0"}, p.Stages[1].Cmd)
	require.Len(t, p.Warnings, 1)
	require.Equal(t, "pipeline.yaml:2:37", p.Warnings[0].Pos.String())
	require.Contains(t, p.Warnings[0].Hint, `\${GPU:-0}`)
}

// TestExpand_again: what was expanded has nothing left to expand, and means the same.
func TestExpand_again(t *testing.T) {
	text := strings.Replace(templated, `\${HOME}`, "", 1)
	root, err := Expand("pipeline.yaml", []byte(text), templatedFiles.read)
	require.NoError(t, err)
	expanded := document.Encode(root)
	require.NotContains(t, string(expanded), "${")
	first, err := Parse("pipeline.yaml", []byte(text), templatedFiles.read)
	require.NoError(t, err)
	var names []string
	doc, err := document.Parse("expanded.yaml", expanded)
	require.NoError(t, err)
	for _, entry := range doc.Root.Get("stages").Entries {
		names = append(names, entry.Key.Text)
		stage, _ := first.Stage(entry.Key.Text)
		require.Equal(t, stage.Cmd[0], entry.Value.Get("cmd").Text)
	}
	require.Equal(t, first.Names(), names)
}

func TestParse_templateMistakes(t *testing.T) {
	files := folder{
		"params.yaml": "lr: 0.1\nlist: [1]\nmap: {a: 1}\nnone: null\n",
		"bad.yaml":    "a: 1\nb: [1\nc: 2\n", "list.yaml": "# a list\n- 1\n", "more.yaml": "x: 1\nlr: 2\n",
	}
	stage := "stages:\n  a: {cmd: %s}\n"
	for name, test := range map[string]struct{ text, place, says, hint string }{
		"unknown":            {fmt.Sprintf(stage, "'x ${lt}'"), "pipeline.yaml:2:15", `nothing is called "lt"`, "${lr}"},
		"unknown part":       {fmt.Sprintf(stage, "'x ${map.b}'"), "pipeline.yaml:2:15", `"map" has no "b"`, "${map.a}"},
		"shell's variable":   {fmt.Sprintf(stage, "'x ${PATH}'"), "pipeline.yaml:2:15", `nothing is called "PATH"`, `$PATH or \${PATH}`},
		"shell's expansion":  {fmt.Sprintf(stage, "'x ${A:=b}'"), "pipeline.yaml:2:15", "nothing is called", `\${A:=b}`},
		"default in default": {fmt.Sprintf(stage, "'x ${a:-${lr}}'"), "pipeline.yaml:2:15", "has a template in its default", ""},
		"default of nothing": {fmt.Sprintf(stage, "'x ${:-b}'"), "pipeline.yaml:2:15", "names nothing", ""},
		"default of part":    {"stages:\n  a: {cmd: x, desc: '${lr.x:-b}'}\n", "pipeline.yaml:2:22", `"lr" is a number`, ""},
		"default of word":    {"stages:\n  a: {cmd: x, desc: '${list.x:-b}'}\n", "pipeline.yaml:2:22", `"list" has no item "x"`, ""},
		"default of a map":   {"stages:\n  a: {cmd: x, desc: '${map:-b}'}\n", "pipeline.yaml:2:22", `"map" is a mapping`, ""},
		"environment or":     {fmt.Sprintf(stage, "'x ${env.A:-b}'"), "pipeline.yaml:2:15", `nothing is called "env"`, "env:"},
		"environment":        {fmt.Sprintf(stage, "'x ${env.A}'"), "pipeline.yaml:2:15", `nothing is called "env"`, "env:"},
		"second of two":      {fmt.Sprintf(stage, "'${lr} ${lr} ${l r}'"), "pipeline.yaml:2:25", `nothing is called "l r"`, ""},
		"behind an escape":   {fmt.Sprintf(stage, `'\${no} ${no}'`), "pipeline.yaml:2:20", `nothing is called "no"`, ""},
		"in a block":         {"stages:\n  a:\n    cmd: |\n      one\n      two ${no}\n", "pipeline.yaml:5:11", `nothing is called "no"`, ""},
		"in double quotes":   {"stages:\n  a:\n    cmd: \"é \\\\${x} ${no}\"\n", "pipeline.yaml:3:20", `nothing is called "no"`, ""},
		"in an alias":        {"stages:\n  a:\n    cmd: x\n    meta: [&x '${lr}']\n    desc: &y a ${no}\n  b: {cmd: *y}\n", "pipeline.yaml:5:16", `nothing is called "no"`, ""},
		"in a key":           {"stages:\n  a:\n    cmd: x\n    outs: [{'${no}': {cache: true}}]\n", "pipeline.yaml:4:14", `nothing is called "no"`, ""},
		"a list":             {fmt.Sprintf(stage, "'x ${list}'"), "pipeline.yaml:2:15", `"list" is a list`, ""},
		"a mapping in a dep": {"stages:\n  a: {cmd: x, deps: ['${map}']}\n", "pipeline.yaml:2:23", `"map" is a mapping`, ""},
		"empty":              {fmt.Sprintf(stage, "'x ${none}'"), "pipeline.yaml:2:15", `"none" is empty`, "${none:-}"},
		"a whole empty cmd":  {fmt.Sprintf(stage, "'${none}'"), "pipeline.yaml:2:13", `"none" is empty`, "${none:-}"},
		"grammar":            {fmt.Sprintf(stage, "'x ${lr..x}'"), "pipeline.yaml:2:15", "has an empty part", ""},
		"vars file":          {"vars: [no.yaml]\n" + fmt.Sprintf(stage, "x"), "pipeline.yaml:1:8", "is not there", ""},
		"vars outside":       {"vars: [../no.yaml]\n" + fmt.Sprintf(stage, "x"), "pipeline.yaml:1:8", "outside the project", ""},
		"vars key":           {"vars: ['more.yaml:y']\n" + fmt.Sprintf(stage, "x"), "pipeline.yaml:1:8", `has no key "y"`, "x"},
		"vars syntax":        {"vars: [bad.yaml]\n" + fmt.Sprintf(stage, "x"), "bad.yaml:2:4", "", ""},
		"vars list":          {"vars: [list.yaml]\n" + fmt.Sprintf(stage, "x"), "list.yaml:2:1", "must be a mapping", ""},
		"vars redefine":      {"vars:\n- lr: 1\n" + fmt.Sprintf(stage, "x"), "pipeline.yaml:2:3", `"lr" is defined twice`, ""},
		"file redefines":     {"vars: [more.yaml]\n" + fmt.Sprintf(stage, "x"), "more.yaml:2:5", `"lr" is defined twice`, ""},
		"vars template":      {"vars:\n- a: b ${lr}\n" + fmt.Sprintf(stage, "x"), "pipeline.yaml:2:8", "can't have templates", ""},
		"foreach kind":       {"stages:\n  a: {foreach: '${lr}', do: {cmd: x}}\n", "pipeline.yaml:2:16", "must be a list or a mapping", ""},
		"foreach in foreach": {"stages:\n  a: {foreach: [1], do: {foreach: [1], do: {cmd: x}}}\n", "pipeline.yaml:2:35", "inside another", ""},
		"item's part":        {"stages:\n  a: {foreach: [1, 2], do: {cmd: 'x ${item.y}'}}\n", "pipeline.yaml:2:37", `"item" is a number`, ""},
		"matrix of a text":   {"stages:\n  a: {matrix: {b: word}, cmd: x}\n", "pipeline.yaml:2:19", "must be a list", ""},
		"matrix clash":       {"stages:\n  a: {matrix: {a: [x-y, x], b: [z, y-z]}, cmd: x}\n", "pipeline.yaml:2:15", `the name "x-y-z"`, ""},
		"reserved":           {"stages:\n  a: {foreach: [1], do: {cmd: x, vars: [{item: 1}]}}\n", "pipeline.yaml:2:42", "can't be redefined", ""},
		"too many":           {"stages:\n  a: {matrix: {a: &l [1,2,3,4,5,6,7,8,9,10], b: *l, c: *l, d: *l, e: *l, f: *l}, cmd: x}\n", "pipeline.yaml:2:15", "more than 100000", ""},
		"same out":           {"stages:\n  a: {foreach: [1, 2, 3], do: {cmd: x, outs: [o]}}\n", "pipeline.yaml:2:47", "is also an out", ""},
		"unknown key once":   {"stages:\n  a: {foreach: [1, 2, 3], do: {cmd: x, depz: [o]}}\n", "pipeline.yaml:2:40", `"depz"`, "deps"},
		"newline in a name":  {"stages:\n  a: {foreach: [\"x\\ny\"], do: {cmd: x}}\n", "pipeline.yaml:2:17", "can't be shown", ""},
		"name of a stage":    {"stages:\n  a: {foreach: [1], do: {cmd: x}}\n  a@1: {cmd: x}\n", "pipeline.yaml:3:3", "declared twice", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("pipeline.yaml", []byte(test.text), files.read)
			require.Error(t, err)
			problems := diag.All(err)
			require.Equal(t, test.place, problems[0].Pos.String(), "%v", err)
			require.Contains(t, problems[0].Msg, test.says)
			require.Contains(t, problems[0].Hint, test.hint)
			require.NotEmpty(t, problems[0].Line)
			places := map[diag.Pos]int{}
			for _, problem := range problems {
				places[problem.Pos]++
				require.Equal(t, 1, places[problem.Pos], "told twice: %v", err)
			}
		})
	}
}

func TestParse_allTemplateMistakesAtOnce(t *testing.T) {
	_, err := Parse("pipeline.yaml", []byte("stages:\n  a: {cmd: '${x} ${y}'}\n  b: {cmd: x, depz: [z], desc: '${z'}\n  c: {foreach: '${l}', do: {cmd: x}}\n"), nil)
	require.Len(t, diag.All(err), 4)
}

// TestParse_paramsUnused: without a template nobody reads params.yaml.
func TestParse_paramsUnused(t *testing.T) {
	broken := folder{"params.yaml": "a: ["}
	_, err := Parse("pipeline.yaml", []byte("stages:\n  a: {cmd: 'echo $HOME'}\n"), broken.read)
	require.NoError(t, err)
	_, err = Parse("pipeline.yaml", []byte("stages:\n  a: {cmd: 'echo ${a}'}\n"), broken.read)
	require.Error(t, err)
	require.Equal(t, "params.yaml", diag.All(err)[0].Pos.File)
}

func TestParse_pipelineBelow(t *testing.T) {
	files := folder{"sub/params.yaml": "a: 1\n", "sub/w/v.yaml": "b: 2\n", "params.yaml": "a: 9\n"}
	p, err := Parse("sub/pipeline.yaml", []byte("stages:\n  s: {wdir: w, vars: [v.yaml], cmd: 'x ${a} ${b}'}\n"), files.read)
	require.NoError(t, err)
	require.Equal(t, []string{"x 1 2"}, p.Stages[0].Cmd)
}

func TestParse_explosions(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	many := "[" + strings.TrimSuffix(strings.Repeat("1,", 1000), ",") + "]"
	wide := strings.Builder{}
	for i := range 100_000 {
		fmt.Fprintf(&wide, "k%d: false\n", i)
	}
	files := folder{"params.yaml": "long: " + long + "\n", "wide.yaml": "w:\n  " + strings.ReplaceAll(strings.TrimSpace(wide.String()), "\n", "\n  ")}
	seq := strings.Builder{}
	for i := range 90_000 {
		fmt.Fprintf(&seq, "%d,", i)
	}
	for name, text := range map[string]string{
		"text":   "stages:\n  a: {foreach: [" + seq.String() + "], do: {cmd: '${long}'}}\n",
		"values": "stages:\n  a: {foreach: [" + seq.String() + "], do: {cmd: x, meta: &m ['${item}', " + strings.Repeat("'${item}',", 100) + "]}}\n",
		"alias":  "stages:\n  a: {cmd: x, meta: {a: &a ['${long}', '${long}'], b: &b [*a,*a,*a,*a,*a,*a,*a,*a], c: &c [*b,*b,*b,*b,*b,*b,*b,*b], d: [*c,*c,*c,*c,*c,*c,*c,*c]}}\n",
		"vars":   "vars: [wide.yaml]\nstages:\n  a: {foreach: [" + seq.String() + "], do: {cmd: 'x', vars: [{w: {z: 1}}]}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("pipeline.yaml", []byte(text), files.read)
			require.Error(t, err)
			require.Contains(t, err.Error(), "the templates")
			require.Len(t, diag.All(err), 1)
		})
	}
	_, err := Parse("pipeline.yaml", []byte("stages:\n  a: {matrix: {a: "+many+", b: [2]}, cmd: x}\n"), nil)
	require.NoError(t, err, "equal values are one")
}

func TestParse_shadowedVariable(t *testing.T) {
	p, err := Parse("pipeline.yaml", []byte("vars: [{item: 1}]\nstages:\n  a: {foreach: [2], do: {cmd: 'x ${item}'}}\n  b: {cmd: 'x ${item}'}\n"), nil)
	require.NoError(t, err)
	require.Equal(t, "x 2", p.Stages[0].Cmd[0])
	require.Equal(t, "x 1", p.Stages[1].Cmd[0])
	require.Len(t, p.Warnings, 1)
	require.Equal(t, "pipeline.yaml:3:3", p.Warnings[0].Pos.String())
}

// FuzzExpand: no pipeline and no params make the expansion panic or run away, every
// mistake has a place in one of the files, and what was expanded stays as it is.
func FuzzExpand(f *testing.F) {
	f.Add(templated, templatedFiles["params.yaml"])
	f.Add("stages:\n  a: {cmd: '${a.b[0]} \\${x} ${', deps: ['${l[-1]}']}\n", "a: {b: [1]}\nl: [x, 1e-5, .inf, 0x1f, ~]\n")
	f.Add("vars: ['params.yaml', 'params.yaml:a', {x: {y: 1}}]\nstages:\n  a: {matrix: {x: '${l}', y: [[1], a]}, vars: [{z: 1}], cmd: 'x ${item}'}\n", "l: [1, true]\n")
	f.Add("stages:\n  a: &a {cmd: 'x ${m}', outs: [{'${k}': {cache: '${t}'}}]}\n  b: *a\n  c: {foreach: {a: *a}, do: *a}\n", "m: {a: 1, b: {c: [x y]}}\nk: q\nt: true\n")
	f.Fuzz(func(t *testing.T, text, params string) {
		files := folder{"params.yaml": params, "more.yaml": "x: 1\n"}
		root, err := Expand("pipeline.yaml", []byte(text), files.read)
		breaks := func(text string) int { return strings.Count(text, "\n") + strings.Count(text, "\r") + 2 }
		lines := map[string]int{"pipeline.yaml": breaks(text), "params.yaml": breaks(params), "more.yaml": 2}
		for _, problem := range diag.All(err) {
			require.Contains(t, lines, problem.Pos.File, "%v", problem)
			require.LessOrEqual(t, problem.Pos.Line, lines[problem.Pos.File])
		}
		if err != nil || root == nil || strings.Contains(text, `\$`) || strings.Contains(params, "$") {
			return
		}
		again, err := document.Parse("again.yaml", document.Encode(root))
		require.NoError(t, err)
		require.Equal(t, string(document.Encode(root)), string(document.Encode(again.Root)))
	})
}

// FuzzMatches holds the finding of templates against a slow reading of the rule.
func FuzzMatches(f *testing.F) {
	f.Add(`a ${b} \${c} ${d`)
	f.Add("${a\n} ${b}}${${x}")
	f.Fuzz(func(t *testing.T, text string) {
		var want []match
		for at := 0; at < len(text); {
			if !strings.HasPrefix(text[at:], "${") || at > 0 && text[at-1] == '\\' {
				at++
				continue
			}
			inner, _, closed := strings.Cut(text[at+2:], "}")
			if !closed || strings.Contains(inner, "\n") {
				at++
				continue
			}
			want = append(want, match{at, at + len(inner) + 3, inner})
			at += len(inner) + 3
		}
		require.Equal(t, want, matches(text))
	})
}
