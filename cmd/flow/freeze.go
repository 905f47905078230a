package main

import (
	"slices"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/stages"
)

// newFreezeCmd returns `flow freeze`.
func newFreezeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "freeze STAGE...",
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
		if err := notShared(stage); err != nil {
			return err
		}
		if err := p.EditPipeline(stage.Pos.File, func(doc *document.Document) (*document.Document, error) { return freeze(doc, stage, frozen) }); err != nil {
			return err
		}
		a.say("%s is %s", stage.Title(), map[bool]string{true: "frozen", false: "no longer frozen"}[frozen])
	}
	return nil
}

func freeze(doc *document.Document, stage *stages.Stage, frozen bool) (*document.Document, error) {
	if node := doc.Root.Find(stage.Entry...); stage.Source && node != nil && node.Kind != document.Map {
		return doc.Set(stage.Entry, document.Fields{{Key: "path", Value: node.Text}, {Key: "frozen", Value: true}})
	}
	at := append(slices.Clone(stage.Entry), "frozen")
	if !frozen {
		return doc.Delete(at)
	}
	return doc.Set(at, true)
}

// notShared refuses to edit a stage whose text other pipelines may include, too.
func notShared(stage *stages.Stage) error {
	if !stage.Included() {
		return nil
	}
	return diag.At(stage.Pos, "%s comes from a file that is included", stage.Title()).WithHint("edit %s", stage.Pos.File)
}
