package difftest

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readPipeline makes metrics of every kind of value, in git and in the cache.
const readPipeline = `
params:
  - extra.json
metrics:
  - written/by-hand.yaml
stages:
  prepare:
    cmd: sort raw.txt > prepared.txt
    deps: [raw.txt]
    params: [split]
    outs: [prepared.txt]
  train:
    cmd: cat prepared.txt params.yaml | wc -c > model && cp by-hand.json scores.json
    deps: [prepared.txt, by-hand.json]
    params: [train]
    outs: [model]
    metrics:
      - scores.json: {cache: false}
  eval:
    cmd: 'mkdir -p report && printf "bytes: %s\nname: model\n" $(cat model) > report/size.yaml'
    deps: [model]
    params:
      - conf.toml: [limits.top]
    metrics: [report/size.yaml]
  lone:
    cmd: wc -l < raw.txt > lines
    deps: [raw.txt]
    outs: [lines]
`

// readFiles is what the project holds at each of two commits and after them.
var readFiles = []map[string]string{
	{
		"raw.txt":              "b\na\n",
		"params.yaml":          "split: 0.2\ntrain:\n  lr: 0.1\n  layers: [1, 2]\n  deep: {on: true, name: one}\nunused: 1\n",
		"conf.toml":            "[limits]\ntop = 3\nlow = 1\n",
		"extra.json":           `{"a": 1, "b": null}`,
		"by-hand.json":         `{"loss": 0.5, "acc": {"top1": 0.75, "top5": 1}, "best": true, "tag": "x", "list": [1, 2], "none": null}`,
		"written/by-hand.yaml": "manual: 3\nold: 1\n",
	},
	{
		"params.yaml":          "split: 0.2\ntrain:\n  lr: 0.3\n  layers: [1, 2, 3]\n  deep: {on: false, name: two}\nunused: 2\n",
		"by-hand.json":         `{"loss": 0.3, "acc": {"top1": 0.8, "top5": 1.0}, "best": false, "tag": "y", "list": [1], "more": 1e-7}`,
		"written/by-hand.yaml": "manual: 4.5\nnew: text\n",
	},
	{
		"raw.txt":      "b\na\nc\n",
		"params.yaml":  "split: 0.25\ntrain:\n  lr: 0.3\n  layers: [1, 2, 3]\n  deep: {on: false, name: two, more: {x: 1}}\nunused: 2\n",
		"conf.toml":    "[limits]\ntop = 4\nlow = 1\n",
		"extra.json":   `{"a": 1.5}`,
		"by-hand.json": `{"loss": 0.1, "acc": {"top1": 0.9}, "best": false, "tag": "y", "more": 12345.678901}`,
	},
}

// readCommands are asked of both tools. Their answers are compared as values.
var readCommands = []string{
	"metrics show --json",
	"metrics diff --json",
	"metrics diff --json --all",
	"metrics diff --json HEAD~1",
	"metrics diff --json HEAD~1 HEAD",
	"metrics diff --json --targets scores.json",
	"params diff --json",
	"params diff --json --all",
	"params diff --json --deps",
	"params diff --json HEAD~1 HEAD",
	"params diff --json --targets params.yaml",
}

// drawCommands are asked of both tools, too. Their answers are compared as graphs.
var drawCommands = []string{
	"dag --dot", "dag --mermaid", "dag --dot train", "dag --mermaid --full train", "dag --dot --outs", "dag --mermaid --outs eval",
}

// newSides makes a project of each tool in a git repository, with the same pipeline.
func newSides(t *testing.T, d, f tool, pipeline string) (dvc, flow *side) {
	base := t.TempDir()
	dvc, err := newSide(d, base, "dvc", "dvc.yaml", "dvc.lock")
	require.NoError(t, err)
	flow, err = newSide(f, base, "flow", "pipeline.yaml", "pipeline.lock")
	require.NoError(t, err)
	for _, s := range []*side{dvc, flow} {
		git(t, s, "init", "-q")
		a, _, err := s.run("init", "-q")
		require.NoError(t, err)
		require.Zero(t, a.Code, a.Output)
		require.NoError(t, s.write(s.pipeline, pipeline, false))
	}
	return dvc, flow
}

// TestReads_likeDVC compares what the reading commands tell of one history.
func TestReads_likeDVC(t *testing.T) {
	d, f := startDVC(t), buildFlow(t)
	dvc, flow := newSides(t, d, f, readPipeline)
	for i, files := range readFiles {
		for _, s := range []*side{dvc, flow} {
			for name, text := range files {
				require.NoError(t, s.write(name, text, false))
			}
			a, _, err := s.run("repro")
			require.NoError(t, err)
			require.Zero(t, a.Code, a.Output)
			if i < len(readFiles)-1 {
				git(t, s, "add", "-A")
				git(t, s, "-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "commit")
			}
		}
	}
	for _, command := range readCommands {
		t.Run(command, func(t *testing.T) {
			want, told := parseLists(jsonOf(t, dvc, command)), jsonOf(t, flow, command)
			if !strings.Contains(command, "--all") {
				dropNulls(told)
			}
			require.Equal(t, want, told)
		})
	}
	for _, command := range drawCommands {
		t.Run(command, func(t *testing.T) {
			require.Equal(t, graphOf(t, dvc, command), graphOf(t, flow, command))
		})
	}
}

func git(t *testing.T, s *side, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "git %v: %s", args, out)
}

// ask runs a reading command and returns what it printed.
func ask(t *testing.T, s *side, command string) string {
	t.Helper()
	a, _, err := s.run(strings.Fields(command)...)
	require.NoError(t, err)
	require.Zero(t, a.Code, a.Output)
	if a.Stdout != "" {
		return a.Stdout
	}
	return a.Output
}

func jsonOf(t *testing.T, s *side, command string) any {
	t.Helper()
	text := ask(t, s, command)
	start := strings.Index(text, "{")
	require.GreaterOrEqual(t, start, 0, text)
	var value any
	require.NoError(t, json.NewDecoder(strings.NewReader(text[start:])).Decode(&value), text)
	return value
}

// parseLists turns DVC's lists, which it prints as strings, into lists as flow
// prints them.
func parseLists(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = parseLists(value[key])
		}
	case string:
		var list []any
		if strings.HasPrefix(value, "[") && json.Unmarshal([]byte(value), &list) == nil {
			return list
		}
	}
	return value
}

// dropNulls drops the changes from null to nothing, which flow tells and DVC, for
// which they are the same, does not.
func dropNulls(told any) {
	files, _ := told.(map[string]any)
	for _, file := range files {
		changes, _ := file.(map[string]any)
		for key := range changes {
			change, _ := changes[key].(map[string]any)
			old, hadOld := change["old"]
			is, hasNew := change["new"]
			if hadOld && hasNew && old == nil && is == nil {
				delete(changes, key)
			}
		}
	}
}

var (
	dotNode     = regexp.MustCompile(`^\s*"([^"]*)"(?: \[.*\])?;$`)
	dotEdge     = regexp.MustCompile(`^\s*"([^"]*)" -> "([^"]*)";?$`)
	mermaidNode = regexp.MustCompile(`^\s*(\w+)\["([^"]*)"\]$`)
	mermaidEdge = regexp.MustCompile(`^\s*(\w+) ?--> ?(\w+)$`)
)

// graphOf returns the nodes and edges of a drawn graph, sorted.
func graphOf(t *testing.T, s *side, command string) []string {
	t.Helper()
	names := map[string]string{}
	var found []string
	for line := range strings.Lines(ask(t, s, command)) {
		line = strings.TrimRight(line, "\n")
		if m := dotNode.FindStringSubmatch(line); m != nil {
			found = append(found, m[1])
		} else if m := dotEdge.FindStringSubmatch(line); m != nil {
			found = append(found, m[1]+" -> "+m[2])
		} else if m := mermaidNode.FindStringSubmatch(line); m != nil {
			names[m[1]] = m[2]
			found = append(found, m[2])
		} else if m := mermaidEdge.FindStringSubmatch(line); m != nil {
			found = append(found, names[m[1]]+" -> "+names[m[2]])
		}
	}
	require.NotEmpty(t, found)
	slices.Sort(found)
	return found
}
