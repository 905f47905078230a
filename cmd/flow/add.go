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
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// newAddCmd returns `flow add`.
func newAddCmd(a *app) *cobra.Command {
	var o addWords
	cmd := &cobra.Command{
		Use: "add PATH...",
		Long: `Track files or folders that no stage makes: put them into the cache, declare them
under data: in pipeline.yaml, record their hashes in pipeline.lock, and keep them out
of git. Adding a path again records what it holds now; there is nothing to force.

A path inside a folder that is a data source is added to that: its other files stay as
they are recorded, and need not be there.`,
		Example: "  flow add data/raw.csv\n  flow add images/\n  flow add images/cat.png\n  flow add --glob 'data/*.csv'",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runAdd(cmd.Context(), a, o, args)
		},
	}
	cmd.Flags().BoolVar(&o.glob, "glob", false, "the paths are patterns of files")
	cmd.Flags().BoolVar(&o.noCommit, "no-commit", false, "only declare and hash; flow commit puts it into the cache later")
	return cmd
}

// addWords is the words of `flow add`.
type addWords struct{ noCommit, glob bool }

func runAdd(ctx context.Context, a *app, o addWords, args []string) error {
	p, err := a.openOrHere()
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	stored, err := a.storing(ctx, p, "flow add")
	if err != nil {
		return err
	}
	defer stored()
	return errors.Join(a.addAll(ctx, p, o, args), p.Workspace.Flush())
}

func (a *app) addAll(ctx context.Context, p *project.Project, o addWords, args []string) error {
	names, err := a.addNames(ctx, p, o, args)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := addOne(ctx, a, p, name, o.noCommit); err != nil {
			return err
		}
	}
	_, err = p.Ledger.Settle(ctx, nil)
	return err
}

// addNames returns the paths that were typed, or that match the patterns that were.
func (a *app) addNames(ctx context.Context, p *project.Project, o addWords, args []string) ([]string, error) {
	var names []string
	for _, arg := range args {
		name, err := a.local(p, arg)
		if err != nil {
			return nil, err
		}
		if !o.glob {
			names = append(names, name)
			continue
		}
		found, err := p.Workspace.Match(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, engine.Missing(diag.At(diag.Pos{}, "no file matches %s", arg))
		}
		names = append(names, found...)
	}
	return names, nil
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
	if dir := sourceAround(pipeline, name); dir != "" {
		return addInside(ctx, a, p, dir, name, noCommit)
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
	if err := p.RecordSource(ctx, name, content); err != nil {
		return err
	}
	a.say("added %s (%s)", name, describeContent(content))
	one, other, err := p.Workspace.Twins(ctx, name)
	if err == nil && one != "" {
		a.say("%s %s: %s", ui.StyleFor(a.err).Yellow("note:"), engine.TwinsText(name, one, other), engine.TwinsHint)
	}
	return err
}

// addInside adds a path to the data source that it is inside of.
func addInside(ctx context.Context, a *app, p *project.Project, dir, name string, noCommit bool) error {
	content, err := p.SaveInside(ctx, dir, name, noCommit)
	if err != nil {
		return err
	}
	if err := p.RecordSource(ctx, dir, content); err != nil {
		return err
	}
	a.say("added %s to %s (%s)", name, dir, describeContent(content))
	return nil
}

// sourceAround returns the data source that a path is inside of; "" when there is none.
func sourceAround(pipeline *stages.Pipeline, name string) string {
	for _, owner := range pipeline.OwnerOf(name) {
		if owner.Stage.Source && strings.HasPrefix(name, owner.Out.Path+"/") {
			return owner.Out.Path
		}
	}
	return ""
}

func describeContent(content digest.Content) string {
	if content.Mode == digest.Dir {
		return fmt.Sprintf("%s, %s", ui.Count(content.Files, "file"), ui.Bytes(content.Size))
	}
	return ui.Bytes(content.Size)
}

// addable refuses what is not there, what a stage makes, and what git tracks.
func addable(ctx context.Context, p *project.Project, pipeline *stages.Pipeline, name string) error {
	if name != "." && !p.Root.Exists(name) {
		return engine.Missing(diag.At(diag.Pos{}, "%s is not there", name))
	}
	return ownable(ctx, p, pipeline, name)
}

// ownable refuses what can't be a data source, as it has another owner.
func ownable(ctx context.Context, p *project.Project, pipeline *stages.Pipeline, name string) error {
	if name == "." {
		return diag.At(diag.Pos{}, "the whole project can't be one data source").WithHint("name the files and folders that are data")
	}
	for _, owner := range pipeline.OwnerOf(name) {
		if owner.Stage.Source && (owner.Out.Path == name || strings.HasPrefix(name, owner.Out.Path+"/")) {
			continue
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
