package stages

import (
	"path"
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/glob"
)

// Broken is a part of a pipeline that can't be read: a stage, a group of stages, or a
// whole file. The rest of the pipeline is as if it were not there.
type Broken struct {
	Name     string   // as targets call it
	File     string   // the pipeline file that it belongs to
	Outs     []string // paths and patterns that it may make, as far as that can be told
	Problems diag.List
}

// whole tells whether it is a whole file.
func (b Broken) whole() bool { return b.Name == b.File }

// setAside takes what went wrong since then as what is wrong with one stage or group,
// when the rest of the pipeline is wanted all the same.
func (l *loader) setAside(before int, name string, body *document.Node) bool {
	if !l.options.Partial || len(l.problems) == before {
		return false
	}
	problems := slices.Clone(l.problems[before:])
	l.problems = l.problems[:before]
	l.pipeline.Broken = append(l.pipeline.Broken, Broken{Name: l.prefix + name, File: l.file, Outs: l.mayMake(body), Problems: problems})
	return true
}

// setFileAside is setAside for a file of several: nothing of it is part of the pipeline.
func (l *loader) setFileAside(before int, file string) {
	if !l.options.Partial || len(l.problems) == before {
		return
	}
	p := l.pipeline
	problems := slices.Clone(l.problems[before:])
	l.problems = l.problems[:before]
	broken := Broken{Name: file, File: file}
	for _, other := range p.Broken {
		if other.File == file {
			problems = append(problems, other.Problems...)
			broken.Outs = append(broken.Outs, other.Outs...)
		}
	}
	broken.Problems = problems
	p.Broken = append(slices.DeleteFunc(p.Broken, func(b Broken) bool { return b.File == file }), broken)
	p.Stages = slices.DeleteFunc(p.Stages, func(stage *Stage) bool {
		if stage.File == file {
			delete(p.byName, stage.Name)
		}
		return stage.File == file
	})
	for name, set := range p.sets {
		if set.file == file {
			delete(p.sets, name)
		}
	}
}

// mayMake returns what the outs of a stage say before they are decoded: a template in a
// path may stand for anything.
func (l *loader) mayMake(body *document.Node) []string {
	if do := body.Get("do"); do != nil {
		body = do
	}
	dir := l.dir
	if wdir := body.Get("wdir"); wdir != nil {
		dir = path.Join(dir, wdir.Text)
	}
	var outs []string
	add := func(node *document.Node) {
		location := path.Join(dir, node.Text)
		for _, m := range slices.Backward(matches(location)) {
			location = location[:m.start] + "*" + location[m.end:]
		}
		if strings.Trim(location, "*/") != "" && glob.Problem(location) == "" {
			outs = append(outs, location)
		}
	}
	for _, key := range []string{"outs", "metrics", "plots"} {
		declared := body.Get(key)
		if declared == nil {
			continue
		}
		for _, item := range declared.Items {
			for _, entry := range item.Entries {
				add(entry.Key)
			}
			if isScalar(item) {
				add(item)
			}
		}
	}
	return outs
}

// tellBroken makes the problems of what is broken ready to be shown.
func (l *loader) tellBroken() {
	for i := range l.pipeline.Broken {
		b := &l.pipeline.Broken[i]
		b.Problems = l.told(b.Problems)
		_ = b.Problems.Err() // sorts them
	}
}

// isBroken tells whether a target stands for something that can't be read.
func (p *Pipeline) isBroken(target string) bool {
	return slices.ContainsFunc(p.Broken, func(b Broken) bool {
		return b.Name == target || b.File == target || strings.HasPrefix(b.Name, target+"@") ||
			strings.HasPrefix(target, b.Name+"@") || b.whole() && strings.HasPrefix(target, b.File+":")
	})
}

// Obstacles returns what is broken that targets are, or that stages read from. Without
// targets, which stand for everything, all that is broken is in the way.
func (p *Pipeline) Obstacles(targets, names []string) diag.List {
	var found diag.List
	for _, b := range p.Broken {
		of := Pipeline{Broken: []Broken{b}, sets: p.sets}
		named := func(target string) bool { return of.isBroken(target) || p.setHas(of, target, nil) }
		reads := func(name string) bool {
			stage := p.byName[name]
			return stage != nil && slices.ContainsFunc(stage.reads(), func(dep Dep) bool { return dep.InProject() && p.mayBeMadeBy(b, dep) })
		}
		if len(targets) == 0 || slices.ContainsFunc(targets, named) || slices.ContainsFunc(names, reads) {
			found = append(found, b.Problems...)
		}
	}
	return found
}

// setHas tells whether a named set of targets has something that is broken.
func (p *Pipeline) setHas(broken Pipeline, target string, within []string) bool {
	set, found := p.sets[target]
	if !found || slices.Contains(within, target) {
		return false
	}
	return slices.ContainsFunc(set.Targets, func(inner string) bool {
		return broken.isBroken(inner) || p.setHas(broken, inner, append(within, target))
	})
}

// mayBeMadeBy tells whether a dep may be an out of something broken. Of a whole file it is
// any path in its folder that no other stage makes.
func (p *Pipeline) mayBeMadeBy(b Broken, dep Dep) bool {
	if slices.ContainsFunc(b.Outs, func(out string) bool { return glob.Meet(out, dep.Path) }) {
		return true
	}
	dir := path.Dir(b.File)
	return b.whole() && len(b.Outs) == 0 && dir != "." && strings.HasPrefix(dep.Path, dir+"/") && len(p.OwnersOf(dep)) == 0
}
