package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/hooks"
	"flow/pkg/lock"
)

// attribute is what has git merge the lock with flow, in .gitattributes.
const attribute = lock.Name + " merge=flow"

// Install tells git of flow: hooks, and the merge driver for the lock. It may be done
// again. What became of each hook is returned.
func (p *Project) Install(ctx context.Context) ([]hooks.Outcome, error) {
	site, err := p.site(ctx)
	if err != nil {
		return nil, err
	}
	defer site.Hooks.Close()
	outcomes, err := site.Add()
	if err != nil {
		return outcomes, err
	}
	driver := "'" + strings.ReplaceAll(site.Flow, "'", `'\''`) + "' git-merge-lock %O %A %B"
	for key, value := range map[string]string{"merge.flow.name": "flow merges pipeline.lock by stage", "merge.flow.driver": driver} {
		if _, err := p.git(ctx, "config", "--local", key, value); err != nil {
			return outcomes, err
		}
	}
	return outcomes, p.editAttributes(func(lines []string) []string {
		if slices.Contains(lines, attribute) {
			return lines
		}
		return append(lines, attribute)
	})
}

// Uninstall takes back what Install did. The merge driver stays while another project in
// the repository has hooks.
func (p *Project) Uninstall(ctx context.Context) ([]hooks.Outcome, error) {
	site, err := p.site(ctx)
	if err != nil {
		return nil, err
	}
	defer site.Hooks.Close()
	outcomes, err := site.Remove()
	if err != nil {
		return outcomes, err
	}
	if _, err := p.git(ctx, "config", "--local", "--get", "merge.flow.driver"); err == nil && !site.Used() {
		if _, err := p.git(ctx, "config", "--local", "--remove-section", "merge.flow"); err != nil {
			return outcomes, err
		}
	}
	return outcomes, p.editAttributes(func(lines []string) []string {
		return slices.DeleteFunc(lines, func(line string) bool { return line == attribute })
	})
}

// editAttributes changes the lines of the project's .gitattributes; one without lines goes.
func (p *Project) editAttributes(edit func([]string) []string) error {
	const name = ".gitattributes"
	text, err := p.Root.Read(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var lines []string
	if len(text) > 0 {
		lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	lines = edit(lines)
	switch {
	case len(lines) == 0 && err != nil:
		return nil
	case len(lines) == 0:
		return p.Root.Remove(name)
	}
	edited := strings.Join(lines, "\n") + "\n"
	if edited == string(text) {
		return nil
	}
	return p.Root.Replace(name, []byte(edited), 0o644)
}

// site finds where the repository keeps its hooks. Those that all of a person's
// repositories share are not for one project to change.
func (p *Project) site(ctx context.Context) (hooks.Site, error) {
	if !p.Git {
		return hooks.Site{}, noGit("%s is in no git repository", p.Root.Dir())
	}
	if scope, err := p.git(ctx, "config", "--show-scope", "--get", "core.hooksPath"); err == nil &&
		!strings.HasPrefix(string(scope), "local") && !strings.HasPrefix(string(scope), "worktree") {
		return hooks.Site{}, diag.At(diag.Pos{}, "core.hooksPath is set for all your repositories, and their hooks are not this project's to change").
			WithHint("let this repository have its own: git config --local core.hooksPath .git/hooks")
	}
	out, err := p.git(ctx, "rev-parse", "--show-prefix", "--git-path", "hooks")
	if err != nil {
		return hooks.Site{}, err
	}
	prefix, dir, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(p.Root.Dir(), dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return hooks.Site{}, fmt.Errorf("make the folder for git's hooks: %w", err)
	}
	root, err := disk.OpenRoot(dir)
	return hooks.Site{Hooks: root, Project: path.Clean(prefix), Flow: itself()}, err
}

// itself returns what starts this program: its name when PATH leads to it, else its path.
func itself() string {
	program, err := os.Executable()
	if err != nil {
		return "flow"
	}
	if found, err := exec.LookPath("flow"); err == nil && sameProgram(found, program) {
		return "flow"
	}
	return filepath.ToSlash(program)
}

func sameProgram(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && disk.SameFile(one, other)
}

// Leave removes the data of a revision that nothing declares any more and that is as that
// revision has it, in the cache. It returns the paths.
func (p *Project) Leave(ctx context.Context, e *engine.Engine, name string) ([]string, error) {
	then, err := p.revisionData(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	guard, err := p.Cache.LockShared(ctx, "flow git-hook", nil)
	if err != nil {
		return nil, fmt.Errorf("use the cache: %w", err)
	}
	defer guard.Unlock()
	var gone []string
	for _, data := range then {
		if len(e.Pipeline.OwnerOf(data.Path)) > 0 || data.Content.Mode == digest.None {
			continue
		}
		now, err := p.Workspace.Digest(ctx, data.Path)
		if err != nil || !now.Exists() || !now.Same(data.Content) {
			continue
		}
		if whole, err := p.Cache.Has(ctx, now); err != nil || !whole {
			continue
		}
		if tracked, err := p.Tracked(ctx, []string{data.Path}); err != nil || len(tracked) > 0 {
			continue
		}
		if _, err := p.Workspace.Checkout(ctx, data.Path, digest.Content{}); err != nil {
			return gone, err
		}
		gone = append(gone, data.Path)
	}
	return gone, nil
}
