package difftest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMigrate_DVCs: what DVC made is a flow project after one command: the status is the
// same, nothing runs that DVC would not run, all comes back from the cache.
func TestMigrate_DVCs(t *testing.T) {
	d, f := startDVC(t), buildFlow(t)
	for _, project := range dvcProjects {
		t.Run(project.name, func(t *testing.T) { migrateProject(t, d, f, project) })
	}
}

func migrateProject(t *testing.T, d *dvcTool, f *flowTool, project dvcProject) {
	base := t.TempDir()
	left, err := newSide(d, base, "dvc", "dvc.yaml", "dvc.lock")
	require.NoError(t, err)
	project.make(t, left)
	right, err := newSide(f, base, "flow", "pipeline.yaml", "pipeline.lock")
	require.NoError(t, err)
	copyAll(t, left.dir, right.dir)
	if project.links {
		a, err := d.run(right.dir, right.env, "checkout", "--relink")
		require.NoError(t, err)
		require.Zero(t, a.Code, a.Output)
	}
	before := listing(t, right.dir)
	a := must(t, right, "migrate", "--json")
	t.Log(a.Output)
	after := listing(t, right.dir)
	for name, text := range before {
		require.Equal(t, text, after[name], "%s is DVC's or the person's", name)
	}
	dvcStale, flowStale := staleUnderDVC(t, left), staleUnderFlow(t, right)
	require.Equal(t, dvcStale, flowStale)
	require.Equal(t, project.stale, len(dvcStale) > 0, "%v", dvcStale)
	must(t, right, "fsck")
	again := must(t, right, "migrate", "--json")
	require.Equal(t, flowStale, staleUnderFlow(t, right), again.Output)
	if !project.stale {
		_, ran, err := right.run("repro")
		require.NoError(t, err)
		require.Empty(t, ran)
		comesBack(t, left, right)
	}
	for _, s := range []*side{left, right} {
		require.NoError(t, sed(s.dir, "params.yaml", project.param[0], project.param[1]))
	}
	_, dvcRan, err := left.run("repro", "-P")
	require.NoError(t, err)
	reproduced, flowRan, err := right.run("repro")
	require.NoError(t, err)
	slices.Sort(dvcRan)
	slices.Sort(flowRan)
	require.Equal(t, dvcRan, flowRan, reproduced.Output)
	sameFiles(t, left, right)
}

// comesBack deletes what is tracked, and DVC's cache, and has flow bring it back.
func comesBack(t *testing.T, left, right *side) {
	t.Helper()
	require.NoError(t, os.RemoveAll(filepath.Join(right.dir, ".dvc", "cache")))
	for _, line := range strings.Split(strings.TrimSpace(trackedPaths(t, right)), "\n") {
		require.NoError(t, os.RemoveAll(filepath.Join(right.dir, line)))
	}
	must(t, right, "checkout")
	sameFiles(t, left, right)
}

// trackedPaths returns what the lock names: data and the outs that are cached.
func trackedPaths(t *testing.T, s *side) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, s.lock))
	require.NoError(t, err)
	var paths []string
	section, outs := "", false
	for line := range strings.Lines(string(text)) {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		word := strings.Trim(strings.TrimSuffix(strings.TrimSpace(line), ":"), `"`)
		switch {
		case indent == 0:
			section = word
		case indent == 2 && section == "data":
			paths = append(paths, word)
		case indent == 4:
			outs = word == "outs"
		case indent == 6 && outs && word != "metrics.json":
			paths = append(paths, word)
		}
	}
	return strings.Join(paths, "\n")
}

func must(t *testing.T, s *side, args ...string) answer {
	t.Helper()
	a, _, err := s.run(args...)
	require.NoError(t, err)
	require.Zero(t, a.Code, "%v: %s", args, a.Output)
	return a
}

func sed(dir, name, old, new string) error {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), old) {
		return fmt.Errorf("%s has no %q", name, old)
	}
	return os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(string(text), old, new, 1)), 0o644)
}

func copyAll(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// listing returns what each file holds, with its mode.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == ".flow" {
				return filepath.SkipDir
			}
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		all[rel] = info.Mode().String() + " " + string(text)
		return err
	}))
	return all
}

// sameFiles compares all but the tools' own files, executable bits included.
func sameFiles(t *testing.T, left, right *side) {
	t.Helper()
	filter := func(files map[string]string) map[string]string {
		kept := map[string]string{}
		for name, text := range files {
			base := filepath.Base(name)
			top, _, _ := strings.Cut(name, "/")
			if notCompared[top] || notCompared[base] || base == ".flowignore" || strings.HasSuffix(base, ".tmp") || strings.HasSuffix(base, ".dvc") {
				continue
			}
			mode, content, _ := strings.Cut(text, " ")
			kept[name] = fmt.Sprint(strings.Contains(mode[:4], "x"), " ", content)
		}
		return kept
	}
	require.Equal(t, filter(listing(t, left.dir)), filter(listing(t, right.dir)))
}

// staleUnderDVC returns what `dvc status` lists, by flow's names.
func staleUnderDVC(t *testing.T, s *side) []string {
	t.Helper()
	stale := []string{}
	for name := range dvcStatus(t, s) {
		stale = append(stale, flowName(name))
	}
	slices.Sort(stale)
	return stale
}

func flowName(name string) string {
	name = strings.TrimSuffix(name, ".dvc")
	return strings.ReplaceAll(name, "dvc.yaml:", "pipeline.yaml:")
}

func dvcStatus(t *testing.T, s *side) map[string]json.RawMessage {
	t.Helper()
	a := must(t, s, "status", "--json")
	told := map[string]json.RawMessage{}
	_, object, found := strings.Cut(a.Output, "{")
	require.True(t, found, a.Output)
	require.NoError(t, json.NewDecoder(strings.NewReader("{"+object)).Decode(&told), a.Output)
	return told
}

// staleUnderFlow returns the stages that have reasons of their own. That what a stage
// above will have restored differs is none: flow looks ahead to it, DVC does not.
func staleUnderFlow(t *testing.T, s *side) []string {
	t.Helper()
	a := must(t, s, "status", "--json")
	var lines []struct {
		Stage, State, Will string
		Reasons            []struct{ Kind, Subject string }
	}
	require.NoError(t, json.Unmarshal([]byte(a.Stdout), &lines), a.Output)
	var declared []struct {
		Name string
		Outs []string
	}
	b := must(t, s, "stage", "list", "--json")
	require.NoError(t, json.Unmarshal([]byte(b.Stdout), &declared), b.Output)
	restored := map[string]bool{} // outs that will be
	for _, line := range lines {
		for _, stage := range declared {
			for _, out := range stage.Outs {
				restored[out] = restored[out] || stage.Name == line.Stage && line.Will == "would-restore"
			}
		}
	}
	stale := []string{}
	for _, line := range lines {
		own := len(line.Reasons) == 0
		for _, reason := range line.Reasons {
			own = own || reason.Kind != "dep changed" || !restored[reason.Subject]
		}
		if line.State == "stale" && own {
			stale = append(stale, line.Stage)
		}
	}
	slices.Sort(stale)
	return stale
}
