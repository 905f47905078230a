package project

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/document"
	"flow/pkg/lock"
	"flow/pkg/runs"
	"flow/pkg/stages"
)

// openClone clones a repository, without writing any of its files, and opens the project
// in it that has the path that is wanted.
func (f *Foreign) openClone(ctx context.Context, location, rev string, options ForeignOptions) error {
	if _, err := exec.LookPath("git"); err != nil {
		return noGit("the program git is not on PATH; it is what clones %s", f.Repo.Redacted())
	}
	var err error
	if f.clone, err = os.MkdirTemp("", "flow-clone-"); err != nil {
		return err
	}
	files := filepath.Join(f.clone, "files")
	commit, err := f.fill(ctx, location, rev, files)
	if err != nil {
		return err
	}
	if err := f.guest(files, options, &Config{}); err != nil {
		return err
	}
	f.Path = path.Clean(f.Repo.Path)
	at := &Revision{Name: f.describeRev(rev), Commit: commit, project: f.Project}
	dir, err := at.nearestProject(ctx, f.Path)
	if err != nil {
		return err
	}
	if dir != "." {
		f.Path = inDir(f.Path, dir)
		below := filepath.Join(files, filepath.FromSlash(dir))
		if err := os.MkdirAll(below, 0o777); err != nil {
			return err
		}
		if err := f.guest(below, options, &Config{}); err != nil {
			return err
		}
	}
	at.project = f.Project
	if f.Project.Config, err = at.strangersConfig(ctx); err != nil {
		return fmt.Errorf("the config of %s: %w", f.Repo.Redacted(), err)
	}
	f.Revision = at
	if f.Repo.Folder() || strings.HasPrefix(f.Repo.URL, "file://") {
		f.Project.near = strings.TrimPrefix(location, "file://") // remotes in folders are relative to where they were written
	}
	return nil
}

func (f *Foreign) describeRev(rev string) string {
	if rev == "" {
		return "HEAD"
	}
	return rev
}

// fill clones a repository and returns the commit that is meant.
func (f *Foreign) fill(ctx context.Context, location, rev, to string) (string, error) {
	err := errors.ErrUnsupported
	if (rev == "" || rev == "HEAD") && !f.Repo.Folder() { // not all servers can do that
		_, err = f.git(ctx, "", "clone", "--quiet", "--no-checkout", "--depth", "1", "--", location, to)
	}
	if err != nil {
		_, err = f.git(ctx, "", "clone", "--quiet", "--no-checkout", "--", location, to)
	}
	if err != nil {
		return "", err
	}
	for _, name := range []string{rev, "refs/remotes/origin/" + rev} {
		if rev == "" {
			name = "HEAD"
		}
		if commit, err := f.git(ctx, to, "rev-parse", "--quiet", "--verify", "--end-of-options", name+"^{commit}"); err == nil {
			return commit, nil
		}
	}
	if commitName().MatchString(rev) { // no branch leads there any more
		if _, err := f.git(ctx, to, "fetch", "--quiet", "origin", rev); err == nil {
			return rev, nil
		}
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return "", f.noRevision(rev)
}

var commitName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`) })

// git runs git for a clone. It asks nobody, and speaks only by what it has itself: what an
// address could make it run, it refuses.
func (f *Foreign) git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append((&Project{foreign: true}).gitEnvironment(), "GIT_TERMINAL_PROMPT=0", "GIT_LFS_SKIP_SMUDGE=1", "LC_ALL=C",
		"GIT_ALLOW_PROTOCOL="+strings.Join(stages.RepoSchemes, ":"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		return strings.TrimSpace(string(out)), nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	why := strings.ReplaceAll(gravest(stderr.String()), f.Repo.URL, f.Repo.Redacted())
	return "", diag.At(diag.Pos{}, "git can't get %s: %s", f.Repo.Redacted(), why)
}

// gravest returns the line of git's that says why it stopped.
func gravest(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if why, found := strings.CutPrefix(line, "fatal: "); found {
			return why
		}
	}
	return lines[len(lines)-1]
}

// guestProject is a project of which nothing but what git has is known.
func guestProject(root *disk.Root, c *cache.Cache, config *Config) *Project {
	p := &Project{Root: root, Config: config, Cache: c, Git: true, foreign: true}
	config.root = root
	p.Ledger = lock.NewLedger(root, lock.Name, State)
	p.Runs = runs.Open(root, State)
	return p
}

// nearestProject returns the folder of the project that a path belongs to: the nearest one
// upwards that has a config of flow's, else the root.
func (r *Revision) nearestProject(ctx context.Context, name string) (string, error) {
	for dir := name; dir != "."; dir = path.Dir(dir) {
		if _, err := r.project.git(ctx, "cat-file", "-e", r.Commit+":./"+dir+"/"+ConfigFile); err == nil {
			return dir, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
	}
	return ".", nil
}

// strangersConfig returns the shared config of a commit with the person's own. A config
// that is meant for one machine only does not count when it comes with a repository.
func (r *Revision) strangersConfig(ctx context.Context) (*Config, error) {
	c := &Config{root: r.project.Root, files: map[Scope]*document.Document{}}
	var problems diag.List
	add := func(scope Scope, name string, text []byte) {
		doc, err := document.Parse(name, text)
		if err != nil {
			problems = append(problems, hideLines(diag.All(err))...)
			return
		}
		c.files[scope] = doc
		problems = append(problems, checkConfig(doc)...)
		problems = append(problems, checkRemotes(doc, scope)...)
	}
	if name, text, err := c.read(User); err == nil && name != "" {
		add(User, name, text)
	}
	text, err := r.project.git(ctx, "cat-file", "blob", r.Commit+":./"+ConfigFile)
	var absent *exec.ExitError
	switch {
	case err == nil:
		add(Shared, ConfigFile, text)
	case !errors.As(err, &absent):
		return nil, err
	}
	return c, problems.Err()
}
