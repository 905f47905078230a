package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"flow/pkg/document"
	"flow/pkg/stages"
)

// newFreezeCmd returns `flow freeze`.
func newFreezeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "freeze STAGE...",
		Short: "Stop stages from running again when what they read changes",
		Long: `Freeze stages: repro takes their outs as they are, whatever their deps are. It writes
frozen: true into pipeline.yaml.`,
		Example:           "  flow freeze download",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTargets,
		RunE:              func(_ *cobra.Command, args []string) error { return runFreeze(a, args, true) },
	}
}

// newUnfreezeCmd returns `flow unfreeze`.
func newUnfreezeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "unfreeze STAGE...",
		Short:             "Let frozen stages run again",
		Example:           "  flow unfreeze download",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTargets,
		RunE:              func(_ *cobra.Command, args []string) error { return runFreeze(a, args, false) },
	}
}

func runFreeze(a *app, names []string, frozen bool) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	pipeline, err := p.Pipeline()
	if err != nil {
		return err
	}
	for _, name := range a.targets(p, pipeline, names) {
		stage, err := stageNamed(pipeline, name)
		if err != nil {
			return err
		}
		if stage.Frozen == frozen {
			a.say("%s is %s", stage.Title(), map[bool]string{true: "frozen already", false: "not frozen"}[frozen])
			continue
		}
		if err := p.EditPipeline(func(doc *document.Document) (*document.Document, error) { return freeze(doc, pipeline, stage, frozen) }); err != nil {
			return err
		}
		a.say("%s is %s", stage.Title(), map[bool]string{true: "frozen", false: "no longer frozen"}[frozen])
	}
	return nil
}

func freeze(doc *document.Document, pipeline *stages.Pipeline, stage *stages.Stage, frozen bool) (*document.Document, error) {
	path := []string{"stages", stage.Name}
	if stage.Source {
		at := fmt.Sprintf("[%d]", slices.Index(pipeline.Sources(), stage))
		path = []string{"data", at}
		if node := doc.Root.Get("data").Items[slices.Index(pipeline.Sources(), stage)]; node.Kind != document.Map {
			return doc.Set(path, document.Fields{{Key: "path", Value: node.Text}, {Key: "frozen", Value: true}})
		}
	}
	if !frozen {
		return doc.Delete(append(path, "frozen"))
	}
	return doc.Set(append(path, "frozen"), true)
}
