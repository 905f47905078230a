package main

import (
	"path/filepath"
	"strings"

	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/project"
	"flow/pkg/report"
	"flow/pkg/stages"
)

// report returns the view as a picture or a page tells it.
func (v *dagView) report(p *project.Project, e *engine.Engine, reasons map[string][]engine.Reason) *report.Graph {
	graph := &report.Graph{Title: "Graph of " + filepath.Base(p.Root.Dir()), Graph: v.graph, Nodes: map[string]report.Node{}}
	for _, name := range v.graph.Names() {
		node := report.Node{Title: v.titles[name], State: v.states[name]}
		if stage, found := e.Pipeline.Stage(name); found {
			describe(&node, stage, reasons[name])
			node.Took = p.Runs.Expected(stage.Title())
		}
		graph.Nodes[name] = node
	}
	return graph
}

func describe(node *report.Node, stage *stages.Stage, reasons []engine.Reason) {
	for _, reason := range reasons {
		node.Reasons = append(node.Reasons, reason.String())
	}
	node.Desc, node.Cmd = stage.Desc, strings.Join(stage.Cmd, "\n")
	for _, dep := range stage.Deps {
		node.Deps = append(node.Deps, dep.Path)
	}
	for _, param := range stage.Params {
		node.Deps = append(node.Deps, strings.TrimSuffix(param.File+":"+param.Key, ":"))
	}
	for _, out := range stage.Outs {
		node.Outs = append(node.Outs, out.Path)
	}
}

// lately is how many runs are asked how a stage ended.
const lately = 20

// fromRuns puts in what only the history of runs knows: which stages run now, and which
// of those that would run failed the last time.
func fromRuns(p *project.Project, states map[string]event.Status) error {
	active, err := p.Runs.Active()
	if err != nil {
		return err
	}
	ids, err := p.Runs.IDs()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, id := range ids[:min(len(ids), lately)] {
		run, err := p.Runs.Read(id)
		if err != nil || run.From != nil {
			continue // a run that was killed at its very start has no record
		}
		for i := range run.Stages {
			stage := &run.Stages[i]
			runs := active != nil && active.ID == id && stage.Ended.IsZero() && !stage.Started.IsZero()
			switch state, shown := states[stage.Name]; {
			case !shown || known[stage.Name]:
			case runs:
				states[stage.Name] = report.Running
			case stage.Status == event.Failed && state != event.Fresh:
				states[stage.Name] = event.Failed
			}
			known[stage.Name] = known[stage.Name] || stage.Status != event.Skipped
		}
	}
	return nil
}
