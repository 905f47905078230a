package difftest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// answer is what a tool did when it was asked something.
type answer struct {
	Code   int    `json:"code"`
	Output string `json:"output"`
	Stdout string `json:"-"` // flow's alone
}

// A tool is DVC or flow.
type tool interface {
	run(dir string, env map[string]string, args ...string) (answer, error)
}

// flowTool is the binary under test.
type flowTool struct{ binary string }

func buildFlow(t *testing.T) *flowTool {
	t.Helper()
	if binary := os.Getenv("FLOW_DIFF_BINARY"); binary != "" {
		return &flowTool{binary: binary}
	}
	binary := filepath.Join(t.TempDir(), "flow")
	out, err := exec.Command("go", "build", "-o", binary, "flow/cmd/flow").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return &flowTool{binary: binary}
}

func (f *flowTool) run(dir string, env map[string]string, args ...string) (answer, error) {
	cmd := exec.Command(f.binary, args...)
	cmd.Dir = dir
	cmd.Env = os.Environ()
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stdout bytes.Buffer
	var both together
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&stdout, &both), &both
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return answer{}, err
	}
	return answer{Code: cmd.ProcessState.ExitCode(), Output: both.String(), Stdout: stdout.String()}, nil
}

// together is what comes on two streams, as it comes.
type together struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *together) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *together) String() string { return t.text.String() }

// dvcTool is the real DVC, in a process of its own that lives as long as the test.
type dvcTool struct {
	in      io.WriteCloser
	answers *bufio.Reader
}

// startDVC skips the test when there is no DVC, unless all tests are asked for.
func startDVC(t *testing.T) *dvcTool {
	t.Helper()
	python, err := findPython()
	if err != nil {
		missing := fmt.Sprintf("DVC is needed: %v; install it with\n"+
			"  python3 -m venv /opt/flow-test-venv && /opt/flow-test-venv/bin/pip install dvc==3.67.1\n"+
			"and set FLOW_DVC_PYTHON=/opt/flow-test-venv/bin/python", err)
		if os.Getenv("FLOW_TEST_ALL") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	driver, err := filepath.Abs("testdata/driver.py")
	require.NoError(t, err)
	cmd := exec.Command(python, driver)
	cmd.Env = append(os.Environ(), "SHELL=/bin/sh", "PYTHONHASHSEED=0", "DVC_NO_ANALYTICS=1", "DVC_SITE_CACHE_DIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &dvcTool{in: in, answers: bufio.NewReader(out)}
}

// findPython returns a Python that has DVC.
func findPython() (string, error) {
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
	if out, err := exec.Command(python, "-c", "import dvc.cli").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s has no dvc: %w: %s", python, err, out)
	}
	return python, nil
}

func (d *dvcTool) run(dir string, env map[string]string, args ...string) (answer, error) {
	request, err := json.Marshal(map[string]any{"dir": dir, "args": args, "env": env})
	if err != nil {
		return answer{}, err
	}
	if _, err := d.in.Write(append(request, '\n')); err != nil {
		return answer{}, fmt.Errorf("ask DVC: %w", err)
	}
	line, err := d.answers.ReadBytes('\n')
	if err != nil {
		return answer{}, fmt.Errorf("DVC's driver ended: %w", err)
	}
	var a answer
	return a, json.Unmarshal(line, &a)
}

// side is one of the two copies of a project.
type side struct {
	tool     tool
	dir      string
	pipeline string // the pipeline's file
	lock     string
	env      map[string]string
	log      string
}

func newSide(t tool, base, name, pipeline, lock string) (*side, error) {
	s := &side{tool: t, dir: filepath.Join(base, name), pipeline: pipeline, lock: lock, log: filepath.Join(base, name+".log")}
	s.env = map[string]string{"FLOW_DIFF_LOG": s.log, "FLOW_DIFF_BROKEN": filepath.Join(base, "broken")}
	return s, errors.Join(os.MkdirAll(s.dir, 0o755), os.WriteFile(s.log, nil, 0o644))
}

// run runs a command and returns, besides its answer, the stages that ran.
func (s *side) run(args ...string) (answer, []string, error) {
	if err := os.Truncate(s.log, 0); err != nil {
		return answer{}, nil, err
	}
	a, err := s.tool.run(s.dir, s.env, args...)
	if err != nil {
		return a, nil, err
	}
	text, err := os.ReadFile(s.log)
	return a, strings.Fields(string(text)), err
}

// notCompared are the files that belong to the tools.
var notCompared = map[string]bool{
	".dvc": true, ".flow": true, ".dvcignore": true, ".git": true, ".gitignore": true,
	"dvc.yaml": true, "pipeline.yaml": true, "dvc.lock": true, "pipeline.lock": true,
}

// files returns what every file of the project holds.
func (s *side) files() (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(s.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.dir, name)
		if err != nil {
			return err
		}
		if notCompared[rel] {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		text, err := os.ReadFile(name)
		files[filepath.ToSlash(rel)] = string(text)
		return err
	})
	return files, err
}

// write makes a file hold a text, in place or as a new file.
func (s *side) write(name, text string, inPlace bool) error {
	full := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	if inPlace {
		return os.WriteFile(full, []byte(text), 0o644)
	}
	if err := os.WriteFile(full+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(full+".new", full)
}

func (s *side) remove(name string) error {
	return os.RemoveAll(filepath.Join(s.dir, filepath.FromSlash(name)))
}
