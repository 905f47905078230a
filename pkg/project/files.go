package project

import (
	"context"
	"slices"
	"strings"
)

// Listed is a file of the project that git does not ignore.
type Listed struct {
	Path    string
	Tracked bool // by git
}

// ListFiles returns the files and links that git tracks, and those that it does not
// ignore. Where there is no git, they are all that no .flowignore hides. Git's index is
// not written.
func (p *Project) ListFiles(ctx context.Context) ([]Listed, error) {
	if !p.Git {
		return p.listWithoutGit(ctx)
	}
	out, err := p.git(ctx, "ls-files", "-t", "--cached", "--others", "--exclude-standard", "-z")
	if err != nil {
		return nil, err
	}
	var files []Listed
	for line := range strings.SplitSeq(string(out), "\x00") {
		kind, name, _ := strings.Cut(line, " ")
		if name != "" && !strings.HasSuffix(name, "/") {
			files = append(files, Listed{Path: name, Tracked: kind != "?"})
		}
	}
	return slices.Compact(files), nil // a path in conflict is listed several times
}

func (p *Project) listWithoutGit(ctx context.Context) ([]Listed, error) {
	names, err := p.Workspace.Match(ctx, "**")
	if err != nil {
		return nil, err
	}
	files := make([]Listed, len(names))
	for i, name := range names {
		files[i].Path = name
	}
	return files, nil
}

// Head is what git has checked out.
type Head struct {
	Commit string // "" before the first commit
	Branch string // "" when none is checked out
	Dirty  bool   // a file that git does not ignore differs from the commit
}

// Head asks git what is checked out. The error is ErrNoGit where there is no git.
func (p *Project) Head(ctx context.Context) (Head, error) {
	if !p.Git {
		return Head{}, noGit("%s is in no git repository", p.Root.Dir())
	}
	out, err := p.git(ctx, "status", "--porcelain=v2", "--branch", "-z", "--", ".")
	if err != nil {
		return Head{}, err
	}
	var head Head
	for line := range strings.SplitSeq(string(out), "\x00") {
		rest, isHeader := strings.CutPrefix(line, "# ")
		if !isHeader {
			head.Dirty = head.Dirty || line != ""
			continue
		}
		name, value, _ := strings.Cut(rest, " ")
		switch {
		case name == "branch.oid" && value != "(initial)":
			head.Commit = value
		case name == "branch.head" && value != "(detached)":
			head.Branch = value
		}
	}
	return head, nil
}
