package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/workspace"
)

// world is a little project: a pipeline, files, and a runner that runs the scripts
// of a small language instead of programs.
type world struct {
	t      *testing.T
	dir    string
	runner *scripted
	log    event.Log
	git    bool
}

// scripted runs scripts of lines such as
//
//	a b/c > d     write into d what a and b/c hold, joined, behind the stage's name
//	tail a > d    write only a's last line
//	fail          end with exit code 3
//	hook          call the test's hook
//
// relative to the folder that the script runs in.
type scripted struct {
	ran  []string
	hook func(stage string)
}

func (s *scripted) Run(_ context.Context, command engine.Command, output func(bool, string)) (engine.Outcome, error) {
	s.ran = append(s.ran, command.Stage)
	for _, line := range strings.Split(command.Script, "\n") {
		line, _, _ = strings.Cut(line, "#")
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case words[0] == "fail":
			output(true, "it failed")
			return engine.Outcome{Code: 3}, nil
		case words[0] == "hook":
			s.hook(command.Stage)
		default:
			if err := s.write(command, words); err != nil {
				return engine.Outcome{}, err
			}
		}
	}
	return engine.Outcome{}, nil
}

func (s *scripted) write(command engine.Command, words []string) error {
	tail := words[0] == "tail"
	if tail {
		words = words[1:]
	}
	var text strings.Builder
	for i, word := range words {
		if word == ">" {
			to := filepath.Join(command.Dir, words[i+1])
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			return os.WriteFile(to, []byte(text.String()), 0o644)
		}
		content, err := os.ReadFile(filepath.Join(command.Dir, word))
		if err != nil {
			return err
		}
		if tail {
			lines := strings.Split(strings.TrimSpace(string(content)), "\n")
			content = []byte(lines[len(lines)-1] + "\n")
		}
		fmt.Fprintf(&text, "%s", content)
	}
	return errors.New("a line without >")
}

// newWorld makes a world of files: name → content.
func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), runner: &scripted{}}
	for name, content := range files {
		w.write(name, content)
	}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *world) write(name, content string) {
	w.t.Helper()
	require.NoError(w.t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	require.NoError(w.t, os.WriteFile(w.path(name), []byte(content), 0o644))
}

func (w *world) read(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(w.path(name))
	require.NoError(w.t, err)
	return string(content)
}

func (w *world) remove(name string) {
	w.t.Helper()
	require.NoError(w.t, os.RemoveAll(w.path(name)))
}

// open opens the engine as a new process would.
func (w *world) open() *engine.Engine {
	w.t.Helper()
	root, err := disk.OpenRoot(w.dir)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { root.Close() })
	require.NoError(w.t, root.MkdirAll(".flow/cache", 0o755))
	require.NoError(w.t, root.MkdirAll(".flow/tmp", 0o755))
	store, err := root.Sub(".flow/cache")
	require.NoError(w.t, err)
	objects, err := cache.Open(store, cache.Options{})
	require.NoError(w.t, err)
	files, err := workspace.Open(root, objects, workspace.Options{IndexDir: ".flow/index"})
	require.NoError(w.t, err)
	pipeline, err := stages.LoadDir(w.dir, stages.File)
	require.NoError(w.t, err)
	graph, err := pipeline.Graph()
	require.NoError(w.t, err)
	return &engine.Engine{Pipeline: pipeline, Graph: graph, Root: root, Workspace: files, Cache: objects,
		Ledger: lock.NewLedger(root, lock.Name, ".flow"), Runner: w.runner, State: ".flow", Git: w.git}
}

// try runs repro and returns the stages whose command ran, in order.
func (w *world) try(options engine.Options) ([]string, error) {
	w.t.Helper()
	w.runner.ran, w.log = nil, nil
	err := w.open().Repro(context.Background(), options, &w.log)
	return w.runner.ran, err
}

// repro runs repro, which must go well, and checks which commands ran.
func (w *world) repro(options engine.Options, want ...string) {
	w.t.Helper()
	ran, err := w.try(options)
	require.NoError(w.t, err)
	require.Equal(w.t, want, ran)
}

// everything is the zero options: what changed runs.
var everything = engine.Options{}

// reasons returns why a stage was stale in the last run, a line for each.
func (w *world) reasons(stage string) []string {
	for _, e := range w.log {
		if finished, is := e.(event.StageFinished); is && finished.Stage == stage {
			var lines []string
			for _, reason := range finished.Reasons {
				lines = append(lines, reason.String())
			}
			return lines
		}
	}
	return nil
}

// ended returns how the stages of the last run ended.
func (w *world) ended() map[string]event.Status {
	statuses := map[string]event.Status{}
	for _, e := range w.log {
		if finished, is := e.(event.StageFinished); is {
			statuses[finished.Stage] = finished.Status
		}
	}
	return statuses
}

func (w *world) warnings() string {
	var lines []string
	for _, e := range w.log {
		if warning, is := e.(event.Warning); is {
			lines = append(lines, warning.Text+" "+warning.Hint)
		}
	}
	return strings.Join(lines, "\n")
}

// fourStages is a pipeline in which tail cuts off early: it only passes on the last
// line of what it reads.
const fourStages = `stages:
  create:
    cmd: raw > data/a
    deps: [raw]
    outs: [data]
  clean:
    cmd: tail data/a > clean
    deps: [data]
    outs: [clean]
  train:
    cmd: clean params.yaml > model
    deps: [clean]
    params: [train.lr]
    outs: [model]
  test:
    cmd: model > metrics.json
    deps: [model]
    metrics: [{metrics.json: {cache: false}}]
`

func fourStageWorld(t *testing.T) *world {
	return newWorld(t, map[string]string{
		"pipeline.yaml": fourStages,
		"params.yaml":   "train: {lr: 0.1, other: 1}\n",
		"raw":           "1\n2\n",
	})
}

func parseID(t *testing.T, text string) digest.ID {
	t.Helper()
	id, err := digest.Parse(text)
	require.NoError(t, err)
	return id
}
