package migrate

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/disk"
	"flow/pkg/document"
)

// planned makes the plan of a DVC project with these files.
func planned(t *testing.T, files map[string]string) (*Plan, error) {
	t.Helper()
	t.Setenv("DVC_SYSTEM_CONFIG_DIR", "/nowhere")
	t.Setenv("DVC_GLOBAL_CONFIG_DIR", "/nowhere")
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	root, err := disk.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	fine := func(string) error { return nil }
	return Make(context.Background(), root, Options{Value: func(_, _ string) error { return nil }, RemoteName: fine})
}

// text returns what a planned file would hold.
func (p *Plan) text(name string) string {
	for _, file := range p.Files {
		if file.Name == name {
			return string(file.Text)
		}
	}
	return "(not planned)"
}

// TestMake_pipeline: what a dvc.yaml becomes. All that is not named stays byte for byte.
func TestMake_pipeline(t *testing.T) {
	for name, test := range map[string]struct{ dvc, flow, findings string }{
		"what is the same stays": {
			"# kept\nstages:\n\n  a:   # so is this\n      cmd: python a.py && python b.py\n      outs: [ x ,  y ]\n\n",
			"# kept\nstages:\n\n  a:   # so is this\n      cmd: python a.py && python b.py\n      outs: [ x ,  y ]\n\n", "",
		},
		"lines are scripts": {
			"stages:\n  a:\n    cmd: |\n      one\n\n      two && three\n    outs: [x]\n",
			"stages:\n  a:\n    cmd:\n      - one\n      - two && three\n    outs: [x]\n", "",
		},
		"a folded cmd is one": {
			"stages:\n  a:\n    cmd: >-\n      one\n      two\n    outs: [x]\n",
			"stages:\n  a:\n    cmd: >-\n      one\n      two\n    outs: [x]\n", "",
		},
		"a shell": {
			"stages:\n  a:\n    cmd: one | two\n    outs: [x]\n  b:\n    cmd: [one, '[[ -f x ]] && y']\n",
			"stages:\n  a:\n    cmd: one | two\n    outs: [x]\n    shell: sh -c\n  b:\n    cmd: [one, '[[ -f x ]] && y']\n    shell: bash -c\n", "",
		},
		"a shell by what a template stands for": {
			"vars: [{c: one; two}]\nstages:\n  a:\n    foreach: [1, 2]\n    do:\n      cmd: ${c} ${item}\n      outs: ['x${item}']\n",
			"vars: [{c: one; two}]\nstages:\n  a:\n    foreach: [1, 2]\n    do:\n      cmd: ${c} ${item}\n      outs: ['x${item}']\n      shell: sh -c\n", "",
		},
		"what can't be tracked": {
			"datasets:\n- {name: d, type: url, url: s3://b}\nstages:\n  a:\n    cmd: one\n    deps:\n    - s3://b/x\n    - y\n    - /etc/hosts\n    - ../z\n    - https://h/x\n    outs:\n    - remote://r/x\n    - o\n",
			"stages:\n  a:\n    cmd: one\n    deps:\n    - y\n    - https://h/x\n    outs:\n    - o\n",
			"dvc.yaml:2:1: datasets have no counterpart\ndvc.yaml:7:7: dep \"s3://b/x\" is on a remote; it is left out\ndvc.yaml:9:7: dep \"/etc/hosts\" is an absolute path; it is left out\n" +
				"dvc.yaml:10:7: dep \"../z\" lies outside the project; it is left out\ndvc.yaml:11:7: dep \"https://h/x\" is looked up anew: the stage runs once\ndvc.yaml:13:7: out \"remote://r/x\" is on a remote; it is left out",
		},
		"what speaks of DVC": {
			"stages:\n  a:\n    cmd: dvc pull x && echo\n    outs: [x]\n  b:\n    cmd: echo $DVC_ROOT\n    outs: [y]\n",
			"stages:\n  a:\n    cmd: dvc pull x && echo\n    outs: [x]\n  b:\n    cmd: echo $DVC_ROOT\n    outs: [y]\n",
			"dvc.yaml:2:3: the command of stage \"a\" calls dvc\ndvc.yaml:5:3: the command of stage \"b\" reads $DVC_ROOT, which flow does not set",
		},
		"nothing": {"", "", ""},
	} {
		plan, err := planned(t, map[string]string{"dvc.yaml": test.dvc})
		require.NoError(t, err, name)
		require.Equal(t, test.flow, plan.text("pipeline.yaml"), name)
		require.Equal(t, test.findings, plan.Findings.Error(), name)
		_, err = document.Parse("pipeline.yaml", []byte(test.flow))
		require.NoError(t, err)
	}
}

const tracked = "outs:\n- md5: 5d41402abc4b2a76b9719d911017c592\n  hash: md5\n  path: "

// TestMake_data: each .dvc file goes into the nearest pipeline upwards.
func TestMake_data(t *testing.T) {
	plan, err := planned(t, map[string]string{
		"a.dvc": tracked + "a\n", "deep/er/b.dvc": tracked + "b\n  desc: told\n", "sub/dvc.yaml": "stages: {}\n", "sub/deep/c.dvc": tracked + "c\nfrozen: true\nmeta: {k: [1]}\n",
		"sub/up.dvc": tracked + "up\nwdir: ..\n",
	})
	require.NoError(t, err)
	require.Equal(t, "data:\n  - a\n  - path: deep/er/b\n    desc: told\n  - up\n", plan.text("pipeline.yaml"))
	require.Equal(t, "stages: {}\ndata:\n  - path: deep/c\n    frozen: true\n    meta:\n      k:\n        - 1\n", plan.text("sub/pipeline.yaml"))
	require.Equal(t, 4, plan.Sources)
	require.Equal(t, 1, plan.Objects.Missing)
	require.Len(t, plan.Objects.Lacking, 1)
}

// TestMake_refuses: what can't be taken over as a whole is told, and nothing is planned.
func TestMake_refuses(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"somebody else's pipeline": {map[string]string{"dvc.yaml": "stages: {}\n", "pipeline.yaml": "stages:\n"}, "pipeline.yaml is there, and is not what migrate would write"},
		"a mistake, at its line": {
			map[string]string{"dvc.yaml": "stages:\n  a:\n    cmd: |\n      one\n\n      two\n    outs: [x]\n  b:\n    cmd: ${nothing}\n"},
			"dvc.yaml:9:10: nothing is called \"nothing\"",
		},
		"two owners": {map[string]string{"dvc.yaml": "stages:\n  a:\n    cmd: one\n    outs: [x]\n", "x.dvc": tracked + "x\n"}, "x"},
	} {
		_, err := planned(t, test.files)
		require.ErrorContains(t, err, test.want, name)
	}
}

func TestMake_settings(t *testing.T) {
	plan, err := planned(t, map[string]string{
		"dvc.yaml":          "",
		".dvc/config":       "[core]\n    remote = Store\n    analytics = false\n[cache]\n    type = \"reflink, copy\"\n    dir = ../../cache\n['remote \"store\"']\n    url = ../../there\n    jobs = 4\n    worktree = true\n['remote \"odd\"']\n    url = gdrive://x\n",
		".dvc/config.local": "['remote \"store\"']\n    retries = 3\n",
	})
	require.NoError(t, err)
	require.Equal(t, []Setting{
		{Key: "remote", Value: "store"},
		{Key: "cache.type", Value: "reflink,copy"},
		{Key: "cache.dir", Value: "../cache-flow"},
		{Remote: "store", Key: "url", Value: "../there"},
		{Remote: "store", Key: "jobs", Value: "4"},
		{Local: true, Remote: "store", Key: "retries", Value: "3"},
	}, plan.Settings)
	require.Equal(t, ".dvc/config:3: the setting core.analytics has no counterpart\n"+
		".dvc/config:10: the setting remote.store.worktree has no counterpart\n"+
		".dvc/config:12: the setting remote.odd.url is not taken over: \"gdrive\" is no kind of remote that flow knows", plan.Findings.Error())
}

func TestPythonEqual(t *testing.T) {
	for _, test := range []struct {
		a, b  string
		equal bool
	}{
		{"1", "1.0", true}, {"true", "1", true}, {"1", "2", false}, {`"1"`, "1", false}, {"null", "0", false},
		{"[1, 2]", "[1.0,2]", true}, {"[1]", "[1,2]", false}, {`{"a":1}`, `{"a":true}`, true}, {`{"a":1}`, `{"b":1}`, false},
		{"0.1", "0.10", true}, {"1e400", "1e400", true}, {"false", "", false},
	} {
		require.Equal(t, test.equal, pythonEqual(map[string]string{"k": test.a}, map[string]string{"k": test.b}), "%s %s", test.a, test.b)
	}
}
