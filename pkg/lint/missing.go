package lint

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/glob"
	"flow/pkg/stages"
	"flow/pkg/values"
)

// missingDeps finds deps that a run would look for in vain.
func (c *checker) missingDeps() {
	for _, stage := range c.pipeline.Commands() {
		for _, dep := range stage.Deps {
			if !dep.InProject() || len(c.pipeline.OwnersOf(dep)) > 0 {
				continue
			}
			switch {
			case dep.Kind == stages.GlobDep && !c.anyMatch(dep.Path):
				c.add(stage, diag.At(dep.Pos, "no file matches %s, and no stage makes one", dep.Path))
			case dep.Kind == stages.PathDep && !c.exists(dep.Path):
				c.add(stage, diag.At(dep.Pos, "dep %s is not there, and no stage makes it", dep.Path).WithHint("%s", c.meantPath(dep.Path)))
			}
		}
	}
}

func (c *checker) exists(name string) bool {
	_, err := c.files.Lstat(name)
	return err == nil
}

// meantPath says which path was likely meant: one of the same folder, or an out.
func (c *checker) meantPath(missing string) string {
	var candidates []string
	for _, owner := range c.pipeline.OwnerOf(".") {
		candidates = append(candidates, owner.Out.Path)
	}
	dir := path.Dir(missing)
	entries, _ := c.files.ReadDir(dir)
	for _, entry := range entries {
		candidates = append(candidates, path.Join(dir, entry.Name()))
	}
	const enough = 2000
	if near := diag.Nearest(missing, candidates[:min(enough, len(candidates))]); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "let a stage make it, or bring it"
}

// maxWalked bounds how many files are looked at to find one that matches.
const maxWalked = 100_000

// anyMatch tells whether a file matches a pattern, or too many would have to be asked.
func (c *checker) anyMatch(pattern string) bool {
	matcher := glob.Compile(pattern, true)
	queue, walked := []string{glob.Base(pattern)}, 0
	for len(queue) > 0 && walked < maxWalked {
		dir := queue[0]
		queue = queue[1:]
		entries, err := c.files.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			name := path.Join(dir, entry.Name())
			walked++
			switch {
			case name == ".git" || name == ".flow":
			case entry.IsDir():
				queue = append(queue, name)
			case matcher.Match(name):
				return true
			}
		}
	}
	return walked >= maxWalked
}

// missingParams finds params that a run would look for in vain.
func (c *checker) missingParams() {
	trees := map[string]*values.Tree{}
	for _, stage := range c.pipeline.Commands() {
		for _, param := range stage.Params {
			if len(c.pipeline.OwnerOf(param.File)) > 0 {
				continue
			}
			tree, read := trees[param.File]
			if !read {
				tree = c.tree(stage, param)
				trees[param.File] = tree
			}
			if tree == nil {
				continue
			}
			if _, found := tree.At(param.Key); !found {
				c.add(stage, diag.At(param.Pos, "%s has no param %q", param.File, param.Key).WithHint("%s", meantKey(tree, param.Key)))
			}
		}
	}
}

// tree reads the file of a param; nil when that can't be, which is a finding.
func (c *checker) tree(stage *stages.Stage, param stages.Param) *values.Tree {
	text, err := c.files.Read(param.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.add(stage, diag.At(param.Pos, "the params file %s is not there", param.File).WithHint("%s", c.meantPath(param.File)))
		return nil
	case err != nil:
		c.add(stage, diag.At(param.Pos, "the params file %s can't be read: %v", param.File, err))
		return nil
	}
	tree, err := values.Load(param.File, text)
	for _, problem := range diag.All(err) {
		c.add(stage, problem)
	}
	if err != nil {
		return nil
	}
	return tree
}

// meantKey says which key was likely meant.
func meantKey(tree *values.Tree, missing string) string {
	var keys []string
	for _, leaf := range tree.Flatten() {
		key := leaf.Key
		for !slices.Contains(keys, key) && len(keys) < 2000 {
			keys = append(keys, key)
			dot := strings.LastIndexByte(key, '.')
			if dot < 0 {
				break
			}
			key = key[:dot]
		}
	}
	if near := diag.Nearest(missing, keys); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}
