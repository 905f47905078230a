package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/document"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// newAddCmd returns `flow add`.
func newAddCmd(a *app) *cobra.Command {
	var noCommit bool
	cmd := &cobra.Command{
		Use:   "add PATH...",
		Short: "Track files or folders as data sources",
		Long: `Track files or folders that no stage makes: put them into the cache, declare them
under data: in pipeline.yaml, record their hashes in pipeline.lock, and keep them out
of git. Adding a path again records what it holds now.`,
		Example: "  flow add data/raw.csv\n  flow add images/",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runAdd(cmd.Context(), a, args, noCommit)
		},
	}
	cmd.Flags().BoolVar(&noCommit, "no-commit", false, "only declare and hash; flow commit puts it into the cache later")
	return cmd
}

func runAdd(ctx context.Context, a *app, args []string, noCommit bool) error {
	p, err := a.openOrHere()
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	for _, arg := range args {
		name, err := a.local(p, arg)
		if err != nil {
			return err
		}
		if err := addOne(ctx, a, p, name, noCommit); err != nil {
			return err
		}
	}
	if _, err := p.Ledger.Settle(ctx, nil); err != nil {
		return err
	}
	return p.Workspace.Flush()
}

func addOne(ctx context.Context, a *app, p *project.Project, name string, noCommit bool) error {
	pipeline, err := p.Pipeline()
	if errors.Is(err, fs.ErrNotExist) {
		pipeline, err = stages.Parse(stages.File, nil, nil)
	}
	if err != nil {
		return err
	}
	if err := addable(ctx, p, pipeline, name); err != nil {
		return err
	}
	content, err := p.SaveSource(ctx, name, noCommit)
	if err != nil {
		return fmt.Errorf("add %s: %w", name, err)
	}
	if _, declared := pipeline.Stage(stages.SourcePrefix + name); !declared {
		err = p.EditPipeline(stages.File, func(doc *document.Document) (*document.Document, error) {
			return doc.Append([]string{"data"}, name)
		})
		if err != nil {
			return err
		}
	}
	if p.Git {
		if _, err := p.Workspace.Gitignore(name); err != nil {
			return fmt.Errorf("ignore %s in git: %w", name, err)
		}
	}
	if err := p.Ledger.Add(ctx, lock.Record{Source: name, Is: &content}); err != nil {
		return err
	}
	a.say("added %s (%s)", name, describeContent(content))
	return nil
}

func describeContent(content digest.Content) string {
	if content.Mode == digest.Dir {
		return fmt.Sprintf("%s, %s", ui.Count(content.Files, "file"), ui.Bytes(content.Size))
	}
	return ui.Bytes(content.Size)
}

// addable refuses what is not there, what a stage makes, and what git tracks.
func addable(ctx context.Context, p *project.Project, pipeline *stages.Pipeline, name string) error {
	if name == "." {
		return diag.At(diag.Pos{}, "the whole project can't be one data source").WithHint("name the files and folders that are data")
	}
	if !p.Root.Exists(name) {
		return engine.Missing(diag.At(diag.Pos{}, "%s is not there", name))
	}
	for _, owner := range pipeline.OwnerOf(name) {
		if owner.Stage.Source && owner.Out.Path == name {
			continue
		}
		if owner.Stage.Source && strings.HasPrefix(name, owner.Out.Path+"/") {
			return diag.At(owner.Out.Pos, "%s lies inside the data source %s", name, owner.Out.Path).
				WithHint("record the whole of it: flow add %s", owner.Out.Path)
		}
		if owner.Stage.Source {
			return diag.At(owner.Out.Pos, "%s holds the data source %s", name, owner.Out.Path).
				WithHint("to track the whole of it: flow remove %s, then flow add %s", owner.Out.Path, name)
		}
		return diag.At(owner.Out.Pos, "%s is made by stage %q, as %s", name, owner.Stage.Title(), owner.Out.Path).
			WithHint("a path has one owner: a stage, or a data source")
	}
	if !p.Git {
		return nil
	}
	tracked, err := p.Tracked(ctx, []string{name})
	if err == nil && len(tracked) > 0 {
		return diag.At(diag.Pos{}, "%s is tracked by git", tracked[0]).
			WithHint("let one of them keep it: git rm -r --cached %s, then flow add %s", name, name)
	}
	return nil
}
