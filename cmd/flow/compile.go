package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/document"
	"flow/pkg/stages"
	"flow/pkg/ui"
	"flow/pkg/values"
)

// newCompileCmd returns `flow compile`.
func newCompileCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compile [STAGE...]",
		Short: "Print the pipeline with its templates filled in",
		Long: `Print pipeline.yaml as flow reads it: vars merged, ${} filled in, and a stage for each
item of a foreach or a matrix. With STAGEs or groups, only those.`,
		Example:           "  flow compile\n  flow compile train            # the stages of a group\n  flow compile train@us --json",
		ValidArgsFunction: a.completeTargets,
		RunE:              func(_ *cobra.Command, args []string) error { return runCompile(a, args) },
	}
	a.jsonFlag(cmd)
	return cmd
}

func runCompile(a *app, targets []string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	pipeline, err := p.Pipeline()
	if err != nil {
		return err
	}
	root, err := p.Compiled()
	if err != nil {
		return err
	}
	if len(targets) > 0 {
		if root, err = onlyStages(root, pipeline, targets); err != nil {
			return err
		}
	}
	if root == nil {
		root = document.Of(document.Fields{})
	}
	sayWarnings(a, pipeline)
	text := document.Encode(root)
	if !a.json {
		_, err = a.out.Write(text)
		return err
	}
	tree, err := values.Load(stages.File, text)
	if err != nil {
		return fmt.Errorf("read the compiled pipeline: %w", err)
	}
	_, err = fmt.Fprintf(a.out, "%s\n", tree.JSON())
	return err
}

// sayWarnings tells what may be a mistake.
func sayWarnings(a *app, pipeline *stages.Pipeline) {
	for _, warning := range pipeline.Warnings {
		a.say("%s %s", ui.StyleFor(a.err).Yellow("note:"), warning.Error())
		if warning.Hint != "" {
			a.say("  %s", warning.Hint)
		}
	}
}

// onlyStages keeps the stages and groups that were named, and nothing else.
func onlyStages(root *document.Node, pipeline *stages.Pipeline, targets []string) (*document.Node, error) {
	var kept []document.Entry
	named := map[string]bool{}
	for _, entry := range root.Get("stages").Entries {
		for _, target := range targets {
			if entry.Key.Text == target || strings.HasPrefix(entry.Key.Text, target+"@") {
				kept = append(kept, entry)
				named[target] = true
				break
			}
		}
	}
	for _, target := range targets {
		if stage, found := pipeline.Stage(target); !named[target] || found && stage.Source {
			if _, err := stageNamed(pipeline, target); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("%s is no stage", target)
		}
	}
	stagesNode := root.Get("stages").WithEntries(kept)
	return root.WithEntries([]document.Entry{{Key: document.Of("stages"), Value: stagesNode}}), nil
}
