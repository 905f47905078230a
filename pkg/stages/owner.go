package stages

import (
	"slices"
	"strings"

	"flow/pkg/glob"
)

// Owner is a stage with the out of its that a path has to do with.
type Owner struct {
	Stage *Stage
	Out   *Out
}

// OwnerOf returns who writes at, above or below a path: the out that is the path
// or a directory around it, and every out inside it, sorted by path. It is the one
// place that compares paths by their components.
func (p *Pipeline) OwnerOf(path string) []Owner {
	if p.owners == nil {
		p.owners = newOwners(p.Stages)
	}
	return p.owners.of(path)
}

// OwnersOf returns who may write what a dep reads.
func (p *Pipeline) OwnersOf(dep Dep) []Owner {
	switch dep.Kind {
	case PathDep:
		return p.OwnerOf(dep.Path)
	case GlobDep:
		p.OwnerOf(".") // makes the owners
		near := p.owners.sorted
		if base := glob.Base(dep.Path); base != "." {
			near = p.owners.plain(base)
		}
		var found []Owner
		for _, owner := range slices.Concat(near, p.owners.globs) {
			if glob.Meet(dep.Path, owner.Out.Path) {
				found = append(found, owner)
			}
		}
		return found
	}
	return nil
}

// owners is the outs of a pipeline, found by path.
type owners struct {
	byPath map[string][]Owner
	sorted []Owner // by path with "/" first, so that what is inside a path follows it
	globs  []Owner // those that are patterns; they are not among the others
	all    []Owner
}

func newOwners(stages []*Stage) *owners {
	o := &owners{byPath: map[string][]Owner{}}
	for _, stage := range stages {
		for i := range stage.Outs {
			owner := Owner{Stage: stage, Out: &stage.Outs[i]}
			o.all = append(o.all, owner)
			if owner.Out.Glob {
				o.globs = append(o.globs, owner)
				continue
			}
			o.byPath[owner.Out.Path] = append(o.byPath[owner.Out.Path], owner)
			o.sorted = append(o.sorted, owner)
		}
	}
	slices.SortStableFunc(o.sorted, func(a, b Owner) int { return comparePaths(a.Out.Path, b.Out.Path) })
	return o
}

func (o *owners) of(path string) []Owner {
	if path == "." {
		return o.all
	}
	found := o.plain(path)
	for _, owner := range o.globs {
		if glob.Meet(owner.Out.Path, path) {
			found = append(found, owner)
		}
	}
	return found
}

// plain is of without the patterns.
func (o *owners) plain(path string) []Owner {
	var found []Owner
	for around := path; ; {
		found = append(found, o.byPath[around]...)
		slash := strings.LastIndexByte(around, '/')
		if slash < 0 {
			break
		}
		around = around[:slash]
	}
	slices.SortStableFunc(found, func(a, b Owner) int { return comparePaths(a.Out.Path, b.Out.Path) })
	start, _ := slices.BinarySearchFunc(o.sorted, path, func(owner Owner, path string) int {
		if comparePaths(owner.Out.Path, path) <= 0 {
			return -1
		}
		return 1
	})
	for _, owner := range o.sorted[start:] {
		if !strings.HasPrefix(owner.Out.Path, path+"/") {
			break
		}
		found = append(found, owner)
	}
	return found
}

// comparePaths orders paths component by component: the slash sorts before all
// other bytes.
func comparePaths(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		}
		return int(a[i]) - int(b[i])
	}
	return len(a) - len(b)
}

// OutAt returns the out of a stage that a path is, or that is a pattern and matches it.
func (s *Stage) OutAt(path string) (Out, bool) {
	for _, out := range s.Outs {
		if out.Path == path {
			return out, true
		}
		if !out.Glob {
			continue
		}
		if pattern := glob.Compile(out.Path, true); pattern.Match(path) {
			return out, true
		}
	}
	return Out{}, false
}
