package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/stages"
)

// newMoveCmd returns `flow move`.
func newMoveCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "move FROM TO",
		Aliases: []string{"mv"},
		Long: `Rename a data source: the file or folder itself, its entry under data: in
pipeline.yaml, and its record in the lock. Deps that name it are not changed.`,
		Example: "  flow move data/raw.csv data/2026/raw.csv",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runMove(cmd.Context(), a, args[0], args[1])
		},
	}
}

func runMove(ctx context.Context, a *app, typedFrom, typedTo string) error {
	p, pipeline, err := a.openPipeline()
	if err != nil {
		return err
	}
	from, err := a.local(p, typedFrom)
	if err != nil {
		return err
	}
	to, err := a.local(p, typedTo)
	if err != nil {
		return err
	}
	stage, found := pipeline.Stage(stages.SourcePrefix + from)
	if !found {
		return diag.At(diag.Pos{}, "%s is no data source", from).WithHint("only data sources can be moved; the path of an out stands in pipeline.yaml")
	}
	if info, err := p.Root.Lstat(to); err == nil && info.IsDir() {
		to = path.Join(to, path.Base(from))
	}
	if strings.HasPrefix(to, from+"/") {
		return diag.At(diag.Pos{}, "%s can't be moved into itself", from)
	}
	if p.Root.Exists(to) {
		return diag.At(diag.Pos{}, "%s is there already", to).WithHint("move or remove it first")
	}
	locked, err := p.Ledger.Read()
	if err != nil {
		return err
	}
	undo, err := moveFiles(p, from, to)
	if err != nil {
		return err
	}
	if err := redeclare(p, stage, to); err != nil {
		return errors.Join(err, undo())
	}
	return a.recordMove(ctx, p, locked, from, to)
}

// moveFiles moves the data itself, and returns how to move it back.
func moveFiles(p *project.Project, from, to string) (undo func() error, err error) {
	if !p.Root.Exists(from) {
		return func() error { return nil }, nil
	}
	if err := p.Root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return nil, fmt.Errorf("move %s: %w", from, err)
	}
	if err := p.Root.Rename(from, to); err != nil {
		return nil, fmt.Errorf("move %s: %w", from, err)
	}
	return func() error { return p.Root.Rename(to, from) }, nil
}

// redeclare changes the path of a data source in pipeline.yaml.
func redeclare(p *project.Project, source *stages.Stage, to string) error {
	return p.EditPipeline(source.Pos.File, func(doc *document.Document) (*document.Document, error) {
		node := doc.Root.Find(source.Entry...)
		if node == nil {
			return nil, diag.At(source.Pos, "%s changed while it was read", source.Pos.File).WithHint("try again")
		}
		at := source.Entry
		if node.Kind == document.Map {
			at = append(slices.Clone(at), "path")
		}
		declared, err := filepath.Rel(path.Dir(source.File), to)
		if err != nil || !filepath.IsLocal(declared) {
			return nil, diag.At(source.Pos, "%s can't name %s, which is not below its folder", source.File, to)
		}
		return doc.Set(at, filepath.ToSlash(declared))
	})
}

func (a *app) recordMove(ctx context.Context, p *project.Project, locked *lock.File, from, to string) error {
	if err := p.Prepare(); err != nil {
		return err
	}
	if content, recorded := locked.Data[from]; recorded {
		if err := p.Ledger.Add(ctx, lock.Record{Source: from}, lock.Record{Source: to, Is: &content, Commit: locked.Commits[from]}); err != nil {
			return err
		}
		if _, err := p.Ledger.Settle(ctx, nil); err != nil {
			return err
		}
	}
	if p.Git {
		if _, err := p.Workspace.Ungitignore(from); err != nil {
			return err
		}
		if _, err := p.Workspace.Gitignore(to); err != nil {
			return err
		}
	}
	a.say("moved %s to %s", from, to)
	return nil
}
