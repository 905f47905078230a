package stages

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
)

// commands returns the stages of a pipeline as "name: cmd".
func commands(t *testing.T, text string, files folder) []string {
	t.Helper()
	p, err := Parse("pipeline.yaml", []byte(text), files.read)
	require.NoError(t, err)
	require.Empty(t, p.Warnings)
	var told []string
	for _, stage := range p.Commands() {
		told = append(told, strings.TrimPrefix(stage.Name, "m@")+": "+stage.Cmd[0])
	}
	return told
}

func TestMatrix_excludeAndInclude(t *testing.T) {
	for name, test := range map[string]struct {
		matrix, cmd string
		want        []string
	}{
		"exclude one":             {"{a: [1, 2], b: [x, y], exclude: [{a: 1, b: y}]}", "${item.a}${item.b}", []string{"1-x: 1x", "2-x: 2x", "2-y: 2y"}},
		"exclude part":            {"{a: [1, 2], b: [x, y], exclude: [{a: 1}]}", "${item.a}${item.b}", []string{"2-x: 2x", "2-y: 2y"}},
		"exclude by text":         {"{a: [1, 2.0], exclude: [{a: '1'}]}", "${key}", []string{"2.0: 2.0"}},
		"exclude a mapping":       {"{a: [x, {d: 1, e: [2]}], exclude: [{a: {e: [2], d: 1}}]}", "${key}", []string{"x: x"}},
		"exclude from a file":     {"{a: '${l}', exclude: '${skip}'}", "${key}", []string{"1: 1", "3: 3"}},
		"exclude all":             {"{a: [1], exclude: [{a: 1}]}", "x", nil},
		"exclude nothing":         {"{a: [1], exclude: []}", "x", []string{"1: x"}},
		"include another":         {"{a: [1], b: [x], include: [{a: 2, b: y}]}", "${item.a}${item.b}", []string{"1-x: 1x", "2-y: 2y"}},
		"include what is there":   {"{a: [1], b: [x], include: [{a: 1}]}", "${key}", []string{"1-x: 1-x"}},
		"include what was left":   {"{a: [1, 2], exclude: [{a: 1}], include: [{a: 1}]}", "${key}", []string{"2: 2", "1: 1"}},
		"include more to all":     {"{a: [1, 2], include: [{n: 8}]}", "${item.n}", []string{"1: 8", "2: 8"}},
		"include more to some":    {"{a: [1, 2], include: [{a: 2, n: 8}]}", "${item.n:-0}", []string{"1: 0", "2: 8"}},
		"include over an include": {"{a: [1, 2], include: [{n: 8}, {a: 2, n: 9}]}", "${item.n}", []string{"1: 8", "2: 9"}},
		"include part":            {"{a: [1], b: [x], include: [{a: 2, n: 8}]}", "${item.b:-none}", []string{"1-x: x", "2-8: none"}},
		"include in any order":    {"{a: [1], b: [x], include: [{n: 8, b: y, a: 1}]}", "${key}", []string{"1-x: 1-x", "1-y-8: 1-y-8"}},
		"include a mapping":       {"{a: [{d: 1}, {d: 2}], include: [{a: {d: 3}}, {a: {d: 2}, n: 1}]}", "${item.a.d}", []string{"a0: 1", "a1: 2", "a2: 3"}},
		"include only":            {"{include: [{a: 1, b: x}, {a: 2}]}", "${item.a}${item.b:-}", []string{"1-x: 1x", "2: 2"}},
		"a variable":              {"{include: [p, q], exclude: [1]}", "${item.include}${item.exclude}", []string{"p-1: p1", "q-1: q1"}},
		"a flag":                  {"{a: '${flags}', exclude: [{a: true}]}", "${key}", []string{"False: False"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := "stages:\n  m: {matrix: " + test.matrix + ", cmd: '" + test.cmd + "'}\n"
			files := folder{"params.yaml": "l: [1, 2, 3]\nskip: [{a: 2}]\nflags: [true, false]\n"}
			require.Equal(t, test.want, commands(t, text, files))
		})
	}
}

func TestMatrix_insideForeach(t *testing.T) {
	for name, test := range map[string]struct {
		stage string
		want  []string
	}{
		"a list":           {"{foreach: [us, uk], do: {matrix: {n: [1, 2]}, cmd: '${each} ${item.n} ${key}'}}", []string{"us-1: us 1 us-1", "us-2: us 2 us-2", "uk-1: uk 1 uk-1", "uk-2: uk 2 uk-2"}},
		"a mapping":        {"{foreach: {us: {w: 8}, uk: {w: 9}}, do: {matrix: {n: [1]}, cmd: '${each_key} ${each.w} ${item.n}'}}", []string{"us-1: us 8 1", "uk-1: uk 9 1"}},
		"made of the item": {"{foreach: {us: {l: [1, 2]}, uk: {l: [3]}}, do: {matrix: {n: '${each.l}'}, cmd: '${item.n}'}}", []string{"us-1: 1", "us-2: 2", "uk-3: 3"}},
		"with an exclude":  {"{foreach: [us, uk], do: {matrix: {n: [1, 2], c: ['${each}'], exclude: [{c: us, n: 1}]}, cmd: '${key}'}}", []string{"us-2-us: us-2-us", "uk-1-uk: uk-1-uk", "uk-2-uk: uk-2-uk"}},
		"with vars":        {"{foreach: [us], do: {matrix: {n: [1]}, vars: [{v: 3}], cmd: '${each}${item.n}${v}'}}", []string{"us-1: us13"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, commands(t, "stages:\n  m: "+test.stage+"\n", nil))
		})
	}
}

func TestParse_groupMistakes(t *testing.T) {
	for name, test := range map[string]struct{ stage, place, says, hint string }{
		"unknown in exclude":    {"{matrix: {net: [1], exclude: [{nett: 1}]}, cmd: x}", "2:37", `no variable "nett" to exclude`, `did you mean "net"?`},
		"nothing in exclude":    {"{matrix: {a: [1], exclude: [{}]}, cmd: x}", "2:34", "names no variable", "the value to leave out"},
		"nothing in include":    {"{matrix: {a: [1], include: [{}]}, cmd: x}", "2:34", "names no variable", ""},
		"mixed":                 {"{matrix: {a: [1], exclude: [{a: 1}, 2]}, cmd: x}", "2:24", "mixes mappings with other values", "{name: value}"},
		"exclude is a mapping":  {"{matrix: {a: [1], exclude: {a: 1}}, cmd: x}", "2:33", "must be a list", ""},
		"only an exclude":       {"{matrix: {exclude: []}, cmd: x}", "2:15", "no variables", ""},
		"twice":                 {"{matrix: {a: [1], include: [{a: 2}, {a: 2}]}, cmd: x}", "2:15", `the name "2"`, ""},
		"empty in include":      {"{matrix: {a: [1], include: [{a: ~}]}, cmd: x}", "2:38", "an item is empty", ""},
		"not in all":            {"{matrix: {a: [1, 2], include: [{a: 2, n: 1}]}, cmd: 'x ${item.n}'}", "2:61", `"item" has no "n"`, ""},
		"side by side":          {"{foreach: [1], matrix: {a: [1]}, do: {cmd: x}}", "2:29", "can't stand beside foreach", "into do:"},
		"foreach in foreach":    {"{foreach: [1], do: {foreach: [1], do: {cmd: x}}}", "2:35", "inside another", "put a matrix into do:"},
		"item in the matrix":    {"{foreach: [{l: [1]}], do: {matrix: {a: '${item.l}'}, cmd: x}}", "2:46", `nothing is called "item"`, "${each.l}"},
		"item of the foreach":   {"{foreach: [{w: 1}], do: {matrix: {a: [1]}, cmd: 'x ${item.w}'}}", "2:57", `"item" has no "w"`, "write ${each.w}"},
		"the item as a whole":   {"{foreach: [1], do: {matrix: {a: [1]}, cmd: 'x ${item}'}}", "2:52", "could be the matrix's or the foreach's", "write ${each} for the foreach's item, ${item.NAME}"},
		"or by default":         {"{foreach: [1], do: {matrix: {a: [1]}, cmd: 'x ${item:-1}'}}", "2:52", "could be the matrix's or the foreach's", ""},
		"key in the matrix":     {"{foreach: {k: 1}, do: {matrix: {a: ['${key}']}, cmd: x}}", "2:43", `nothing is called "key"`, "${each_key}"},
		"each without matrix":   {"{foreach: [1], do: {cmd: 'x ${each}'}}", "2:34", `nothing is called "each"`, "the item is called ${item}"},
		"each_key of a list":    {"{foreach: [1], do: {matrix: {a: [1]}, cmd: 'x ${each_key}'}}", "2:52", `nothing is called "each_key"`, ""},
		"one name for both":     {"{foreach: [{n: 1}], do: {matrix: {n: [1]}, cmd: x}}", "2:40", "also a part of the foreach's item", "the item's is ${each.n}"},
		"two of one name":       {"{foreach: [a, a-b], do: {matrix: {n: [b-c, c]}, cmd: x}}", "2:39", `the name "a-b-c"`, ""},
		"each is reserved":      {"{foreach: [1], do: {matrix: {a: [1]}, cmd: x, vars: [{each: 1}]}}", "2:60", "can't be redefined", ""},
		"too many, nested":      {"{foreach: &l [1,2,3,4,5,6,7,8,9,10], do: {matrix: {a: *l, b: *l, c: *l, d: *l, e: [1,2]}, cmd: x}}", "2:3", "more than 100000", ""},
		"a mistake of one cell": {"{foreach: [1, 2], do: {matrix: {a: [1, 2]}, cmd: 'x ${item.b}'}}", "2:58", `"item" has no "b"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("pipeline.yaml", []byte("stages:\n  a: "+test.stage+"\n"), nil)
			problems := diag.All(err)
			require.Len(t, problems, 1, "%v", err)
			require.Equal(t, "pipeline.yaml:"+test.place, problems[0].Pos.String(), "%v", err)
			require.Contains(t, problems[0].Msg, test.says)
			require.Contains(t, problems[0].Hint, test.hint)
		})
	}
}

func TestParse_excludeOfNothing(t *testing.T) {
	for text, hint := range map[string]string{
		"{matrix: {a: [1, 2], exclude: [{a: 3}]}, cmd: x}":                                     "a is one of 1, 2",
		"{matrix: {a: [1, 2], exclude: [{a: 2}, {a: 2}]}, cmd: x}":                             "before it",
		"{foreach: [u, v], do: {matrix: {a: [1], c: ['${each}'], exclude: [{c: w}]}, cmd: x}}": "in no round",
	} {
		p, err := Parse("pipeline.yaml", []byte("stages:\n  s: "+text+"\n"), nil)
		require.NoError(t, err)
		require.Len(t, p.Warnings, 1, text)
		require.Equal(t, 2, p.Warnings[0].Pos.Line)
		require.Equal(t, "the exclude matches no combination", p.Warnings[0].Msg)
		require.Contains(t, p.Warnings[0].Hint, hint)
	}
}
