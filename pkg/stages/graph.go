package stages

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"flow/pkg/dag"
	"flow/pkg/diag"
	"flow/pkg/glob"
)

// Graph returns the order that the stages' paths ask for: an edge runs from each
// stage that makes a path to each stage that reads it, or reads something inside
// or around it. A frozen stage waits for nothing. The errors are overlapping outs,
// a stage that reads what it makes, and cycles.
func (p *Pipeline) Graph() (*dag.Graph, error) {
	if p.graph != nil {
		return p.graph, nil
	}
	problems := p.overlaps()
	var edges []dag.Edge
	for _, stage := range p.Stages {
		edges = append(edges, p.edgesInto(stage, &problems)...)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	graph, err := dag.Build(p.Names(), edges)
	var cycle *dag.CycleError
	if errors.As(err, &cycle) {
		return nil, p.explainCycle(cycle)
	}
	p.graph = graph
	return graph, err
}

// edgesInto returns the edges that end at a stage, without repeats.
func (p *Pipeline) edgesInto(stage *Stage, problems *diag.List) []dag.Edge {
	var edges []dag.Edge
	seen := map[string]bool{}
	add := func(dep Dep) {
		for _, owner := range p.OwnersOf(dep) {
			if owner.Stage == stage {
				problems.Add(diag.At(dep.Pos, "stage %q depends on its own out %q", stage.Name, owner.Out.Path).
					WithNote(owner.Out.Pos, "the out is declared here").
					WithHint("remove the dep, or let another stage make it"))
				continue
			}
			if !stage.Frozen && !seen[owner.Stage.Name] {
				seen[owner.Stage.Name] = true
				edges = append(edges, dag.Edge{From: owner.Stage.Name, To: stage.Name})
			}
		}
	}
	for _, dep := range stage.Deps {
		add(dep)
	}
	file := ""
	for _, param := range stage.Params {
		if param.File != file {
			add(Dep{Path: param.File, Pos: param.Pos})
		}
		file = param.File
	}
	return edges
}

// overlaps finds outs that are the same path, or one inside the other.
func (p *Pipeline) overlaps() diag.List {
	var problems diag.List
	p.OwnerOf(".") // makes the owners
	for i, owner := range p.owners.sorted {
		for _, other := range p.owners.sorted[i+1:] {
			if other.Out.Path == owner.Out.Path {
				problems.Add(sameOut(owner, other))
				break // the others are told beside it
			}
			if !strings.HasPrefix(other.Out.Path, owner.Out.Path+"/") && owner.Out.Path != "." {
				break
			}
			problems.Add(inside(owner, other))
		}
	}
	return append(problems, p.globOverlaps()...)
}

func inside(owner, other Owner) *diag.Error {
	return diag.At(other.Out.Pos, "out %q of %s lies inside out %q of %s",
		other.Out.Path, other.Stage.kindName(), owner.Out.Path, owner.Stage.kindName()).
		WithNote(owner.Out.Pos, "the directory is declared here").
		WithHint("let each path have one owner: write beside the directory, or declare the directory only")
}

// globOverlaps finds patterns of outs that another out may match.
func (p *Pipeline) globOverlaps() diag.List {
	var problems diag.List
	for i, owner := range p.owners.globs {
		others := append(p.owners.plain(glob.Base(owner.Out.Path)), p.owners.globs[i+1:]...)
		if glob.Base(owner.Out.Path) == "." {
			others = append(slices.Clone(p.owners.sorted), p.owners.globs[i+1:]...)
		}
		for _, other := range others {
			if glob.Meet(owner.Out.Path, other.Out.Path) {
				problems.Add(diag.At(other.Out.Pos, "out %q of %s may be one of the outs %q of %s",
					other.Out.Path, other.Stage.kindName(), owner.Out.Path, owner.Stage.kindName()).
					WithNote(owner.Out.Pos, "the pattern is declared here").
					WithHint("let each path have one owner: give one of them a folder of its own"))
			}
		}
	}
	return problems
}

func sameOut(owner, other Owner) *diag.Error {
	problem := diag.At(other.Out.Pos, "out %q of %s is also an out of %s", other.Out.Path, other.Stage.kindName(), owner.Stage.kindName())
	if owner.Stage == other.Stage {
		problem.Msg = fmt.Sprintf("out %q is declared twice in %s", other.Out.Path, other.Stage.kindName())
	}
	return problem.WithNote(owner.Out.Pos, "first declared here").WithHint("let each path be made by one stage only")
}

func (s *Stage) kindName() string {
	if s.Source {
		return fmt.Sprintf("data source %q", s.Title())
	}
	return fmt.Sprintf("stage %q", s.Name)
}

func (p *Pipeline) explainCycle(cycle *dag.CycleError) error {
	first := p.byName[cycle.Path[0]]
	problem := diag.At(first.Pos, "stages depend on each other in a circle: %s", strings.Join(cycle.Path, " → "))
	for i := 0; i+1 < len(cycle.Path); i++ {
		from, to := p.byName[cycle.Path[i]], p.byName[cycle.Path[i+1]]
		for _, dep := range to.reads() {
			if p.owns(from, dep) {
				problem.WithNote(dep.Pos, "%q reads %q, which %q makes", to.Name, dep.Path, from.Name)
				break
			}
		}
	}
	return diag.List{problem.WithHint("take one of these deps away")}
}

func (p *Pipeline) owns(stage *Stage, dep Dep) bool {
	for _, owner := range p.OwnersOf(dep) {
		if owner.Stage == stage {
			return true
		}
	}
	return false
}

// reads returns the deps and the params files of a stage.
func (s *Stage) reads() []Dep {
	reads := append([]Dep(nil), s.Deps...)
	for _, param := range s.Params {
		reads = append(reads, Dep{Path: param.File, Pos: param.Pos})
	}
	return reads
}

// FoldedTwice tells of outs whose paths differ only in case: on a file system that
// doesn't tell them apart they are one.
func (p *Pipeline) FoldedTwice() diag.List {
	var warnings diag.List
	seen := map[string]Owner{}
	p.OwnerOf(".")
	for _, owner := range p.owners.sorted {
		folded := strings.ToLower(owner.Out.Path)
		if first, found := seen[folded]; found && first.Out.Path != owner.Out.Path {
			warnings.Add(diag.At(owner.Out.Pos, "outs %s and %s differ only in case", first.Out.Path, owner.Out.Path).
				WithHint("on macOS and Windows they are one file"))
		}
		seen[folded] = owner
	}
	return warnings
}
