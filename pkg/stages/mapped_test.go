package stages

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

const mapPipeline = `stages:
  thumbs:
    map: "data/**/*.jpg"
    cmd: convert ${map.path} thumbs/${map.rel_stem}.png
    deps: [convert.sh]
    outs: ["thumbs/${map.rel_stem}.png", {"thumbs/${map.rel_stem}.txt": {push: true}}]
`

func TestMap_filled(t *testing.T) {
	pipeline, err := Parse("pipeline.yaml", []byte(mapPipeline), nil)
	require.NoError(t, err)
	stage, _ := pipeline.Stage("thumbs")
	require.Equal(t, "data/**/*.jpg", stage.Map.Over)
	require.Len(t, stage.Outs, 1)
	require.Equal(t, "thumbs", stage.Outs[0].Path)
	outs, err := stage.OutsOf("data/x/a b.jpg")
	require.NoError(t, err)
	require.Equal(t, []string{"thumbs/x/a b.png", "thumbs/x/a b.txt"}, outs)
	require.Equal(t, []string{"convert 'data/x/a b.jpg' thumbs/'x/a b'.png"}, stage.CmdOf("data/x/a b.jpg"))
}

// What is filled into a script reaches the command as it is, wherever it stands.
func TestMap_quoting(t *testing.T) {
	stage := &Stage{Wdir: ".", Map: &Map{Over: "d/*"}}
	for script, before := range map[string]string{
		`printf %s ${map.path}`: "", `printf %s "${map.path}"`: "", `printf %s '${map.path}'`: "", `printf %s "$(printf %s ${map.path})"`: "",
		`printf %s "$(printf %s "${map.path}")"`: "", `printf %s \"${map.path}`: `"`, `printf %s "\"${map.path}"`: `"`,
		`printf %s "$(printf %s 'x)' ${map.path})"`: "x)",
	} {
		for _, name := range []string{"d/a", "d/a b", "d/it's", `d/"q"`, "d/$HOME", "d/`id`", `d/b\c`, "d/*", "d/-n;ls", "d/line\nline"} {
			stage.Cmd = []string{script}
			out, err := exec.Command("sh", "-c", stage.CmdOf(name)[0]).Output()
			require.NoError(t, err, script)
			require.Equal(t, before+name, string(out), "%s for %s", script, name)
		}
	}
}

func TestMap_batch(t *testing.T) {
	pipeline, err := Parse("pipeline.yaml", []byte(`stages:
  a:
    map: {over: "in/*", batch: all, jobs: 2}
    wdir: sub
    cmd: go ${map.paths}
    outs: ["out/${map.name}"]
`), nil)
	require.NoError(t, err)
	stage, _ := pipeline.Stage("a")
	require.Equal(t, []string{"go in/a 'in/b c'"}, stage.CmdOf("sub/in/a", "sub/in/b c"))
	require.Equal(t, "sub/out", stage.Outs[0].Path)
}

func TestMap_mistakes(t *testing.T) {
	tests := map[string]string{
		`map: data/a.jpg`:              `5:10: "data/a.jpg" is no pattern`,
		`map: {batch: 2}`:              `map has no over`,
		`map: {over: "d/*", bach: 2}`:  `unknown key "bach"`,
		`map: {over: "d/*", batch: 0}`: `batch must be a number from 1`,
		`map: {over: "d/*", batch: 2}`: `the cmd takes several files, and names parts of one`,
	}
	for line, want := range tests {
		_, err := Parse("pipeline.yaml", []byte("stages:\n  a:\n    cmd: x ${map.path}\n    outs: [\"o/${map.stem}\"]\n    "+line+"\n"), nil)
		require.ErrorContains(t, err, want, line)
	}
	outs := map[string]string{
		`outs: ["${map.stem}.png"]`:                  `need a folder of their own`,
		`outs: [o/all.png]`:                          `does not say which file it is made of`,
		`outs: ["o/${map.steam}"]`:                   `"map" has no "steam"`,
		`metrics: ["o/${map.stem}"]`:                 `makes outs only`,
		`outs: [{"o/${map.stem}": {persist: true}}]`: `can't be persist`,
	}
	for line, want := range outs {
		_, err := Parse("pipeline.yaml", []byte("stages:\n  a:\n    map: \"d/*\"\n    cmd: x ${map.path}\n    "+line+"\n"), nil)
		require.ErrorContains(t, err, want, line)
	}
	pipeline, err := Parse("pipeline.yaml", []byte("stages: {a: {map: \"d/**\", cmd: 'x ${map.path}', outs: ['o/${map.rel}/../../../${map.stem}']}}"), nil)
	if err == nil {
		stage, _ := pipeline.Stage("a")
		_, err = stage.OutsOf("d/x")
	}
	require.Error(t, err)
}
