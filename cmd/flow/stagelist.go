package main

import (
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// listedStage is a stage as `flow stage list --json` tells it.
type listedStage struct {
	Name   string   `json:"name"`
	Source bool     `json:"source,omitempty"`
	Desc   string   `json:"desc,omitempty"`
	Cmd    []string `json:"cmd,omitempty"`
	Wdir   string   `json:"wdir"`
	Deps   []string `json:"deps"`
	Params []string `json:"params"`
	Outs   []string `json:"outs"`
	Frozen bool     `json:"frozen,omitempty"`
	Place  string   `json:"place"`
}

func newStageListCmd(a *app) *cobra.Command {
	var namesOnly, sources bool
	var selection engine.Selection
	cmd := &cobra.Command{
		Use:               "list [TARGET...]",
		Short:             "List the stages with what they make",
		Example:           "  flow stage list\n  flow stage list --name-only\n  flow stage list --json",
		ValidArgsFunction: a.completeTargets,
		RunE: func(_ *cobra.Command, args []string) error {
			selection.Targets = args
			selection.Single = len(args) > 0
			return runStageList(a, selection, namesOnly, sources)
		},
	}
	cmd.Flags().BoolVar(&namesOnly, "name-only", false, "only the names")
	cmd.Flags().BoolVar(&sources, "all", false, "data sources too")
	cmd.Flags().BoolVar(&selection.Glob, "glob", false, "the targets are patterns of stage names")
	cmd.Flags().BoolVarP(&selection.Recursive, "recursive", "R", false, "the targets are folders")
	a.jsonFlag(cmd)
	return cmd
}

func runStageList(a *app, selection engine.Selection, namesOnly, sources bool) error {
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	selection.Targets = a.targets(p, e.Pipeline, selection.Targets)
	names, err := e.Select(selection)
	if err != nil {
		return err
	}
	chosen := setOf(names)
	listed := []listedStage{}
	table := ui.Table{Header: []string{"Stage", "What it makes"}}
	for _, stage := range e.Pipeline.Stages { // as declared, not as they run
		if !chosen[stage.Name] || stage.Source && !sources {
			continue
		}
		listed = append(listed, listStage(stage))
		table.Rows = append(table.Rows, []string{stage.Title(), describeStage(stage)})
	}
	switch {
	case a.json:
		return ui.WriteJSON(a.out, listed)
	case namesOnly:
		for _, stage := range listed {
			a.print("%s", stage.Name)
		}
	case len(listed) == 0:
		a.print("no stages")
	default:
		a.print("%s", trimEnd(table.Text(ui.StyleFor(a.out))))
	}
	return nil
}

func listStage(stage *stages.Stage) listedStage {
	listed := listedStage{Name: stage.Title(), Source: stage.Source, Desc: stage.Desc, Cmd: stage.Cmd, Wdir: stage.Wdir, Frozen: stage.Frozen,
		Place: stage.Pos.String(), Deps: []string{}, Params: []string{}, Outs: []string{}}
	for _, dep := range stage.Deps {
		listed.Deps = append(listed.Deps, dep.Path)
	}
	for _, param := range stage.Params {
		listed.Params = append(listed.Params, param.File+":"+param.Key)
	}
	for _, out := range stage.Outs {
		listed.Outs = append(listed.Outs, out.Path)
	}
	return listed
}

func describeStage(stage *stages.Stage) string {
	if stage.Desc != "" {
		return stage.Desc
	}
	kinds := map[stages.OutKind]string{stages.PlainOut: "outs", stages.Metric: "metrics", stages.PlotOut: "plots"}
	var parts []string
	for _, kind := range []stages.OutKind{stages.PlainOut, stages.Metric, stages.PlotOut} {
		var paths []string
		for _, out := range stage.Outs {
			if out.Kind == kind {
				paths = append(paths, out.Path)
			}
		}
		if len(paths) > 0 {
			parts = append(parts, kinds[kind]+" "+strings.Join(paths, ", "))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "; ")
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
