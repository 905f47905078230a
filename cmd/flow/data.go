package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
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
	cmd.Flags().BoolVar(&noCommit, "no-commit", false, "only declare and hash; `flow commit` puts it into the cache later")
	return cmd
}

// local turns a path as typed, relative to the current folder, into one relative to
// the project's root.
func (a *app) local(p *project.Project, typed string) (string, error) {
	absolute := typed
	if !filepath.IsAbs(typed) {
		absolute = filepath.Join(a.dir, typed)
	}
	absolute, err := filepath.Abs(absolute)
	if err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(filepath.Dir(absolute)); err == nil {
		absolute = filepath.Join(resolved, filepath.Base(absolute))
	}
	relative, err := filepath.Rel(p.Root.Dir(), absolute)
	if err != nil || !filepath.IsLocal(relative) {
		return "", diag.At(diag.Pos{}, "%s lies outside the project %s", typed, p.Root.Dir()).
			WithHint("copy it into the project first")
	}
	return filepath.ToSlash(relative), nil
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
		pipeline, err = stages.Parse(stages.File, nil)
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
		err = p.EditPipeline(func(doc *document.Document) (*document.Document, error) {
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
		return &engine.MissingError{Problem: diag.At(diag.Pos{}, "%s is not there", name)}
	}
	for _, owner := range pipeline.OwnerOf(name) {
		if owner.Stage.Source && owner.Out.Path == name {
			continue
		}
		if owner.Stage.Source && strings.HasPrefix(name, owner.Out.Path+"/") {
			return diag.At(owner.Out.Pos, "%s lies inside the data source %s", name, owner.Out.Path).
				WithHint("record the whole of it: flow add %s", owner.Out.Path)
		}
		return diag.At(owner.Out.Pos, "%s overlaps with %s of %s", name, owner.Out.Path, owner.Stage.Title()).
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

// newMoveCmd returns `flow move`.
func newMoveCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "move FROM TO",
		Aliases: []string{"mv"},
		Short:   "Rename a data source",
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
	if p.Root.Exists(to) {
		return diag.At(diag.Pos{}, "%s is there already", to).WithHint("move or remove it first")
	}
	locked, err := p.Ledger.Read()
	if err != nil {
		return err
	}
	index := slices.Index(pipeline.Sources(), stage)
	err = p.EditPipeline(func(doc *document.Document) (*document.Document, error) {
		at := []string{"data", fmt.Sprintf("[%d]", index)}
		if doc.Root.Get("data").Items[index].Kind == document.Map {
			at = append(at, "path")
		}
		return doc.Set(at, to)
	})
	if err != nil {
		return err
	}
	if p.Root.Exists(from) {
		if err := p.Root.MkdirAll(path.Dir(to), 0o755); err != nil {
			return err
		}
		if err := p.Root.Rename(from, to); err != nil {
			return fmt.Errorf("move %s: %w", from, err)
		}
	}
	return a.recordMove(ctx, p, locked, from, to)
}

func (a *app) recordMove(ctx context.Context, p *project.Project, locked *lock.File, from, to string) error {
	if err := p.Prepare(); err != nil {
		return err
	}
	if content, recorded := locked.Data[from]; recorded {
		if err := p.Ledger.Add(ctx, lock.Record{Source: from}, lock.Record{Source: to, Is: &content}); err != nil {
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

// openPipeline opens the project with its pipeline.
func (a *app) openPipeline() (*project.Project, *stages.Pipeline, error) {
	p, err := a.open()
	if err != nil {
		return nil, nil, err
	}
	pipeline, err := p.Pipeline()
	return p, pipeline, err
}

// newCommitCmd returns `flow commit`.
func newCommitCmd(a *app) *cobra.Command {
	var selection engine.Selection
	var force bool
	cmd := &cobra.Command{
		Use:   "commit [TARGET...]",
		Short: "Record what is in the workspace, without running",
		Long: `Record the outs, deps and params as they are now, as if the stages had just run: put
the outs into the cache and write the lock. When a stage's command or deps changed,
its outs may not be what it would make, so you are asked first; --force does not ask.`,
		Example:           "  flow commit\n  flow commit --force train",
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			selection.Targets = args
			return runCommit(cmd.Context(), a, selection, force)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	addSelectionFlags(cmd, &selection)
	a.jsonFlag(cmd)
	return cmd
}

func runCommit(ctx context.Context, a *app, selection engine.Selection, force bool) error {
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	options := engine.CommitOptions{Selection: selection}
	if !force {
		options.Confirm = func(stage string, reasons []engine.Reason) bool {
			return a.confirm(fmt.Sprintf("%s: %s\n  commit its outs as they are?", stage, ui.Reasons(reasons)))
		}
	}
	done, err := e.Commit(ctx, options)
	if a.json {
		if done == nil {
			done = []engine.Committed{}
		}
		return errors.Join(err, ui.WriteJSON(a.out, done))
	}
	for _, committed := range done {
		a.say("committed %s", committed.Stage)
	}
	if len(done) == 0 && err == nil {
		a.say("nothing to commit")
	}
	return err
}

// newCheckoutCmd returns `flow checkout`.
func newCheckoutCmd(a *app) *cobra.Command {
	var o engine.CheckoutOptions
	var content string
	cmd := &cobra.Command{
		Use:   "checkout [TARGET...]",
		Short: "Bring outs and data back from the cache, as the lock tells",
		Long: `Make outs and data sources hold what pipeline.lock tells: after git checkout, this
brings that commit's data. What you changed by hand is kept in the cache first.

With --content, put any content that the cache has at one path.`,
		Example: `  git checkout v1.0 && flow checkout
  flow checkout model.bin
  flow checkout model.bin --content blake3:…`,
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Targets = args
			if content != "" {
				return runCheckoutContent(cmd.Context(), a, args, content)
			}
			return runCheckout(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.Force, "force", "f", false, "do not keep what was changed by hand")
	flags.BoolVar(&o.Relink, "relink", false, "make files anew, as cache.type says now")
	flags.BoolVar(&o.AllowMissing, "allow-missing", false, "go on where the cache lacks something")
	flags.StringVar(&content, "content", "", "the `digest` of a content to put at the path")
	a.jsonFlag(cmd)
	return cmd
}

func runCheckout(ctx context.Context, a *app, o engine.CheckoutOptions) error {
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	done, err := e.Checkout(ctx, o, func(text string) { a.say("%s %s", ui.StyleFor(a.err).Yellow("note:"), text) })
	if a.json {
		if done == nil {
			done = []engine.CheckedOut{}
		}
		return errors.Join(err, ui.WriteJSON(a.out, done))
	}
	for _, one := range done {
		a.print("%-9s %s", one.State, one.Path)
	}
	if len(done) == 0 && err == nil {
		a.say("everything is in place")
	}
	return err
}

func runCheckoutContent(ctx context.Context, a *app, args []string, content string) error {
	id, err := digest.Parse(content)
	if err != nil {
		return wordsError{err}
	}
	if len(args) != 1 {
		return wordsError{fmt.Errorf("--content goes with one path, not %d", len(args))}
	}
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	name, err := a.local(p, args[0])
	if err != nil {
		return err
	}
	if err := e.CheckoutContent(ctx, name, id); err != nil {
		return err
	}
	a.say("%s holds %s", name, content)
	return nil
}

// newUnprotectCmd returns `flow unprotect`.
func newUnprotectCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "unprotect PATH...",
		Short: "Make files that are links into the cache files of their own",
		Long: `Replace links into the cache by copies that can be edited. Only needed where
cache.type is hardlink or symlink.`,
		Example: "  flow unprotect data/raw.csv",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.open()
			if err != nil {
				return err
			}
			for _, arg := range args {
				name, err := a.local(p, arg)
				if err != nil {
					return err
				}
				if !p.Root.Exists(name) {
					return &engine.MissingError{Problem: diag.At(diag.Pos{}, "%s is not there", name)}
				}
				if err := p.Workspace.Unprotect(cmd.Context(), name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
