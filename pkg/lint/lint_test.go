package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/disk"
	"flow/pkg/stages"
)

// lintFiles returns what is found in a project, a line each: rule, place, message, hint.
func lintFiles(t *testing.T, pipeline string, files map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(text), 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, stages.File), []byte(pipeline), 0o644))
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	parsed, err := stages.Parse(stages.File, []byte(pipeline), root.Read)
	require.NoError(t, err)
	var told []string
	for _, f := range Lint(parsed, root) {
		p := f.Problem
		require.NotEmpty(t, p.Line, "the line is shown: %v", p)
		file := ""
		if p.Pos.File != stages.File {
			file = p.Pos.File + ":"
		}
		told = append(told, strings.TrimSuffix(fmt.Sprintf("%s %s%d:%d %s | %s", f.Rule, file, p.Pos.Line, p.Pos.Col, p.Msg, p.Hint), " | "))
	}
	return told
}

// quiet is a stage that no rule has anything to say about.
const quiet = "stages:\n  a:\n    cmd: python train.py\n    deps: [train.py]\n    outs: [model]\n"

func TestLint(t *testing.T) {
	code := map[string]string{"train.py": "", "src/m.py": "", "src/pkg/__main__.py": "", "data/raw.csv": "", "data/more/x.csv": "", "run.sh": "", "build": ""}
	stage := func(cmd, more string) string {
		return "stages:\n  a:\n    cmd: " + cmd + "\n    outs: [model]\n" + more
	}
	for name, test := range map[string]struct {
		pipeline string
		found    []string
	}{
		"nothing": {quiet, nil},
		"a dep that is not there": {"stages:\n  a: {cmd: x, deps: [trian.py, nowhere/at/all], outs: [m]}\n", []string{
			"missing-dep 2:22 dep trian.py is not there, and no stage makes it | did you mean train.py?",
			"missing-dep 2:32 dep nowhere/at/all is not there, and no stage makes it | let a stage make it, or bring it"}},
		"a dep that is near an out": {"stages:\n  a: {cmd: x, outs: [clean.csv]}\n  b: {cmd: x, deps: [clena.csv], outs: [m]}\n", []string{
			"missing-dep 3:22 dep clena.csv is not there, and no stage makes it | did you mean clean.csv?"}},
		"deps that somebody makes": {"data: [raw]\nstages:\n  a: {cmd: x, deps: [raw/x, 'b/*.csv', c/d], outs: [m]}\n  b: {cmd: x, outs: [b/1.csv, c]}\n", nil},
		"a pattern that matches nothing": {"stages:\n  a: {cmd: x, deps: ['data/**/*.csv', 'data/*.json', {env: X}, {exe: gcc}, 'https://x.org/y'], outs: [m]}\n", []string{
			"missing-dep 2:39 no file matches data/*.json, and no stage makes one"}},
		"params": {"stages:\n  a: {cmd: x, params: [lr, modle.depth, {other.json: [x.y]}, {none.toml: [a]}, {made.yaml: [b]}], outs: [m]}\n  b: {cmd: x, deps: [train.py], outs: [made.yaml]}\n", []string{
			"unused-param other.json:1:13 no stage and no template uses x.z | add it to the params of the stage that reads it",
			"unused-param params.yaml:2:1 no stage and no template uses model | add it to the params of the stage that reads it",
			"missing-param 2:28 params.yaml has no param \"modle.depth\" | did you mean model.depth?",
			"missing-param 2:55 other.json has no param \"x.y\" | did you mean x.z?",
			"missing-param 2:75 the params file none.toml is not there | let a stage make it, or bring it"}},
		"a script": {stage("python -u train.py --lr 1", ""), []string{`undeclared-dep 3:20 the command of "a" names train.py, which is no dep | add it to the deps, so that a change of it counts`}},
		"a script of a shell": {stage("bash ./run.sh && ./run.sh", ""), []string{
			`undeclared-dep 3:15 the command of "a" names run.sh, which is no dep | add it to the deps, so that a change of it counts`,
			`undeclared-dep 3:27 the command of "a" names run.sh, which is no dep | add it to the deps, so that a change of it counts`}},
		"a module": {stage("cd src && python3 -m m && python -m pkg", ""), []string{
			`undeclared-dep 3:31 the command of "a" names src/m.py, which is no dep | add it to the deps, so that a change of it counts`,
			`undeclared-dep 3:46 the command of "a" names src/pkg/__main__.py, which is no dep | add it to the deps, so that a change of it counts`}},
		"an option": {stage("x --in=data/raw.csv -d @run.sh < train.py", ""), []string{
			`undeclared-dep 3:12 the command of "a" names data/raw.csv, which is no dep | add it to the deps, so that a change of it counts`,
			`undeclared-dep 3:33 the command of "a" names run.sh, which is no dep | add it to the deps, so that a change of it counts`,
			`undeclared-dep 3:43 the command of "a" names train.py, which is no dep | add it to the deps, so that a change of it counts`}},
		"a folder": {stage("x data/more", ""), []string{`undeclared-dep 3:12 the command of "a" names data/more, which is no dep | add it to the deps, so that a change of it counts`}},
		"another's out": {stage("x clean/1.csv", "  b: {cmd: x, deps: [train.py], outs: [clean]}\n"), []string{
			`undeclared-dep 3:12 the command of "a" names clean/1.csv, which "b" makes, but it is no dep | add it to the deps, so that b runs first`}},
		"data": {"data: [raw]\nstages:\n  a: {cmd: x raw/1.csv, outs: [m]}\n  b: {cmd: x, deps: [raw], outs: [n]}\n", []string{
			`undeclared-dep 3:14 the command of "a" names raw/1.csv, which is no dep | add it to the deps, so that a change of it counts`}},
		"no paths": {stage("echo train.py; make build; x data https://x.org/train.py '*.py' $X/train.py --train.py s3://b/run.sh /etc/passwd ../train.py", ""), []string{
			`undeclared-env 3:74 the command of "a" reads the variable X of the machine that it runs on | set it under env:, or make it a dep: {env: X}`}},
		"declared by what is around or inside": {"stages:\n  a:\n    cmd: x data/raw.csv src train.py data/more/ model/w\n    deps: [data/raw.csv, 'data/more/*.csv', src]\n    params: [{train.py: [x]}]\n    outs: [model]\n", []string{
			`missing-param 5:26 train.py has no param "x"`}},
		"a here-document and a comment": {stage("|\n      cat <<EOF\n      train.py\n      EOF\n      x # run.sh\n      (cd src; x m.py); x train.py", ""), []string{
			`undeclared-dep 8:18 the command of "a" names src/m.py, which is no dep | add it to the deps, so that a change of it counts`,
			`undeclared-dep 8:27 the command of "a" names train.py, which is no dep | add it to the deps, so that a change of it counts`}},
		"where it writes": {stage("x > model/log 2> err.log && y >> all.log 2>&1 >/dev/null", ""), []string{
			`undeclared-out 3:27 the command of "a" writes err.log, which is no out | add it to the outs, so that flow keeps it`,
			`undeclared-out 3:43 the command of "a" writes all.log, which is no out | add it to the outs, so that flow keeps it`}},
		"always": {"stages:\n  a: {cmd: x}\n  b: {cmd: x, always_changed: true}\n", []string{
			`always-runs 2:3 stage "a" has neither deps nor outs, so that it runs every time | declare what it reads and writes, or say always_changed: true`}},
		"quotes": {"vars: [{n: 'a;b', o: --x 'y z', q: \"it's\", p: 'a b'}]\nstages:\n  a:\n    cmd: ${n}; x ${n} \"${n}\" '${n}' ${o} '${q}' ${q} ${p} && ${o}\n    outs: [m]\n", []string{
			`unquoted 4:18 "n" has the character ";", which the shell does not take as a part of the text | put quotes around it, or leave the character out`,
			`unquoted 4:43 "q" has the character "'", which the shell does not take as a part of the text`,
			`unquoted 4:49 "q" has the character "'", which the shell does not take as a part of the text | put quotes around it, or leave the character out`}},
		"vars": {"vars:\n  - {used: {x: 1}, unused: 2}\n  - other.json\n  - keys.yaml:k,l\nstages:\n  a:\n    vars: [{mine: 1, used: {y: 2}}]\n    cmd: x ${used.y} ${k}\n    outs: [m]\n", []string{
			`unused-var 2:20 no template uses the var "unused" | remove it, or write ${unused} where it belongs`,
			`unused-var 3:5 no template uses anything of other.json | remove the line`,
			`unused-var 4:5 no template uses the var "l" | remove it, or write ${l} where it belongs`,
			`unused-var 7:13 no template uses the var "mine" | remove it, or write ${mine} where it belongs`}},
		"a map stage":     {"stages:\n  a:\n    map: data/more/*.csv\n    cmd: x ${map.path} to/${map.stem}\n    outs: ['to/${map.stem}']\n", nil},
		"vars of a group": {"vars: [{many: [1, 2]}]\nstages:\n  a:\n    foreach: ${many}\n    do:\n      vars: [{v: 1}]\n      cmd: x ${v} ${item}\n      outs: ['m${item}']\n", nil},
		"outs": {"data: [raw, idle]\nartifacts: {it: {path: shared}}\nstages:\n  a: {cmd: x, deps: [raw], outs: [one, two, shared, {git: {cache: false}}, {tmp: {temp: true}}], metrics: [m.json]}\n  b: {cmd: x, deps: [one], outs: [end]}\n", []string{
			"unused-out 1:13 nothing reads idle | remove it, or add it to the deps of a stage",
			"unused-out 4:40 nothing reads two | remove it, or add it to the deps of a stage",
			"unused-out 4:77 no stage reads the temporary out tmp | it is removed unseen"}},
		"env": {"env: {SET: 1}\nstages:\n  a:\n    cmd: |\n      N=1; for F in 1 2; do echo $F; done\n      x $N $SET '$QUOTED' \"\\${GPU:-0}\" $GPU $lower $Mixed \\$NOT $HOME $1 $? $$ \\${DEP}\n    deps: [{env: DEP}]\n    outs: [m]\n", []string{
			`undeclared-env 6:29 the command of "a" reads the variable GPU of the machine that it runs on | set it under env:, or make it a dep: {env: GPU}`}},
		"what a comment silences": {"# flow: lint-ignore unused-var, unused-out: they are for later\nvars: [{x: 1}]\nstages:\n  a: # flow: lint-ignore undeclared-dep always-run\n    cmd: python train.py $X\n    # flow: lint-ignore missing-dep\n    deps: [nothing]\n", []string{
			`pipeline 4:41 there is no rule "always-run" to ignore | did you mean always-runs?`,
			`undeclared-env 5:26 the command of "a" reads the variable X of the machine that it runs on | set it under env:, or make it a dep: {env: X}`}},
		"where data is imported from": {"data:\n  - {path: a, repo: {url: ../x, path: y}}\n  - {path: b, repo: {url: 'git@host:x', path: y}}\nstages:\n  s: {cmd: x, deps: [a, b], outs: [m]}\n", []string{
			"local-repo 2:5 a is imported from the folder ../x, which others need at the same place to have it | import it by an address that git can clone, or push it along: flow push --imported"}},
		"what was odd": {"stages:\n  a: {cmd: x, outs: [m, M]}\n", []string{
			"pipeline 2:22 outs M and m differ only in case | on macOS and Windows they are one file"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for name, text := range code {
				files[name] = text
			}
			if strings.Contains(test.pipeline, "other.json") || strings.Contains(test.pipeline, "keys.yaml") {
				files["params.yaml"] = "lr: 1\nmodel: {depth: 2}\n"
				files["other.json"] = `{"x": {"z": 1}}`
				files["keys.yaml"] = "k: 1\nl: 2\n"
			}
			found := lintFiles(t, test.pipeline, files)
			if name == "vars" { // params.yaml is there and has no part in it
				found = slices.DeleteFunc(found, func(f string) bool { return strings.HasPrefix(f, "unused-param") })
			}
			require.Equal(t, test.found, found)
		})
	}
}

// TestLint_group: what is wrong with all stages of a group is told once.
func TestLint_group(t *testing.T) {
	found := lintFiles(t, "stages:\n  a:\n    foreach: [1, 2, 3]\n    do: {cmd: python train.py, deps: [nothing.txt], outs: ['m${item}']}\n", map[string]string{"train.py": ""})
	require.Len(t, found, 2)
}

func TestLint_unusedParams(t *testing.T) {
	params := "used: {a: 1, b: {c: 2, d: 3}}\nwhole: {e: 4}\nfilled: [5]\nidle: {f: {g: 6}}\n"
	found := lintFiles(t, "stages:\n  a: {cmd: 'x ${filled[0]}', params: [used.b.c, whole], outs: [m]}\n", map[string]string{"params.yaml": params})
	require.Equal(t, []string{
		"unused-param params.yaml:1:8 no stage and no template uses used.a | add it to the params of the stage that reads it",
		"unused-param params.yaml:1:24 no stage and no template uses used.b.d | add it to the params of the stage that reads it",
		"unused-param params.yaml:4:1 no stage and no template uses idle | add it to the params of the stage that reads it",
	}, found)
	for _, all := range []string{"params: [{params.yaml: null}]", "deps: [params.yaml]"} {
		require.Empty(t, lintFiles(t, "stages:\n  a: {cmd: x, "+all+", outs: [m]}\n", map[string]string{"params.yaml": params}), all)
	}
	found = lintFiles(t, "stages:\n  a: {cmd: x, outs: [m]}\n", map[string]string{"params.yaml": params})
	require.Equal(t, []string{"unused-param params.yaml:1:1 no stage and no template uses a value of params.yaml | name those that a stage reads under its params:"}, found)
}

func TestSelect(t *testing.T) {
	found := []Finding{{Rule: "a", Severity: Note}, {Rule: "b", Severity: Error}, {Rule: ReadRule, Severity: Error}, {Rule: ReadRule, Severity: Warning}}
	names := func(only, skip []string) (names []string) {
		for _, f := range Select(slices.Clone(found), only, skip) {
			names = append(names, f.Rule+" "+f.Severity.String())
		}
		return names
	}
	require.Equal(t, []string{"a note", "pipeline error"}, names([]string{"a"}, nil))
	require.Equal(t, []string{"b error", "pipeline error", "pipeline warning"}, names(nil, []string{"a"}))
	require.Equal(t, []string{"a note", "b error", "pipeline error"}, names(nil, []string{ReadRule}))
}

// TestRules_documented: each rule has a section.
func TestRules_documented(t *testing.T) {
	page, err := os.ReadFile("../../docs/lint.md")
	require.NoError(t, err)
	for _, rule := range Rules() {
		require.Contains(t, string(page), fmt.Sprintf("| `%s` | %s |", rule.Name, rule.Severity))
	}
}
