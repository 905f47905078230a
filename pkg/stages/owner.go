package stages

import (
	"slices"
	"strings"
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

// owners is the outs of a pipeline, found by path.
type owners struct {
	byPath map[string][]Owner
	sorted []Owner // by path with "/" first, so that what is inside a path follows it
}

func newOwners(stages []*Stage) *owners {
	o := &owners{byPath: map[string][]Owner{}}
	for _, stage := range stages {
		for i := range stage.Outs {
			owner := Owner{Stage: stage, Out: &stage.Outs[i]}
			o.byPath[owner.Out.Path] = append(o.byPath[owner.Out.Path], owner)
			o.sorted = append(o.sorted, owner)
		}
	}
	slices.SortStableFunc(o.sorted, func(a, b Owner) int { return comparePaths(a.Out.Path, b.Out.Path) })
	return o
}

func (o *owners) of(path string) []Owner {
	if path == "." {
		return o.sorted
	}
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
