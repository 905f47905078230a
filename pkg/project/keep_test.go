package project

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"flow/pkg/cache"
	"flow/pkg/digest"
	"flow/pkg/disk"
)

// history is a project in a real git repository, with what each commit needs.
type history struct {
	t       *rapid.T
	dir     string
	project *Project
	needs   map[string]map[string]digest.Content // by commit, then by data source
}

func (h *history) git(args ...string) string {
	cmd := exec.Command("git", args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.CombinedOutput()
	require.NoError(h.t, err, "git %v: %s", args, out)
	return string(out[:max(0, len(out)-1)])
}

// record makes a data source hold one of few contents, a file or a directory that shares
// files with others, and commits the lock.
func (h *history) record(ctx context.Context) {
	name := rapid.SampledFrom([]string{"a", "b"}).Draw(h.t, "source")
	text := rapid.SampledFrom([]string{"one", "two", "three", "four"}).Draw(h.t, "text")
	where := filepath.Join(h.dir, name)
	require.NoError(h.t, os.RemoveAll(where))
	if rapid.Bool().Draw(h.t, "dir") {
		require.NoError(h.t, os.MkdirAll(filepath.Join(where, "empty"), 0o755))
		require.NoError(h.t, os.WriteFile(filepath.Join(where, "x"), []byte(text), 0o644))
		require.NoError(h.t, os.WriteFile(filepath.Join(where, "y"), []byte("shared"), 0o755))
		require.NoError(h.t, os.Symlink("x", filepath.Join(where, "z")))
	} else {
		require.NoError(h.t, os.WriteFile(where, []byte(text), 0o644))
	}
	content, err := h.project.SaveSource(ctx, name, false)
	require.NoError(h.t, err)
	require.NoError(h.t, h.project.RecordSource(ctx, name, content))
	_, err = h.project.Ledger.Settle(ctx, nil)
	require.NoError(h.t, err)
	h.git("add", "pipeline.lock")
	h.git("commit", "-q", "--allow-empty", "-m", "x")
	locked, err := h.project.Ledger.Read()
	require.NoError(h.t, err)
	h.needs[h.git("rev-parse", "HEAD")] = locked.Data
}

// TestKeepers_gcKeepsWhatIsNeeded: after a collection, all that the workspace's lock and
// those of the kept revisions tell of is whole in the cache, and nothing else is there.
func TestKeepers_gcKeepsWhatIsNeeded(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	rounds := 0
	rapid.Check(t, func(t *rapid.T) {
		if rounds++; rounds > 12 { // a round costs some dozen processes
			return
		}
		ctx := context.Background()
		dir, err := os.MkdirTemp("", "flow-gc")
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		h := &history{t: t, dir: dir, needs: map[string]map[string]digest.Content{}}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "pipeline.yaml"), []byte("data: [a, b]\n"), 0o644))
		h.git("init", "-q", "--initial-branch=main")
		h.project, err = Open(dir)
		require.NoError(t, err)
		require.NoError(t, h.project.Prepare())
		h.record(ctx)
		for i := range rapid.IntRange(1, 6).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"record", "record", "tag", "branch", "back"}).Draw(t, "step") {
			case "record":
				h.record(ctx)
			case "tag":
				h.git("tag", fmt.Sprint("t", i))
			case "branch":
				h.git("branch", fmt.Sprint("b", i))
			case "back":
				h.git("checkout", "-q", "-B", fmt.Sprint("c", i), rapid.SampledFrom([]string{"main", "HEAD"}).Draw(t, "from"))
			}
		}
		h.collect(ctx)
	})
}

func (h *history) collect(ctx context.Context) {
	scope := DataScope{Branches: rapid.Bool().Draw(h.t, "branches"), Tags: rapid.Bool().Draw(h.t, "tags"), Commits: rapid.Bool().Draw(h.t, "commits")}
	needed := map[digest.ID]bool{}
	var contents []digest.Content
	need := func(commit string) {
		for _, content := range h.needs[commit] {
			contents = append(contents, content)
			needed[content.ID] = true
			if content.Mode == digest.Dir {
				tree, err := h.project.Cache.ReadTree(ctx, content.ID)
				require.NoError(h.t, err)
				for _, id := range tree.IDs() {
					needed[id] = true
				}
			}
		}
	}
	need(h.git("rev-parse", "HEAD")) // the lock on disk is HEAD's
	for commit := range h.needs {
		branches := h.git("for-each-ref", "--points-at", commit, "refs/heads")
		tags := h.git("for-each-ref", "--points-at", commit, "refs/tags")
		if scope.Commits || scope.Branches && branches != "" || scope.Tags && tags != "" {
			need(commit)
		}
	}
	keep := func(ctx context.Context) ([]digest.Content, error) {
		keepers, err := h.project.Keepers(ctx, scope)
		return Contents(keepers), err
	}
	_, err := h.project.Cache.Collect(ctx, keep, cache.CollectOptions{})
	require.NoError(h.t, err)
	for _, content := range contents {
		whole, err := h.project.Cache.Has(ctx, content)
		require.NoError(h.t, err)
		require.True(h.t, whole, "%s is needed", content)
	}
	objects, err := h.project.CachedObjects(ctx)
	require.NoError(h.t, err)
	require.Len(h.t, objects, len(needed))
}

// TestStoring_keepsUntilOthersKnow: while a project stores, nobody collects; once it has
// ended, the other projects that share the cache know what it needs.
func TestStoring_keepsUntilOthersKnow(t *testing.T) {
	ctx := context.Background()
	base := t.TempDir()
	var both []*Project
	for _, name := range []string{"one", "two"} {
		dir := filepath.Join(base, name)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, State), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, ConfigFile), []byte("cache:\n  dir: ../shared\n"), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "pipeline.yaml"), []byte("data: [a]\n"), 0o644))
		p, err := Open(dir)
		require.NoError(t, err)
		require.NoError(t, p.Prepare())
		both = append(both, p)
	}
	one, two := both[0], both[1]
	collect := func() error {
		_, err := two.Cache.Collect(ctx, func(ctx context.Context) ([]digest.Content, error) {
			others, err := two.Others(ctx, nil)
			return Contents(others), err
		}, cache.CollectOptions{Owner: "two"})
		return err
	}
	release, err := one.Storing(ctx, "a test", nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(base, "one", "a"), []byte("only"), 0o644))
	content, err := one.SaveSource(ctx, "a", false)
	require.NoError(t, err)
	require.NoError(t, one.RecordSource(ctx, "a", content))
	var busy *disk.BusyError
	require.ErrorAs(t, collect(), &busy)
	require.NoError(t, release())
	require.NoError(t, collect())
	has, err := one.Cache.Has(ctx, content)
	require.NoError(t, err)
	require.True(t, has, "removed although the other project's lock names it")
}
