package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/document"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// updateOptions is the words of `flow update`.
type updateOptions struct {
	rev        string
	noDownload bool
	jobs       int
}

// newUpdateCmd returns `flow update`.
func newUpdateCmd(a *app) *cobra.Command {
	o := &updateOptions{}
	cmd := &cobra.Command{
		Use: "update [PATH...]",
		Long: `Get the data sources that have a url or a repo again, and record what they hold now.
Imported data moves on to the commit that its revision means today; --rev makes it
follow another one. What was changed by hand is kept in the cache before it is replaced.`,
		Example:           "  flow update\n  flow update data/titanic.csv\n  flow update data/images --rev v2.0",
		ValidArgsFunction: a.completeOrigins,
		RunE:              func(cmd *cobra.Command, args []string) error { return runUpdate(cmd.Context(), a, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.rev, "rev", "", "the `revision` that imported data follows from now on")
	flags.BoolVar(&o.noDownload, "no-download", false, "only record what imported data holds now: flow pull brings it")
	flags.IntVarP(&o.jobs, "jobs", "j", 0, "at most `N` transfers at a time")
	return cmd
}

func runUpdate(ctx context.Context, a *app, o *updateOptions, args []string) error {
	p, pipeline, err := a.openPipeline()
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	stored, err := a.storing(ctx, p, "flow update")
	if err != nil {
		return err
	}
	defer stored()
	sources, err := a.withOrigin(p, pipeline, args, o.rev != "")
	if err != nil {
		return err
	}
	var failures []error
	for _, source := range sources {
		if ctx.Err() != nil {
			failures = append(failures, context.Cause(ctx))
			break
		}
		if err := a.updateOne(ctx, p, source, o); err != nil {
			failures = append(failures, fmt.Errorf("update %s: %w", source.Outs[0].Path, err))
		}
	}
	_, err = p.Ledger.Settle(ctx, nil)
	return errors.Join(append(failures, err, p.Workspace.Flush())...)
}

// withOrigin returns the data sources that are named, or all that have a url or a repo;
// for a revision, only those that have a repo.
func (a *app) withOrigin(p *project.Project, pipeline *stages.Pipeline, args []string, rev bool) ([]*stages.Stage, error) {
	var sources []*stages.Stage
	for _, arg := range args {
		name, err := a.local(p, arg)
		if err != nil {
			return nil, err
		}
		source, found := pipeline.Stage(stages.SourcePrefix + name)
		switch {
		case !found || source.URL == "" && source.Repo == nil:
			return nil, diag.At(diag.Pos{}, "%s is no data source with a url or a repo", name).
				WithHint("flow import-url URL %s makes it one, and so does flow import REPOSITORY PATH -o %s", name, name)
		case rev && source.Repo == nil:
			return nil, diag.At(source.Pos, "%s comes from a url, which has no revisions", name)
		}
		sources = append(sources, source)
	}
	if len(args) > 0 {
		return sources, nil
	}
	for _, source := range pipeline.Sources() {
		if source.URL != "" && !rev || source.Repo != nil {
			sources = append(sources, source)
		}
	}
	if len(sources) == 0 {
		a.say("no data source has a url or a repo; flow import-url and flow import make one")
	}
	return sources, nil
}

func (a *app) updateOne(ctx context.Context, p *project.Project, source *stages.Stage, o *updateOptions) error {
	if source.Repo != nil {
		return a.updateImport(ctx, p, source, o)
	}
	content, err := a.getOrigin(ctx, p, source.URL)
	if err != nil {
		return err
	}
	return a.takeUpdate(ctx, p, source.Outs[0].Path, content, "", false)
}

// updateImport moves an imported data source on to what its revision means now.
func (a *app) updateImport(ctx context.Context, p *project.Project, source *stages.Stage, o *updateOptions) error {
	repo := *source.Repo
	if o.rev != "" {
		repo.Rev = o.rev
	}
	content, commit, err := p.Import(ctx, source.Outs[0].Path, repo, project.MoveOptions{Jobs: o.jobs, Sink: a.sink(1)}, !o.noDownload)
	if err != nil {
		return err
	}
	if repo.Rev != source.Repo.Rev {
		err := p.EditPipeline(source.Pos.File, func(doc *document.Document) (*document.Document, error) {
			if doc.Root.Find(append(source.Entry, "repo")...) == nil {
				return nil, diag.At(source.Pos, "%s changed while it was read", source.Pos.File).WithHint("try again")
			}
			return doc.Set(append(source.Entry, "repo", "rev"), repo.Rev)
		})
		if err != nil {
			return err
		}
	}
	return a.takeUpdate(ctx, p, source.Outs[0].Path, content, commit, o.noDownload)
}

// takeUpdate puts what a data source holds now in its place, and records it.
func (a *app) takeUpdate(ctx context.Context, p *project.Project, name string, content digest.Content, commit string, recordOnly bool) error {
	locked, err := p.Ledger.Read()
	if err != nil {
		return err
	}
	was := locked.Data[name]
	if !recordOnly {
		kept, err := p.PutSource(ctx, name, content)
		if err != nil {
			return err
		}
		if kept.Exists() && !kept.Same(was) {
			a.say("%s %s was changed by hand and is kept; to have it back: flow checkout %s --content %s", ui.StyleFor(a.err).Yellow("note:"), name, name, kept.ID)
		}
	}
	at := ""
	if commit != "" {
		at = " at " + commit[:8]
	}
	if content.Same(was) && commit == locked.Commits[name] {
		a.say("%s is up to date%s", name, at)
		return nil
	}
	if content.Same(was) {
		a.say("%s is the same%s", name, at)
	} else {
		a.say("updated %s (%s)%s", name, describeContent(content), at)
	}
	return p.RecordImport(ctx, name, content, commit)
}
