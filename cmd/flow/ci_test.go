package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"flow/pkg/document"
)

// cistep is a shell step of a CI pipeline.
type cistep struct {
	script string
	always bool // also after a step that failed
}

// cisteps writes the shell steps of a CI pipeline as one script that runs them as the
// service would, each in a shell of its own: cisteps SERVICE FILE SCRIPT.
func cisteps(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cisteps SERVICE FILE SCRIPT")
	}
	text := ts.ReadFile(args[1])
	var steps []cistep
	var err error
	switch args[0] {
	case "jenkins":
		steps = jenkinsSteps(text)
	default:
		steps, err = yamlSteps(args[0], text)
	}
	ts.Check(err)
	script := "failed=0\n"
	for i, step := range steps {
		run := fmt.Sprintf("bash -e -o pipefail <<'STEP%d' || failed=1\n%s\nSTEP%d\n", i, step.script, i)
		if step.always {
			script += run
			continue
		}
		script += "if [ $failed = 0 ]; then\n" + run + "fi\n"
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(script+"exit $failed\n"), 0o755))
}

func yamlSteps(service, text string) ([]cistep, error) {
	doc, err := document.Parse("ci.yaml", []byte(text))
	if err != nil {
		return nil, err
	}
	var steps []cistep
	if service == "github" {
		for _, step := range doc.Root.Get("jobs").Get("repro").Get("steps").Items {
			if run := step.Get("run"); run != nil {
				always := step.Get("if") != nil && strings.HasPrefix(step.Get("if").Text, "always()")
				steps = append(steps, cistep{run.Text, always})
			}
		}
		return steps, nil
	}
	job, before := doc.Root.Get("flow"), ""
	for _, key := range []string{"before_script", "script"} { // one shell for both
		for _, line := range job.Get(key).Items {
			before += line.Text + "\n"
		}
	}
	return []cistep{{before, false}, {job.Get("after_script").Items[0].Text, true}}, nil
}

var jenkinsShell = regexp.MustCompile(`(?s)\bsh '''(.*?)'''|\bsh '([^'\n]*)'`)

func jenkinsSteps(text string) []cistep {
	stages, post, _ := strings.Cut(text, "\n  post {")
	var steps []cistep
	for i, part := range []string{stages, post} {
		for _, found := range jenkinsShell.FindAllStringSubmatch(part, -1) {
			steps = append(steps, cistep{found[1] + found[2], i == 1})
		}
	}
	return steps
}

// TestCI_schemas holds the pipelines against the services' own schemas.
func TestCI_schemas(t *testing.T) {
	checker := os.Getenv("FLOW_CHECK_JSONSCHEMA")
	if checker == "" {
		checker, _ = exec.LookPath("check-jsonschema")
	}
	if checker == "" {
		if os.Getenv("FLOW_TEST_ALL") == "" {
			t.Skip("it needs the services' schemas: pip install check-jsonschema")
		}
		require.Fail(t, "there is no check-jsonschema", "pip install check-jsonschema")
	}
	dir := projectOf(t, map[string]string{"pipeline.yaml": "stages: {a: {cmd: 'true'}}\n", ".flow/config": "remotes:\n  r: {url: /tmp/r}\n"})
	for service, schema := range map[string]string{"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"} {
		for _, install := range []string{"", "curl -o flow https://example.org/flow\nchmod +x flow"} {
			text := flowIn(t, dir, "ci", service, "--install", install, "--branch", "main")
			file := filepath.Join(t.TempDir(), "ci.yaml")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
			out, err := exec.Command(checker, "--builtin-schema", schema, file).CombinedOutput()
			require.NoError(t, err, "%s\n%s", out, text)
		}
	}
}
