package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"flow/pkg/document"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
	"flow/pkg/workspace"
)

func newStageRemoveCmd(a *app) *cobra.Command {
	var outs bool
	cmd := &cobra.Command{
		Use:               "remove STAGE...",
		Aliases:           []string{"rm"},
		Short:             "Remove stages from pipeline.yaml and the lock",
		Long:              "Remove stages from pipeline.yaml and from the lock. Their outs stay in the\nworkspace, unless --outs says otherwise.",
		Example:           "  flow stage remove train\n  flow stage remove train --outs",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRemove(cmd.Context(), a, args, outs)
		},
	}
	cmd.Flags().BoolVar(&outs, "outs", false, "remove the files that they made, too")
	return cmd
}

// newRemoveCmd returns `flow remove`.
func newRemoveCmd(a *app) *cobra.Command {
	cmd := newStageRemoveCmd(a)
	cmd.Use = "remove TARGET..."
	cmd.Long = "Take data sources or stages out of pipeline.yaml and the lock. Their files stay in\nthe workspace, unless --outs says otherwise."
	cmd.Example = "  flow remove data/raw.csv\n  flow remove train --outs"
	return cmd
}

func runRemove(ctx context.Context, a *app, targets []string, outs bool) error {
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	pipeline := e.Pipeline
	var removed []*stages.Stage
	for _, target := range a.targets(p, pipeline, targets) {
		stage, err := stageNamed(pipeline, target)
		if err != nil {
			return err
		}
		if err := notShared(stage); err != nil {
			return err
		}
		removed = append(removed, stage)
	}
	for _, stage := range removed {
		release, err := e.Hold(stage, "removal of")
		if err != nil {
			return fmt.Errorf("remove: %w", err)
		}
		defer release()
	}
	for _, file := range pipeline.Files {
		of := slices.DeleteFunc(slices.Clone(removed), func(stage *stages.Stage) bool { return stage.Pos.File != file })
		if len(of) == 0 {
			continue
		}
		if err := p.EditPipeline(file, func(doc *document.Document) (*document.Document, error) { return undeclare(doc, of) }); err != nil {
			return err
		}
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	for _, stage := range removed {
		if outs {
			if err := a.removeOuts(ctx, p, stage); err != nil {
				return err
			}
		} else if err := ownOuts(ctx, p, stage); err != nil {
			return err
		}
		if err := forget(ctx, p, stage); err != nil {
			return err
		}
		a.say("removed %s", stage.Title())
	}
	_, err = p.Ledger.Settle(ctx, nil)
	return err
}

// undeclare takes stages and data sources out of the document.
func undeclare(doc *document.Document, removed []*stages.Stage) (*document.Document, error) {
	removed = slices.Clone(removed)
	slices.SortFunc(removed, func(a, b *stages.Stage) int { return b.Pos.Line - a.Pos.Line }) // from the end, so that the places before stay
	var err error
	for _, stage := range removed {
		if doc, err = doc.Delete(stage.Entry); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// forget takes a stage out of the lock and its outs out of the ignore files.
func forget(ctx context.Context, p *project.Project, stage *stages.Stage) error {
	record := lock.Record{Stage: stage.Name}
	if stage.Source {
		record = lock.Record{Source: stage.Outs[0].Path}
	}
	if err := p.Ledger.Add(ctx, record); err != nil {
		return err
	}
	for _, out := range stage.Outs {
		if _, err := p.Workspace.Ungitignore(out.Path); err != nil {
			return fmt.Errorf("no longer ignore %s in git: %w", out.Path, err)
		}
	}
	return nil
}

// ownOuts makes files of their own of outs that are links into the cache, which needs what
// they lead to no longer.
func ownOuts(ctx context.Context, p *project.Project, stage *stages.Stage) error {
	for _, out := range stage.Outs {
		if out.Glob || !p.Root.Exists(out.Path) {
			continue
		}
		if err := p.Workspace.Unprotect(ctx, out.Path); err != nil {
			return fmt.Errorf("remove %s, whose files stay: %w", out.Path, err)
		}
	}
	return nil
}

// removeOuts removes the files that a stage made; what the cache does not have is
// put there first.
func (a *app) removeOuts(ctx context.Context, p *project.Project, stage *stages.Stage) error {
	for _, out := range stage.Outs {
		now, err := p.Workspace.Digest(ctx, out.Path)
		if err != nil {
			return fmt.Errorf("remove %s: %w", out.Path, err)
		}
		if !now.Exists() {
			continue
		}
		whole, err := p.Cache.Has(ctx, now)
		if err != nil {
			return fmt.Errorf("remove %s: %w", out.Path, err)
		}
		if !whole {
			if now, err = p.Workspace.Save(ctx, out.Path, workspace.SaveOptions{Copy: true}); err != nil {
				return fmt.Errorf("keep %s before it is removed: %w", out.Path, err)
			}
			a.say("%s %s is kept in the cache; to have it back: flow checkout %s --content %s",
				ui.StyleFor(a.err).Yellow("note:"), out.Path, out.Path, now.ID)
		}
		if err := p.Root.RemoveAll(out.Path); err != nil {
			return fmt.Errorf("remove %s: %w", out.Path, err)
		}
	}
	return nil
}
