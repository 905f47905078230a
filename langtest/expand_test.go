package langtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"flow/pkg/diag"
	"flow/pkg/stages"
)

// resolved is what a tool makes of a pipeline.
type resolved struct {
	Project   string   `json:"project,omitempty"`
	Error     string   `json:"error,omitempty"`
	Stages    []stage  `json:"stages"`
	Metrics   []string `json:"metrics"`
	TopParams []string `json:"top_params"`
	Plots     []string `json:"plots"`
	Artifacts []string `json:"artifacts"`
}

type stage struct {
	Name   string   `json:"name"`
	Cmd    []string `json:"cmd"`
	Wdir   string   `json:"wdir"`
	Deps   []string `json:"deps"`
	Params []string `json:"params"`
	Outs   []out    `json:"outs"`
	Frozen bool     `json:"frozen"`
	Desc   string   `json:"desc"`
	Always bool     `json:"always_changed"`
}

type out struct {
	Path    string `json:"path"`
	Kind    string `json:"kind"`
	Cache   bool   `json:"cache"`
	Persist bool   `json:"persist"`
	Push    bool   `json:"push"`
	Remote  string `json:"remote"`
	Desc    string `json:"desc"`
	Plot    string `json:"plot"`
}

// TestExpand_likeDVC loads every pipeline of the corpus with both tools.
func TestExpand_likeDVC(t *testing.T) {
	python := findPython(t)
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 40)
	base := t.TempDir()
	for _, file := range files {
		write(t, base, file)
	}
	dvc := loadWithDVC(t, python, base)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			expected, _, found := strings.Cut(strings.TrimPrefix(string(text), "# "), ":")
			require.True(t, found, "the first line says what is expected")
			compare(t, expected, dvc[name], loadWithFlow(t, filepath.Join(base, name)))
		})
	}
}

func compare(t *testing.T, expected string, dvc, flow resolved) {
	t.Helper()
	t.Logf("DVC: %s\nflow: %s", dvc.Error, flow.Error)
	switch expected {
	case "both":
		require.Empty(t, dvc.Error, "DVC refuses it")
		require.Empty(t, flow.Error, "flow refuses it")
		require.Equal(t, dvc, flow)
	case "differ":
		require.Empty(t, dvc.Error+flow.Error)
		require.NotEqual(t, dvc, flow)
	case "neither", "flow", "dvc":
		require.Equal(t, expected != "dvc", dvc.Error != "", "DVC refuses it")
		require.Equal(t, expected != "flow", flow.Error != "", "flow refuses it")
	default:
		t.Fatalf("%q is no expectation", expected)
	}
}

// write lays a pipeline out as a project that both tools read.
func write(t *testing.T, base, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	dir := filepath.Join(base, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	files := append(archive.Files, txtar.File{Name: "dvc.yaml", Data: archive.Comment}, txtar.File{Name: stages.File, Data: archive.Comment})
	for _, f := range files {
		full := filepath.Join(dir, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, f.Data, 0o644))
	}
}

func loadWithDVC(t *testing.T, python, base string) map[string]resolved {
	t.Helper()
	driver, err := filepath.Abs("testdata/tool/driver.py")
	require.NoError(t, err)
	cmd := exec.Command(python, driver, base)
	cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0", "DVC_NO_ANALYTICS=1", "DVC_SITE_CACHE_DIR="+t.TempDir())
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	answer, err := cmd.Output()
	require.NoError(t, err, "%s", complaints.String())
	found := map[string]resolved{}
	for line := range strings.Lines(string(answer)) {
		var r resolved
		require.NoError(t, json.Unmarshal([]byte(line), &r), "%s", line)
		name := r.Project
		r.Project = ""
		found[name] = r
	}
	return found
}

func loadWithFlow(t *testing.T, dir string) resolved {
	t.Helper()
	pipeline, err := parse(t, dir)
	if err != nil {
		for _, problem := range diag.All(err) {
			require.NotEmpty(t, problem.Pos.File, "%v", problem)
			require.Positive(t, problem.Pos.Line, "%v", problem)
			require.NotEmpty(t, problem.Line, "%v", problem)
		}
		return resolved{Error: err.Error()}
	}
	told := resolved{Stages: []stage{}, Metrics: []string{}, TopParams: []string{}, Plots: []string{}, Artifacts: []string{}}
	for _, s := range pipeline.Commands() {
		told.Stages = append(told.Stages, tell(s))
	}
	for _, metric := range pipeline.Metrics {
		told.Metrics = append(told.Metrics, metric.Path.Path)
	}
	for _, params := range pipeline.Params {
		told.TopParams = append(told.TopParams, params.Path)
	}
	for _, plot := range pipeline.Plots {
		told.Plots = append(told.Plots, plot.ID+" = "+tellPlot(&plot))
	}
	for _, a := range pipeline.Artifacts {
		told.Artifacts = append(told.Artifacts, strings.Join([]string{a.ID, a.Path, a.Desc, a.Type, strings.Join(a.Labels, ",")}, " | "))
	}
	return told
}

// tellPlot is how a plot is drawn, as text.
func tellPlot(plot *stages.Plot) string {
	columns := func(axis []stages.Column) string {
		var texts []string
		for _, column := range axis {
			texts = append(texts, column.File+":"+column.Field)
		}
		return strings.Join(texts, " ")
	}
	texts := []string{columns(plot.X), columns(plot.Y), plot.Title, plot.XLabel, plot.YLabel, plot.Template}
	if !plot.Header {
		texts = append(texts, "no header")
	}
	return strings.Join(texts, " | ")
}

// parse reads a pipeline with what its project's file config says, which is DVC's.
func parse(t *testing.T, dir string) (*stages.Pipeline, error) {
	t.Helper()
	var options stages.Options
	if config, err := os.ReadFile(filepath.Join(dir, "config")); err == nil {
		options.Flags.Negate = bytes.Contains(config, []byte("bool = boolean_optional"))
		options.Flags.Repeat = bytes.Contains(config, []byte("list = append"))
	}
	text, err := os.ReadFile(filepath.Join(dir, stages.File))
	require.NoError(t, err)
	read := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))) }
	return stages.ParseWith(options, stages.File, text, read)
}

func tell(s *stages.Stage) stage {
	told := stage{Name: s.Name, Cmd: s.Cmd, Wdir: s.Wdir, Deps: []string{}, Params: []string{}, Outs: []out{}, Frozen: s.Frozen, Desc: s.Desc, Always: s.AlwaysChanged}
	for _, dep := range s.Deps {
		told.Deps = append(told.Deps, dep.Path)
	}
	for _, param := range s.Params {
		told.Params = append(told.Params, param.File+":"+param.Key)
	}
	for _, o := range s.Outs {
		one := out{Path: o.Path, Kind: string(o.Kind), Cache: o.Cache, Persist: o.Persist, Push: o.Push, Remote: o.Remote, Desc: o.Desc}
		if plain := (stages.Plot{ID: o.Path, Path: o.Path, Pos: o.Pos, Header: true}); o.Plot != nil && tellPlot(o.Plot) != tellPlot(&plain) {
			one.Plot = tellPlot(o.Plot)
		}
		told.Outs = append(told.Outs, one)
	}
	slices.Sort(told.Deps)
	slices.Sort(told.Params)
	slices.SortFunc(told.Outs, func(a, b out) int { return cmp.Compare(a.Path, b.Path) })
	return told
}

// findPython returns a Python that has DVC; without one the test is skipped, unless
// all tests are asked for.
func findPython(t *testing.T) string {
	t.Helper()
	python, err := pythonWithDVC()
	if err == nil {
		return python
	}
	missing := fmt.Sprintf("DVC is needed: %v; install it with\n"+
		"  python3 -m venv /opt/flow-test-venv && /opt/flow-test-venv/bin/pip install dvc==3.67.1\n"+
		"and set FLOW_DVC_PYTHON=/opt/flow-test-venv/bin/python", err)
	if os.Getenv("FLOW_TEST_ALL") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

func pythonWithDVC() (string, error) {
	python := os.Getenv("FLOW_DVC_PYTHON")
	if python == "" {
		script, err := exec.LookPath("dvc")
		if err != nil {
			return "", errors.New("FLOW_DVC_PYTHON is not set and there is no dvc on the PATH")
		}
		text, err := os.ReadFile(script)
		if err != nil {
			return "", err
		}
		line, _, _ := strings.Cut(string(text), "\n")
		python = strings.TrimSpace(strings.TrimPrefix(line, "#!"))
	}
	if out, err := exec.Command(python, "-c", "import dvc.repo").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s has no dvc: %w: %s", python, err, out)
	}
	return python, nil
}
