package main

import (
	"path/filepath"
	"strings"

	"flow/pkg/engine"
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
