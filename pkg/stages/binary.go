package stages

import (
	"errors"

	"flow/pkg/dag"
	"flow/pkg/diag"
	"flow/pkg/wire"
)

// binary is a Pipeline with what can't be told from its exported fields, or not soon.
type binary struct {
	Pipeline *Pipeline
	Sets     []binarySet
	Parents  [][]int32 // of the graph
}

type binarySet struct {
	Set    *Set
	Places []diag.Pos
	File   string
}

// MarshalBinary writes the pipeline as this program reads it again, many times faster than
// from its files. The error is something in it that can't be written, or a pipeline
// without a graph.
func (p *Pipeline) MarshalBinary() ([]byte, error) {
	graph, err := p.Graph()
	if err != nil {
		return nil, err
	}
	b := binary{Pipeline: p, Parents: graph.Above()}
	for _, set := range p.Sets() {
		b.Sets = append(b.Sets, binarySet{set, set.places, set.file})
	}
	for _, artifact := range p.Artifacts {
		if artifact.Meta != nil {
			return nil, errors.New("what a person wrote about an artifact is known by its place in the file")
		}
	}
	return wire.Encode(b)
}

// UnmarshalBinary reads what MarshalBinary of the same program wrote.
func (p *Pipeline) UnmarshalBinary(data []byte) error {
	var b binary
	if err := wire.Decode(data, &b); err != nil {
		return err
	}
	if b.Pipeline == nil {
		return errors.New("there is no pipeline")
	}
	*p = *b.Pipeline
	p.byName, p.sets = make(map[string]*Stage, len(p.Stages)), map[string]*Set{}
	for _, stage := range p.Stages {
		if stage == nil {
			return errors.New("a stage is not there")
		}
		p.byName[stage.Name] = stage
	}
	for _, set := range b.Sets {
		if set.Set == nil {
			return errors.New("a set is not there")
		}
		set.Set.places, set.Set.file = set.Places, set.File
		p.sets[set.Set.Name] = set.Set
	}
	var err error
	p.graph, err = dag.Restore(p.Names(), b.Parents)
	return err
}
