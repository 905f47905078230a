package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/document"
	"flow/pkg/stages"
	"flow/pkg/ui"
	"flow/pkg/values"
)

// newCompileCmd returns `flow compile`.
func newCompileCmd(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "compile [STAGE...]",
		Long: `Print the folder's pipeline.yaml, or else the project's, as flow reads it: vars merged,
included files in place, ${} filled in, and a stage for each item of a foreach or a
matrix. With STAGEs or groups of that file, only those; --file takes another one.`,
		Example:           "  flow compile\n  flow compile train            # the stages of a group\n  flow compile train@us --json\n  flow compile --file sub/pipeline.yaml",
		ValidArgsFunction: a.completeTargets,
		RunE:              func(_ *cobra.Command, args []string) error { return runCompile(a, file, args) },
	}
	cmd.Flags().StringVar(&file, "file", "", "the pipeline `file` to print")
	a.setFlag(cmd)
	a.jsonFlag(cmd)
	return cmd
}

func runCompile(a *app, file string, targets []string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	pipeline, err := p.Pipeline()
	if err != nil {
		return err
	}
	name := a.ownFile(p)
	if file != "" {
		if name, err = a.local(p, file); err != nil {
			return err
		}
	}
	root, err := p.Compiled(name)
	if err != nil {
		return err
	}
	if len(targets) > 0 {
		if root, err = onlyStages(root, pipeline, strings.TrimPrefix(name+":", stages.File+":"), targets); err != nil {
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
	tree, err := values.Load(name, text)
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
func onlyStages(root *document.Node, pipeline *stages.Pipeline, prefix string, targets []string) (*document.Node, error) {
	var kept []document.Entry
	named := map[string]bool{}
	if root.Get("stages") == nil {
		return nil, fmt.Errorf("%s declares no stages", pipeline.File)
	}
	for _, entry := range root.Get("stages").Entries {
		for _, target := range targets {
			name := prefix + strings.TrimPrefix(target, prefix)
			if slices.Contains(pipeline.Named(name), prefix+entry.Key.Text) {
				kept = append(kept, entry)
				named[target] = true
				break
			}
		}
	}
	for _, target := range targets {
		if stage, found := pipeline.Stage(prefix + strings.TrimPrefix(target, prefix)); !named[target] || found && stage.Source {
			if _, err := stageNamed(pipeline, target); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("%s is no stage of that file", target)
		}
	}
	stagesNode := root.Get("stages").WithEntries(kept)
	return root.WithEntries([]document.Entry{{Key: document.Of("stages"), Value: stagesNode}}), nil
}
