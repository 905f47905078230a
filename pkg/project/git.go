package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"strings"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/lock"
	"flow/pkg/runs"
	"flow/pkg/stages"
)

// Workspace is the name of the revision that is the files on disk.
const WorkspaceRevision = "workspace"

// Revision is the project as a git commit has it, as a run had it, or as the workspace
// does.
type Revision struct {
	Name   string    // as a person named it
	Commit string    // "" for the workspace and for a run
	Run    *runs.Run // nil for all but a run

	project *Project
	locked  *lock.File
	tree    cache.Tree // of a run
}

// IsWorkspace reports whether the revision is the files on disk.
func (r *Revision) IsWorkspace() bool { return r.Commit == "" && r.Run == nil }

// ErrNoGit is what asking for a revision gets where there is no git to ask.
var ErrNoGit = errors.New("no git")

func noGit(format string, args ...any) error {
	problem := diag.At(diag.Pos{}, format, args...)
	problem.Err = ErrNoGit
	return problem
}

// Revision finds a commit by anything that git resolves to one, or a run by anything
// that names one; where a name is both, the commit is meant. The name "workspace", and
// "", is the files on disk.
func (p *Project) Revision(ctx context.Context, name string) (*Revision, error) {
	if name == "" || name == WorkspaceRevision {
		return &Revision{Name: WorkspaceRevision, project: p}, nil
	}
	if runs.IsID(name) {
		if run, err := p.Runs.Find(name); err == nil {
			return p.RunRevision(name, run), nil
		}
	}
	commit, err := p.commit(ctx, name)
	if err == nil {
		return &Revision{Name: name, Commit: commit, project: p}, nil
	}
	run, problem := p.Runs.Find(name)
	switch {
	case problem == nil:
		return p.RunRevision(name, run), nil
	case errors.Is(problem, runs.ErrNoRun):
		return nil, err
	}
	return nil, problem
}

// commit asks git for the commit that a name means.
func (p *Project) commit(ctx context.Context, name string) (string, error) {
	if !p.Git {
		return "", noGit("%s is in no git repository, so there is no revision %q", p.Root.Dir(), name)
	}
	if _, err := exec.LookPath("git"); err != nil {
		return "", noGit("the program git is not on PATH; it is what reads revision %q", name)
	}
	commit, err := p.git(ctx, "rev-parse", "--quiet", "--verify", "--end-of-options", name+"^{commit}")
	if err != nil {
		if _, none := p.git(ctx, "rev-parse", "--quiet", "--verify", "HEAD^{commit}"); none != nil {
			return "", noGit("the git repository has no commit yet, so there is no revision %q", name)
		}
		return "", diag.At(diag.Pos{}, "git knows no revision %q, and no run has that name", name).
			WithHint("`git branch -a`, `git tag`, `git log` and `flow runs list` show what there is")
	}
	return strings.TrimSpace(string(commit)), nil
}

// git runs a git command in the project's root and returns what it prints.
func (p *Project) git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.quotepath=off"}, args...)...)
	cmd.Dir = p.Root.Dir()
	cmd.Env = append(p.gitEnvironment(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// gitEnvironment is the environment for git. What git itself says to its hooks is about the
// repository that the person is at, and about no other.
func (p *Project) gitEnvironment() []string {
	env := environment(nil)
	if !p.foreign {
		return env
	}
	return slices.DeleteFunc(env, func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"}, name)
	})
}

// Revisions returns the names of all branches or all tags.
func (p *Project) Revisions(ctx context.Context, kind string) ([]string, error) {
	if !p.Git {
		return nil, noGit("%s is in no git repository", p.Root.Dir())
	}
	out, err := p.git(ctx, "for-each-ref", "--format=%(refname:short)", map[string]string{"branches": "refs/heads", "tags": "refs/tags"}[kind])
	return strings.Fields(string(out)), err
}

// Commits returns the commits that HEAD leads to, the newest first.
func (p *Project) Commits(ctx context.Context) ([]string, error) {
	if !p.Git {
		return nil, noGit("%s is in no git repository", p.Root.Dir())
	}
	out, err := p.git(ctx, "rev-list", "HEAD", "--")
	return strings.Fields(string(out)), err
}

// IgnoredByGit returns what tells whether git ignores all of a folder of a project, which
// need be none of flow's. Where there is no git, it ignores nothing.
func IgnoredByGit(ctx context.Context, root string) func(dir string) bool {
	ignored := map[string]bool{}
	if inGit(root) {
		cmd := exec.CommandContext(ctx, "git", "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
		cmd.Dir = root
		out, _ := cmd.Output() // without an answer, the folders are looked into
		for name := range strings.SplitSeq(string(out), "\x00") {
			if dir, found := strings.CutSuffix(name, "/"); found {
				ignored[dir] = true
			}
		}
	}
	return func(dir string) bool { return ignored[dir] }
}

// AllCommits returns the commits that HEAD, a branch, a tag or any other ref leads to, the
// newest first; with since, those of that day and later.
func (p *Project) AllCommits(ctx context.Context, since string) ([]string, error) {
	if !p.Git {
		return nil, noGit("%s is in no git repository", p.Root.Dir())
	}
	args := []string{"rev-list", "--all", "HEAD"}
	if since != "" {
		args = append(args, "--since="+since+" 00:00:00")
	}
	out, err := p.git(ctx, append(args, "--")...)
	return strings.Fields(string(out)), err
}

// Tracked returns which of some paths git tracks.
func (p *Project) Tracked(ctx context.Context, paths []string) ([]string, error) {
	out, err := p.git(ctx, append([]string{"ls-files", "-z", "--"}, paths...)...)
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}

// Read returns what a file held in the revision: from git, or, when it is an out or
// a data source that git ignores, from the cache as pipeline.lock tells. The error is fs.ErrNotExist when
// neither has it.
func (r *Revision) Read(ctx context.Context, name string) ([]byte, error) {
	if r.IsWorkspace() {
		return r.project.Root.Read(name)
	}
	text, err := r.text(ctx, name)
	if err == nil || ctx.Err() != nil {
		return text, ctx.Err()
	}
	locked, err := r.Lock(ctx)
	if err != nil {
		return nil, err
	}
	content, found, err := r.project.lockedFile(ctx, locked, name)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &fs.PathError{Op: "read at " + r.Name, Path: name, Err: fs.ErrNotExist}
	}
	return r.project.readContent(ctx, content)
}

// text returns a file that the commit, or the code of the run, holds.
func (r *Revision) text(ctx context.Context, name string) ([]byte, error) {
	if r.Run != nil {
		return r.runText(ctx, name)
	}
	return r.project.git(ctx, "cat-file", "blob", r.Commit+":./"+name)
}

// names lists the files at or below a path that the commit, or the code of the run,
// holds; below "." are all.
func (r *Revision) names(ctx context.Context, name string) ([]string, error) {
	if r.Run != nil {
		return r.runNames(ctx, name)
	}
	args := []string{"ls-tree", "-r", "-z", "--name-only", r.Commit}
	if name != "." {
		args = append(args, "--", name)
	}
	out, err := r.project.git(ctx, args...)
	return strings.FieldsFunc(string(out), func(c rune) bool { return c == 0 }), err
}

// lockedFile finds what a lock says of a file: of itself, or of a folder that it is in.
func (p *Project) lockedFile(ctx context.Context, locked *lock.File, name string) (digest.Content, bool, error) {
	if content, found := lockedContent(locked, name); found {
		return content, true, nil
	}
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		content, found := lockedContent(locked, folder)
		if !found || content.Mode != digest.Dir {
			continue
		}
		tree, err := p.Cache.ReadTree(ctx, content.ID)
		if err != nil {
			return digest.Content{}, false, err
		}
		for _, entry := range tree {
			if path.Join(folder, entry.Path) == name && (entry.Mode == digest.File || entry.Mode == digest.Exec) {
				return digest.Content{ID: entry.ID, Mode: entry.Mode, Size: entry.Size}, true, nil
			}
		}
	}
	return digest.Content{}, false, nil
}

// readContent reads an object of the cache and checks it.
func (p *Project) readContent(ctx context.Context, content digest.Content) ([]byte, error) {
	object, err := p.Cache.Objects().Get(ctx, content.ID)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	text, err := io.ReadAll(object)
	if err == nil && digest.Sum(text) != content.ID {
		err = fmt.Errorf("the cache's copy %s is damaged; `flow fsck` says more", content.ID)
	}
	return text, err
}

func lockedContent(locked *lock.File, name string) (digest.Content, bool) {
	if content, found := locked.Data[name]; found {
		return content, true
	}
	for _, entry := range locked.Stages {
		if content, found := entry.Out(name); found {
			return content, true
		}
	}
	return digest.Content{}, false
}

// Lock returns what the revision's lock tells.
func (r *Revision) Lock(ctx context.Context) (*lock.File, error) {
	if r.IsWorkspace() {
		return r.project.Ledger.Read()
	}
	if r.locked != nil {
		return r.locked, nil
	}
	if r.Run != nil {
		var err error
		r.locked, err = r.project.RunLock(ctx, r.Run)
		return r.locked, err
	}
	listed, err := r.project.git(ctx, "ls-tree", "--name-only", r.Commit, "--", lock.Name)
	if err != nil {
		return nil, err
	}
	if len(listed) == 0 {
		return lock.New(), nil
	}
	text, err := r.project.git(ctx, "cat-file", "blob", r.Commit+":./"+lock.Name)
	if err != nil {
		return nil, err
	}
	r.locked, err = lock.Decode(lock.Name, text)
	return r.locked, err
}

// Pipeline returns the pipeline as the revision declares it; an empty one where the
// revision has none.
func (r *Revision) Pipeline(ctx context.Context) (*stages.Pipeline, error) {
	if r.IsWorkspace() {
		return r.project.Pipeline()
	}
	read := func(name string) ([]byte, error) { return r.Read(ctx, name) }
	names, err := r.pipelineFiles(ctx)
	if err != nil {
		return nil, err
	}
	files, err := readSources(names, read)
	if err == nil && len(files) == 0 {
		return stages.Parse(stages.File, nil, nil)
	}
	var pipeline *stages.Pipeline
	if err == nil {
		pipeline, _, err = parse(r.project.Config.Parsing(), files, read)
	}
	if err != nil {
		return nil, fmt.Errorf("at %s: %w", r.Name, err)
	}
	return pipeline, nil
}

// pipelineFiles lists the pipeline files that a commit holds, but those of other
// projects below the root.
func (r *Revision) pipelineFiles(ctx context.Context) ([]string, error) {
	all, err := r.names(ctx, ".")
	if err != nil {
		return nil, err
	}
	var names, nested []string
	for _, name := range all {
		if dir, found := strings.CutSuffix(name, "/"+State+"/config"); found {
			nested = append(nested, dir+"/")
		}
		if path.Base(name) == stages.File {
			names = append(names, name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(nested, func(dir string) bool { return strings.HasPrefix(name, dir) })
	}), nil
}

// Files lists the regular files at or below a path, as the revision has them.
func (r *Revision) Files(ctx context.Context, name string) ([]string, error) {
	if r.IsWorkspace() {
		return r.project.filesBelow(name)
	}
	files, err := r.names(ctx, name)
	if err != nil || len(files) > 0 {
		return files, err
	}
	return r.lockedFiles(ctx, name)
}

// lockedFiles is for outs that git does not hold.
func (r *Revision) lockedFiles(ctx context.Context, name string) ([]string, error) {
	locked, err := r.Lock(ctx)
	if err != nil {
		return nil, err
	}
	content, found, err := r.project.lockedFile(ctx, locked, name)
	if err != nil || !found {
		return nil, err
	}
	if content.Mode != digest.Dir {
		return []string{name}, nil
	}
	tree, err := r.project.Cache.ReadTree(ctx, content.ID)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range tree {
		files = append(files, path.Join(name, entry.Path))
	}
	return files, nil
}

func (p *Project) filesBelow(name string) ([]string, error) {
	info, err := p.Root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !info.IsDir() {
		return []string{name}, err
	}
	entries, err := p.Root.ReadDir(name)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		below, err := p.filesBelow(path.Join(name, entry.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, below...)
	}
	return files, nil
}
