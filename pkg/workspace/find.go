package workspace

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
)

// Find returns where in the workspace files of a name are, sorted. It looks into no
// folder that git or flow ignores, nor into one that holds nested, which marks a project
// of its own, nor into one that skip refuses, which may be nil. Only the ignore files in
// the project count.
func (w *Workspace) Find(ctx context.Context, name, nested string, skip func(folder string) bool) ([]string, error) {
	f := &finding{w: w, name: name, nested: nested, skip: skip}
	err := f.walk(ctx, ".", nil, nil)
	slices.Sort(f.found)
	return f.found, err
}

type finding struct {
	w            *Workspace
	name, nested string
	skip         func(folder string) bool
	found        []string
}

// walk looks through a folder. The rules are those of flow's and of git's ignore files
// above it.
func (f *finding) walk(ctx context.Context, dir string, flow, git *rules) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(f.w.root.Path(dir)) // by its path, as a Root looks at every entry
	switch {
	case dir != "." && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)):
		return nil // gone meanwhile, or nobody's business
	case err != nil:
		return f.w.fail("look into", dir, err)
	}
	var below []string
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == f.nested && dir != ".":
			return nil
		case name == IgnoreFile && entry.Type().IsRegular():
			flow = f.rules(flow, dir, name)
		case name == ".gitignore" && entry.Type().IsRegular():
			git = f.rules(git, dir, name)
		case name == f.nested || alwaysIgnored(name):
		case entry.IsDir():
			below = append(below, name)
		case name == f.name && entry.Type().IsRegular():
			f.found = append(f.found, path.Join(dir, name))
		}
	}
	for _, name := range below {
		full := path.Join(dir, name)
		if flow.ignores(full, true) || git.ignores(full, true) || f.skip != nil && f.skip(full) {
			continue
		}
		if err := f.walk(ctx, full, flow, git); err != nil {
			return err
		}
	}
	return nil
}

func (f *finding) rules(above *rules, dir, name string) *rules {
	text, err := f.w.root.Read(path.Join(dir, name))
	if err != nil {
		return above
	}
	if dir == "." {
		dir = ""
	}
	return parseRules(above, dir, text)
}
