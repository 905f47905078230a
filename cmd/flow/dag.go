package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/dag"
	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// dagOptions is the words of `flow dag`.
type dagOptions struct {
	dot, mermaid, md, svg, png, html, outs, full, status, ascii, sources bool
}

// pictured reports whether the graph becomes a picture.
func (o *dagOptions) pictured() bool { return o.svg || o.png || o.html }

// newDagCmd returns `flow dag`.
func newDagCmd(a *app) *cobra.Command {
	o := &dagOptions{}
	cmd := &cobra.Command{
		Use: "dag [TARGET...]",
		Long: `Draw the graph of stages, from what runs first to what runs last; with a TARGET (a
stage or the path of an out), only that and what it depends on.`,
		Example: `  flow dag
  flow dag --status               # with the state of each stage
  flow dag train --outs           # paths instead of stages
  flow dag --mermaid > graph.mmd
  flow dag --png > graph.png
  flow dag --html > graph.html    # with states, to look around in`,
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDag(cmd.Context(), a, o, args)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.dot, "dot", false, "print Graphviz's language")
	flags.BoolVar(&o.mermaid, "mermaid", false, "print a Mermaid flow chart")
	flags.BoolVar(&o.md, "md", false, "print a Mermaid flow chart in a Markdown block")
	flags.BoolVar(&o.svg, "svg", false, "print a picture, with the state of each stage")
	flags.BoolVar(&o.png, "png", false, "print that picture as pixels")
	flags.BoolVar(&o.html, "html", false, "print a page with that picture, which needs nothing else")
	flags.BoolVarP(&o.outs, "outs", "o", false, "draw paths instead of stages")
	flags.BoolVar(&o.full, "full", false, "with a TARGET, draw the whole pipeline that it belongs to")
	flags.BoolVar(&o.status, "status", false, "show the state of each stage")
	flags.BoolVar(&o.sources, "sources", false, "draw data sources too")
	flags.BoolVar(&o.ascii, "ascii", false, "draw with ASCII characters only")
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("dot", "mermaid", "md", "svg", "png", "html", "json")
	return cmd
}

func runDag(ctx context.Context, a *app, o *dagOptions, targets []string) error {
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	names, err := e.Select(engine.Selection{Targets: a.targets(p, e.Pipeline, targets), Whole: o.full && len(targets) > 0})
	if err != nil {
		return err
	}
	view, reasons, err := a.dagFacts(ctx, p, e, names, o)
	if err != nil {
		return err
	}
	if o.outs && len(targets) > 0 && !o.full {
		view.graph = view.graph.Subgraph(view.graph.Upstream(namedOuts(e.Pipeline, targets)...)...)
	}
	switch {
	case a.json:
		return ui.WriteJSON(a.out, view.json(e))
	case o.dot:
		fmt.Fprint(a.out, view.graph.DOT(view.dressing()))
	case o.mermaid:
		fmt.Fprint(a.out, view.graph.Mermaid(view.dressing()))
	case o.md:
		fmt.Fprintf(a.out, "```mermaid\n%s```\n", view.graph.Mermaid(view.dressing()))
	case o.svg:
		fmt.Fprint(a.out, view.report(p, e, reasons).Picture().SVG())
	case o.png:
		pixels, err := view.report(p, e, reasons).Picture().PNG(sharp)
		if err != nil {
			return err
		}
		if a.isTerminal() {
			return wordsError{errors.New("a terminal can't show pixels; write them to a file: flow dag --png > graph.png")}
		}
		_, err = a.out.Write(pixels)
		return err
	case o.html:
		fmt.Fprint(a.out, view.report(p, e, reasons).Page())
	case view.graph.Len() == 0:
		a.print("no stages")
	default:
		fmt.Fprint(a.out, view.graph.Draw(dag.Drawing{Width: ui.Width(a.out), ASCII: o.ascii, Label: view.label}))
	}
	return nil
}

// dagFacts makes the view, and, where the state of stages is wanted, finds it and the
// reasons for it.
func (a *app) dagFacts(ctx context.Context, p *project.Project, e *engine.Engine, names []string, o *dagOptions) (*dagView, map[string][]engine.Reason, error) {
	states, reasons := map[string]event.Status{}, map[string][]engine.Reason{}
	if o.status || o.pictured() {
		plan, err := e.Plan(ctx, engine.Options{})
		if err != nil {
			return nil, nil, err
		}
		for _, step := range plan.Steps {
			states[step.Stage.Name], reasons[step.Stage.Name] = step.Will, step.Reasons
		}
	}
	if o.pictured() {
		if err := fromRuns(p, states); err != nil {
			return nil, nil, err
		}
	}
	view, err := newDagView(e, names, o, states)
	return view, reasons, err
}

// dagView is the graph as it is shown: of stages, or of the paths between them.
type dagView struct {
	graph  *dag.Graph
	titles map[string]string // by node, what it is called
	states map[string]event.Status
}

func newDagView(e *engine.Engine, names []string, o *dagOptions, states map[string]event.Status) (*dagView, error) {
	view := &dagView{titles: map[string]string{}, states: map[string]event.Status{}}
	if o.outs {
		return view, view.buildOuts(e, names, states)
	}
	var shown []string
	for _, name := range names {
		stage, _ := e.Pipeline.Stage(name)
		if stage.Source && !o.sources {
			continue
		}
		shown = append(shown, name)
		view.titles[name] = stage.Title()
		if state, known := states[name]; known {
			view.states[name] = state
		}
	}
	view.graph = e.Graph.Subgraph(shown...)
	return view, nil
}

// buildOuts makes a node of each out, with edges from the outs that a stage reads
// to those that it makes.
func (v *dagView) buildOuts(e *engine.Engine, names []string, states map[string]event.Status) error {
	var nodes []string
	var edges []dag.Edge
	for _, name := range names {
		stage, _ := e.Pipeline.Stage(name)
		for _, out := range stage.Outs {
			nodes = append(nodes, out.Path)
			v.titles[out.Path] = out.Path
			if state, known := states[name]; known {
				v.states[out.Path] = state
			}
		}
	}
	known := setOf(nodes)
	for _, name := range names {
		stage, _ := e.Pipeline.Stage(name)
		for _, read := range readOuts(e, stage, known) {
			for _, out := range stage.Outs {
				edges = append(edges, dag.Edge{From: read, To: out.Path})
			}
		}
	}
	var err error
	v.graph, err = dag.Build(nodes, edges)
	return err
}

// namedOuts returns the outs that targets name: a stage's, a group's, or themselves.
func namedOuts(pipeline *stages.Pipeline, targets []string) []string {
	var outs []string
	for _, stage := range pipeline.Stages {
		for _, out := range stage.Outs {
			for _, target := range targets {
				if target == stage.Name || target == out.Path || strings.HasPrefix(stage.Name, target+"@") ||
					strings.HasPrefix(target, out.Path+"/") || strings.HasPrefix(out.Path, target+"/") {
					outs = append(outs, out.Path)
				}
			}
		}
	}
	return outs
}

// readOuts returns which of the nodes a stage reads.
func readOuts(e *engine.Engine, stage *stages.Stage, nodes map[string]bool) []string {
	var read []string
	for _, dep := range stage.Deps {
		for _, owner := range e.Pipeline.OwnerOf(dep.Path) {
			if nodes[owner.Out.Path] && !slices.Contains(read, owner.Out.Path) {
				read = append(read, owner.Out.Path)
			}
		}
	}
	return read
}

// stateMarks tell a state by more than a colour.
var stateMarks = map[event.Status]string{
	event.Fresh: "✓ up to date", event.WouldRun: "● will run", event.MayRun: "○ may run", event.WouldGet: "↺ will be restored",
	event.WouldSave: "⤓ will be saved",
}

func (v *dagView) label(name string) string {
	if mark := stateMarks[v.states[name]]; mark != "" {
		return v.titles[name] + "\n" + mark
	}
	return v.titles[name]
}

func (v *dagView) dressing() dag.Dressing {
	if len(v.states) == 0 {
		return dag.Dressing{Label: func(name string) string { return v.titles[name] }}
	}
	fills := map[string]string{"fresh": "#d9f2d9", "would-run": "#ffe2b8", "may-run": "#fff6d6", "would-restore": "#d6e8ff", "would-save": "#d6e8ff"}
	return dag.Dressing{
		Label: v.label,
		Class: func(name string) string { return string(v.states[name]) },
		Fill:  func(class string) string { return fills[class] },
	}
}

// dagJSON is the graph as `flow dag --json` tells it.
type dagJSON struct {
	Nodes []dagNode `json:"nodes"`
	Edges []dagEdge `json:"edges"`
}

type dagNode struct {
	Name   string       `json:"name"`
	Source bool         `json:"source,omitempty"`
	State  event.Status `json:"state,omitempty"`
	Deps   []string     `json:"deps,omitempty"`
	Outs   []string     `json:"outs,omitempty"`
	Desc   string       `json:"desc,omitempty"`
	Frozen bool         `json:"frozen,omitempty"`
	Place  string       `json:"place,omitempty"`
}

type dagEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (v *dagView) json(e *engine.Engine) dagJSON {
	told := dagJSON{Nodes: []dagNode{}, Edges: []dagEdge{}}
	for _, name := range v.graph.Names() {
		node := dagNode{Name: v.titles[name], State: v.states[name]}
		if stage, found := e.Pipeline.Stage(name); found {
			node.Source, node.Desc, node.Frozen, node.Place = stage.Source, stage.Desc, stage.Frozen, stage.Pos.String()
			for _, dep := range stage.Deps {
				node.Deps = append(node.Deps, dep.Path)
			}
			for _, out := range stage.Outs {
				node.Outs = append(node.Outs, out.Path)
			}
		}
		told.Nodes = append(told.Nodes, node)
	}
	for _, edge := range v.graph.Edges() {
		told.Edges = append(told.Edges, dagEdge{From: v.titles[edge.From], To: v.titles[edge.To]})
	}
	return told
}

// stageNamed finds the stage or data source that a person named, for commands that
// edit the pipeline.
func stageNamed(pipeline *stages.Pipeline, name string) (*stages.Stage, error) {
	if stage, found := pipeline.Stage(name); found {
		return stage, ofGroup(pipeline, stage.Group)
	}
	if err := ofGroup(pipeline, name); err != nil {
		return nil, err
	}
	if stage, found := pipeline.Stage(stages.SourcePrefix + strings.TrimSuffix(name, "/")); found {
		return stage, nil
	}
	problem := diag.At(diag.Pos{}, "%q is no stage or data source of %s", name, strings.Join(pipeline.Files, ", "))
	if meant := pipeline.Nearest(name); meant != "" {
		return nil, problem.WithHint("did you mean %q?", meant)
	}
	return nil, problem.WithHint("`flow stage list` shows the stages")
}

// ofGroup refuses to edit stages that a foreach or a matrix makes.
func ofGroup(pipeline *stages.Pipeline, group string) error {
	for _, stage := range pipeline.Stages {
		if group != "" && stage.Group == group {
			return diag.At(stage.Pos, "the stages of %q are made by a foreach or a matrix, so that none can be changed by itself", group).
				WithHint("edit the group in %s", pipeline.File)
		}
	}
	return nil
}
