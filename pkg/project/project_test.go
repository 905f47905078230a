package project

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func open(t *testing.T, dir string) *Project {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "home"))
	p, err := Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { p.Root.Close() })
	return p
}

func TestFind_walksUp(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "pipeline.yaml", "")
	writeFile(t, dir, "a/b/c", "")
	found, err := Find(filepath.Join(dir, "a", "b"))
	require.NoError(t, err)
	require.Equal(t, dir, found)

	_, err = Find(t.TempDir())
	require.ErrorContains(t, err, "no flow project")
}

func TestConfig_laterScopesCount(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "pipeline.yaml", "")
	writeFile(t, dir, "home/flow/config", "cache:\n  type: [hardlink]\n  dir: /user\n")
	writeFile(t, dir, ".flow/config", "# shared\ncache:\n  dir: shared # ours\n")
	p := open(t, dir)
	setting, found := p.Config.Get("cache.dir")
	require.True(t, found)
	require.Equal(t, "shared", setting.Value)
	require.Equal(t, Shared, setting.Scope)
	require.Equal(t, filepath.Join(p.Root.Dir(), "shared"), p.CacheDir())

	require.NoError(t, p.Config.Set(Local, "cache.dir", "here"))
	p = open(t, dir)
	require.Equal(t, "here", p.Config.CacheDir())

	require.NoError(t, p.Config.Set(Shared, "cache.type", "reflink,copy"))
	text, err := os.ReadFile(filepath.Join(dir, ".flow", "config"))
	require.NoError(t, err)
	require.Contains(t, string(text), "# shared\ncache:\n  dir: shared # ours\n", "what a person wrote stays")

	require.NoError(t, p.Config.Set(Local, "cache.dir", ""))
	p = open(t, dir)
	require.Equal(t, "shared", p.Config.CacheDir())
}

func TestConfig_mistakes(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "pipeline.yaml", "")
	p := open(t, dir)
	require.ErrorContains(t, p.Config.Set(Shared, "cache.dri", "x"), `no key "cache.dri"`)
	require.ErrorContains(t, p.Config.Set(Shared, "cache.type", "softlink"), "no kind of link")
	writeFile(t, dir, ".flow/config", "cache:\n  dri: x\n")
	_, err := Open(dir)
	require.ErrorContains(t, err, ".flow/config:2:3")
}

func TestPrepare_ignoresItselfInGit(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "pipeline.yaml", "")
	p := open(t, dir)
	require.NoError(t, p.Prepare())
	require.NoError(t, p.Config.Set(Shared, "cache.dir", "x"))
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing: install it")
	}
	gitIn(t, dir, "init", "-q")
	out := gitIn(t, dir, "status", "--porcelain", "--untracked-files=all")
	require.Contains(t, out, ".flow/config\n")
	require.NotContains(t, out, ".flow/.gitignore")
	require.NotContains(t, out, ".flow/tmp")
}

func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestRevision_readsGitAndTheCache(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing: install it")
	}
	ctx := context.Background()
	dir := t.TempDir()
	writeFile(t, dir, "sub/pipeline.yaml", "stages:\n  a:\n    cmd: x\n    metrics: [{m.json: {cache: false}}]\n")
	writeFile(t, dir, "sub/m.json", `{"acc": 0.5}`)
	p := open(t, filepath.Join(dir, "sub"))
	_, err := p.Revision(ctx, "HEAD")
	require.ErrorIs(t, err, ErrNoGit)

	gitIn(t, dir, "init", "-q")
	p = open(t, filepath.Join(dir, "sub"))
	_, err = p.Revision(ctx, "HEAD")
	require.ErrorContains(t, err, "no commit yet")

	gitIn(t, dir, "add", "-A")
	gitIn(t, dir, "commit", "-qm", "one")
	writeFile(t, dir, "sub/m.json", `{"acc": 0.75}`)
	for name, want := range map[string]string{"HEAD": "0.5", "": "0.75", "workspace": "0.75"} {
		revision, err := p.Revision(ctx, name)
		require.NoError(t, err)
		files, err := revision.Values(ctx, Query{})
		require.NoError(t, err)
		require.Len(t, files, 1)
		require.Equal(t, "m.json", files[0].Path)
		require.Equal(t, want, files[0].Leaves[0].Value.String())
	}
	_, err = p.Revision(ctx, "nope")
	require.ErrorContains(t, err, `no revision "nope"`)
	_, err = p.Revision(ctx, "--output=/tmp/x")
	require.Error(t, err)
}
