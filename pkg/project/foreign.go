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
	"strings"

	"flow/pkg/cache"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/transfer"
)

// Foreign is another project: in a folder, or a clone of a git repository at a revision.
type Foreign struct {
	*Project
	clone string // where it was cloned to; "" for a folder that is used as it is
}

// OpenForeign opens the project in a folder, or with a revision or for a URL, a clone of
// the git repository, which Close removes.
func OpenForeign(ctx context.Context, location, rev string) (*Foreign, error) {
	info, err := os.Stat(location)
	folder := err == nil && info.IsDir()
	if folder && rev == "" {
		p, err := Open(location)
		return &Foreign{Project: p}, err
	}
	if strings.HasPrefix(location, "-") || strings.HasPrefix(rev, "-") {
		return nil, diag.At(diag.Pos{}, "%q is no repository or revision", location+rev)
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, noGit("the program git is not on PATH; it is what clones %s", location)
	}
	clone, err := os.MkdirTemp("", "flow-clone-")
	if err != nil {
		return nil, err
	}
	f := &Foreign{clone: clone}
	if err := f.fill(ctx, location, rev); err != nil {
		f.Close()
		return nil, err
	}
	if folder {
		if absolute, err := filepath.Abs(location); err == nil {
			f.near = absolute // remotes in folders are relative to where they were written
		}
	}
	return f, nil
}

func (f *Foreign) fill(ctx context.Context, location, rev string) error {
	for _, args := range [][]string{
		{"clone", "--quiet", "--no-checkout", "--", location, f.clone},
		{"-C", f.clone, "-c", "advice.detachedHead=false", "checkout", "--quiet", firstWord(rev, "HEAD"), "--"},
	} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Env = append(environment(nil), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
		if out, err := cmd.CombinedOutput(); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			return diag.At(diag.Pos{}, "git can't get %s: %s", location, lines[len(lines)-1])
		}
	}
	var err error
	f.Project, err = Open(f.clone)
	return err
}

func firstWord(words ...string) string {
	for _, word := range words {
		if word != "" {
			return word
		}
	}
	return ""
}

// Close removes the clone.
func (f *Foreign) Close() error {
	if f.clone == "" {
		return nil
	}
	return os.RemoveAll(f.clone)
}

// Find returns what the project's lock tells of a path, which may lie in a directory that
// it tells of. What git has is not among it: Plain returns that.
func (f *Foreign) Find(ctx context.Context, name string) (digest.Content, error) {
	locked, err := f.Ledger.Read()
	if err != nil {
		return digest.Content{}, err
	}
	for at := name; at != "." && at != "/"; at = path.Dir(at) {
		content, found := lockedContent(locked, at)
		if !found {
			continue
		}
		if at == name {
			return content, f.bring(ctx, at, content, nil)
		}
		inside := strings.TrimPrefix(name, at+"/")
		wanted := func(entry string) bool { return entry == inside || strings.HasPrefix(entry, inside+"/") }
		if err := f.bring(ctx, at, content, wanted); err != nil {
			return digest.Content{}, err
		}
		return f.inside(ctx, content, name, inside)
	}
	return digest.Content{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

// bring fetches a content, or those files in it that are wanted, unless the project's own
// cache has it.
func (f *Foreign) bring(ctx context.Context, name string, content digest.Content, within func(string) bool) error {
	if whole, err := f.Cache.Has(ctx, content); err != nil || whole {
		return err
	}
	remote := ""
	if pipeline, err := f.Pipeline(); err == nil {
		for _, owner := range pipeline.OwnerOf(name) {
			if owner.Out.Path == name {
				remote = owner.Out.Remote
			}
		}
	}
	item := transfer.Item{Path: name, Content: content, Within: within}
	_, err := f.Fetch(ctx, []Data{{Item: item, Remote: remote, Push: true}}, MoveOptions{NoRuns: true})
	return err
}

// inside returns a part of a directory: a file, or a folder as a directory of its own.
func (f *Foreign) inside(ctx context.Context, dir digest.Content, name, inside string) (digest.Content, error) {
	tree, err := f.Cache.ReadTree(ctx, dir.ID)
	if err != nil {
		return digest.Content{}, err
	}
	var below cache.Tree
	for _, entry := range tree {
		if entry.Path == inside && entry.Mode != digest.Dir {
			return digest.Content{ID: entry.ID, Mode: entry.Mode, Size: entry.Size}, nil
		}
		if rest, found := strings.CutPrefix(entry.Path, inside+"/"); found {
			entry.Path = rest
			below = append(below, entry)
		}
	}
	if below == nil {
		return digest.Content{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	batch := f.Cache.Begin()
	defer batch.Abort()
	if _, err := batch.AddBytes(below.Encode()); err != nil {
		return digest.Content{}, err
	}
	return below.Content(), batch.Commit(ctx)
}

// Export writes a content of the cache to a place outside of any project, which must not
// be there. Files are copies, and links that lead out of it are refused.
func (f *Foreign) Export(ctx context.Context, content digest.Content, to string) error {
	copies, err := cache.Open(f.Cache.Root(), cache.Options{Links: []cache.LinkKind{cache.Reflink}})
	if err != nil {
		return err
	}
	folder, base := filepath.Dir(to), filepath.Base(to)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	root, err := disk.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	if root.Exists(base) {
		return &fs.PathError{Op: "write", Path: to, Err: fs.ErrExist}
	}
	if content.Mode != digest.Dir {
		return copies.Link(ctx, content.ID, content.Mode, root, base)
	}
	tree, err := copies.ReadTree(ctx, content.ID)
	if err != nil {
		return err
	}
	if err := root.Mkdir(base, 0o777); err != nil {
		return err
	}
	for _, entry := range tree {
		if err := export(ctx, copies, root, base, entry); err != nil {
			return errors.Join(err, root.RemoveAll(base))
		}
	}
	return nil
}

func export(ctx context.Context, from *cache.Cache, root *disk.Root, base string, entry cache.TreeEntry) error {
	name := base + "/" + entry.Path
	if entry.Mode == digest.Dir {
		return root.MkdirAll(name, 0o777)
	}
	if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	if entry.Mode != digest.Link {
		return from.Link(ctx, entry.ID, entry.Mode, root, name)
	}
	target := path.Join(path.Dir(entry.Path), entry.Target)
	if path.IsAbs(entry.Target) || !filepath.IsLocal(target) {
		return diag.At(diag.Pos{}, "the link %s leads out of what was asked for: %s", entry.Path, entry.Target)
	}
	return root.Symlink(entry.Target, name)
}
