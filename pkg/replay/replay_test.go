package replay

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/process"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/workspace"
)

func TestMain(m *testing.M) {
	process.Main() // a stage's supervisor is this program
	os.Exit(m.Run())
}

// place is a project in a folder, with git where that is there.
type place struct {
	t   *testing.T
	dir string
}

func newPlace(t *testing.T, files map[string]string) *place {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stages are scripts of sh")
	}
	w := &place{t: t, dir: t.TempDir()}
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "home"))
	for name, text := range files {
		w.write(name, text, 0o644)
	}
	if _, err := exec.LookPath("git"); err == nil {
		cmd := exec.Command("git", "init", "-q")
		cmd.Dir = w.dir
		require.NoError(t, cmd.Run())
	}
	return w
}

func (w *place) write(name, text string, perm fs.FileMode) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
	_ = os.Remove(path)
	require.NoError(w.t, os.WriteFile(path, []byte(text), perm))
}

func (w *place) open() *project.Project {
	w.t.Helper()
	p, err := project.Open(w.dir)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { p.Root.Close() })
	require.NoError(w.t, p.Prepare())
	return p
}

// repro runs the pipeline and returns the run; nil when nothing was to be done.
func (w *place) repro() *runs.Run {
	w.t.Helper()
	p := w.open()
	e, err := p.Engine()
	require.NoError(w.t, err)
	recorder := NewRecorder(p, e, engine.Options{})
	_ = e.Repro(context.Background(), engine.Options{Before: recorder.Prepare}, event.Tee(event.Discard, recorder))
	require.NoError(w.t, recorder.Close())
	if !recorder.Begun() {
		return nil
	}
	run, err := p.Runs.Read(e.RunID)
	require.NoError(w.t, err)
	return run
}

// files is all that is there, but what git ignores and flow's own: path → kind and content.
func (w *place) files() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	require.NoError(w.t, filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(w.dir, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == ".flow"):
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(name, ".tmp"):
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			all[name] = "link " + target
			return err
		}
		text, err := os.ReadFile(path)
		info, _ := d.Info()
		all[name] = fmt.Sprintf("file %v %s", info.Mode()&0o100 != 0, text)
		return err
	}))
	return all
}

var pipelineFiles = map[string]string{
	"pipeline.yaml": `data: [raw]
stages:
  prepare:
    cmd: mkdir -p clean/deep && cat raw/* code/* > clean/all && cp clean/all clean/deep/copy && ln -s deep/copy clean/link
    deps: [raw, code]
    outs: [clean]
  train:
    cmd: cat clean/all params.yaml > out/model && echo "{\"n\":$(wc -c < out/model)}" > m.json && cp m.json kept.json
    deps: [clean]
    params: [lr]
    outs: [out/model, {kept.json: {cache: false}}]
    metrics: [{m.json: {cache: false}}]
`,
	"params.yaml": "lr: 1\n", "raw/a": "a\n", "raw/b": "b\n", "code/one": "one\n", "code/two": "two\n", ".gitignore": "*.tmp\n", "x.tmp": "mine\n",
}

// edit changes something at random.
func (w *place) edit(r *rand.Rand) {
	w.t.Helper()
	text := fmt.Sprintf("text %d\n", r.IntN(50))
	names := []string{"raw/a", "raw/b", "raw/c", "code/one", "code/two", "code/three", "lib/x", "lib/y", "lib/z/deep", "notes", "ä ö"}
	name := names[r.IntN(len(names))]
	switch r.IntN(8) {
	case 0, 1, 2:
		w.write(name, text, []fs.FileMode{0o644, 0o755}[r.IntN(2)])
	case 3:
		_ = os.Remove(filepath.Join(w.dir, names[3+r.IntN(len(names)-3)]))
		w.write("code/one", text, 0o644)
	case 4:
		w.write("params.yaml", fmt.Sprintf("lr: %d\n", r.IntN(9)), 0o644)
	case 5: // by hand
		w.write([]string{"out/model", "clean/all", "clean/new", "m.json", "kept.json"}[r.IntN(5)], text, 0o644)
	case 6:
		_ = os.Remove(filepath.Join(w.dir, "lib", "link"))
		require.NoError(w.t, os.MkdirAll(filepath.Join(w.dir, "lib"), 0o755))
		require.NoError(w.t, os.Symlink([]string{"x", "y", "../notes"}[r.IntN(3)], filepath.Join(w.dir, "lib", "link")))
	case 7:
		_ = os.RemoveAll(filepath.Join(w.dir, []string{"lib", "clean", "out"}[r.IntN(3)]))
	}
}

// TestApply_restoresByteForByte edits at random, runs now and then, and goes to and fro
// between runs and what was saved: each time all files are as they were then.
func TestApply_restoresByteForByte(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 8
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			w := newPlace(t, pipelineFiles)
			were := map[string]map[string]string{}
			var ids []string
			for range rounds {
				for range r.IntN(4) {
					w.edit(r)
				}
				if run := w.repro(); run != nil && run.State == runs.OK {
					were[run.ID], ids = w.files(), append(ids, run.ID)
				}
				for range r.IntN(3) {
					w.edit(r)
				}
				if len(ids) == 0 || r.IntN(2) == 0 {
					continue
				}
				p, id, now := w.open(), ids[r.IntN(len(ids))], w.files()
				run, err := p.Runs.Read(id)
				require.NoError(t, err)
				done, err := Apply(context.Background(), p, run)
				require.NoError(t, err)
				require.Equal(t, were[id], w.files(), "run %s", id)
				if done.Before != nil {
					were[done.Before.ID], ids = now, append(ids, done.Before.ID)
				}
				mine, err := os.ReadFile(filepath.Join(w.dir, "x.tmp"))
				require.NoError(t, err)
				require.Equal(t, "mine\n", string(mine))
			}
			require.NotEmpty(t, ids)
		})
	}
}

// TestApply_touchesNothingWhenItCannot takes away an object, and puts a file that is not
// kept in the way.
func TestApply_touchesNothingWhenItCannot(t *testing.T) {
	w := newPlace(t, pipelineFiles)
	first := w.repro()
	require.Equal(t, runs.OK, first.State, first.Error)
	w.write("code/one", "other\n", 0o644)
	w.repro()

	require.NoError(t, os.Remove(filepath.Join(w.dir, "code/two")))
	w.write("code/two/file.tmp", "ignored\n", 0o644)
	before := w.files()
	_, err := Apply(context.Background(), w.open(), first)
	require.ErrorContains(t, err, "code/two/file.tmp is ignored and so not kept")
	require.Equal(t, before, w.files())
	require.NoError(t, os.RemoveAll(filepath.Join(w.dir, "code/two")))

	p := w.open()
	locked, err := p.RunLock(context.Background(), first)
	require.NoError(t, err)
	model, found := locked.Stages["train"].Out("out/model")
	require.True(t, found)
	require.NoError(t, p.Cache.Objects().Delete(context.Background(), model.ID))
	before = w.files()
	_, err = Apply(context.Background(), p, first)
	require.ErrorIs(t, err, engine.ErrMissing)
	require.ErrorContains(t, err, "out/model")
	require.Equal(t, before, w.files())
}

// TestApply_ofAStranger: a run may come from elsewhere. What it holds can't leave the
// project.
func TestApply_ofAStranger(t *testing.T) {
	w := newPlace(t, pipelineFiles)
	run := w.repro()
	p, ctx := w.open(), context.Background()
	outside := t.TempDir()
	tree, err := p.RunTree(ctx, run)
	require.NoError(t, err)
	for _, target := range []string{outside, "../../x", "code/../../x"} {
		bad := slices.Clone(tree)
		bad = append(bad, cache.LinkEntry("zz", target))
		run.Snapshot, err = putText(ctx, p.Cache, bad.Encode())
		require.NoError(t, err)
		_, err = Apply(ctx, p, run)
		var escape *workspace.EscapeError
		require.ErrorAs(t, err, &escape)
		require.NoFileExists(t, filepath.Join(w.dir, "zz"))
	}
	run.Snapshot = tree.Content().ID
	for _, name := range []string{"../x", "/x", ".git/hooks/x", ".flow/config", "a/../../x"} {
		run.Held = []runs.Out{{Path: name, Content: digest.Content{ID: run.Lock, Mode: digest.File, Size: 1}}}
		before := w.files()
		_, err = Apply(ctx, p, run)
		require.Error(t, err, name)
		require.Equal(t, before, w.files())
	}
}

// TestTake_leavesOutWhatIsLarge tells of each file that is not in a snapshot.
func TestTake_leavesOutWhatIsLarge(t *testing.T) {
	files := map[string]string{".flow/config": "runs: {max_file: 1kB}\n", "large.bin": strings.Repeat("x", 1001), "tracked.bin": strings.Repeat("y", 2000),
		"hidden/x": "", ".flowignore": "hidden/\n", "pipeline.lock": "", "sub/.flow/config": "", "env/pyvenv.cfg": "", "env/bin/x": "", "a/node_modules/b/c": ""}
	for name, text := range pipelineFiles {
		files[name] = text
	}
	w := newPlace(t, files)
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(w.dir, "outside")))
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing: install it")
	}
	cmd := exec.Command("git", "add", "tracked.bin")
	cmd.Dir = w.dir
	require.NoError(t, cmd.Run())
	index, err := os.ReadFile(filepath.Join(w.dir, ".git", "index"))
	require.NoError(t, err)
	p := w.open()
	pipeline, err := p.Pipeline()
	require.NoError(t, err)
	shot, err := Take(context.Background(), p, pipeline, nil)
	require.NoError(t, err)
	var names []string
	for _, entry := range shot.Tree {
		names = append(names, entry.Path)
	}
	require.Equal(t, []string{".flowignore", ".gitignore", "code/one", "code/two", "params.yaml", "pipeline.yaml", "tracked.bin"}, names)
	var left []string
	for _, one := range shot.Left {
		left = append(left, one.Path)
	}
	slices.Sort(left)
	require.Equal(t, []string{"a/node_modules", "env", "large.bin", "outside"}, left)
	now, err := os.ReadFile(filepath.Join(w.dir, ".git", "index"))
	require.NoError(t, err)
	require.Equal(t, index, now, "git's index is not touched")
	again, err := Take(context.Background(), p, pipeline, nil)
	require.NoError(t, err)
	require.Equal(t, shot.ID, again.ID)
}
