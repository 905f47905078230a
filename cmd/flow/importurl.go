package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/bucket"
	"flow/pkg/diag"
	"flow/pkg/digest"
	"flow/pkg/document"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// newImportURLCmd returns `flow import-url`.
func newImportURLCmd(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "import-url URL [PATH]",
		Short: "Get data from a URL and track it",
		Long: `Get a file, or with a slash at the URL's end all files of a folder, and make it a data
source that remembers where it came from: flow update gets it again. The URL is of any
kind that a remote can have; remote://NAME/path is below a remote, with its settings.`,
		Example: `  flow import-url https://example.org/titanic.csv data/titanic.csv
  flow import-url remote://lake/images/ data/images`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runImportURL(cmd.Context(), a, args, force)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace what is there")
	return cmd
}

func runImportURL(ctx context.Context, a *app, args []string, force bool) error {
	p, err := a.openOrHere()
	if err != nil {
		return err
	}
	address, err := a.originURL(p, args[0])
	if err != nil {
		return err
	}
	typed := ""
	if len(args) == 2 {
		typed = args[1]
	} else if typed, err = project.OriginName(address); err != nil {
		return err
	}
	name, err := a.local(p, typed)
	if err != nil {
		return err
	}
	if p.Root.Exists(name) && !force {
		return diag.At(diag.Pos{}, "%s is there already", name).WithHint("replace it with --force, or give another path")
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	content, err := a.getOrigin(ctx, p, address)
	if err != nil {
		return err
	}
	if _, err := p.PutSource(ctx, name, content); err != nil {
		return err
	}
	if err := addOne(ctx, a, p, name, false); err != nil {
		return err
	}
	err = p.EditPipeline(stages.File, func(doc *document.Document) (*document.Document, error) { return declareURL(doc, name, address) })
	if err != nil {
		return err
	}
	if _, err := p.Ledger.Settle(ctx, nil); err != nil {
		return err
	}
	return p.Workspace.Flush()
}

// originURL is a URL that data comes from, as it is kept: a path relative to the project.
func (a *app) originURL(p *project.Project, typed string) (string, error) {
	if strings.HasPrefix(typed, "remote://") {
		return typed, nil
	}
	address, err := a.remoteURL(p, typed)
	if strings.HasSuffix(typed, "/") && !strings.HasSuffix(address, "/") {
		address += "/"
	}
	return address, err
}

// declareURL writes where a data source comes from beside its path.
func declareURL(doc *document.Document, name, address string) (*document.Document, error) {
	for i, item := range doc.Root.Get("data").Items {
		at := []string{"data", fmt.Sprintf("[%d]", i)}
		switch {
		case item.Kind == document.Map && item.Get("path") != nil && item.Get("path").Text == name:
			return doc.Set(append(at, "url"), address)
		case item.Kind != document.Map && item.Text == name:
			return doc.Set(at, document.Fields{{Key: "path", Value: name}, {Key: "url", Value: address}})
		}
	}
	return doc, nil
}

// getOrigin brings what a URL leads to into the cache.
func (a *app) getOrigin(ctx context.Context, p *project.Project, address string) (digest.Content, error) {
	origin, err := p.OpenOrigin(address)
	if err != nil {
		return digest.Content{}, err
	}
	defer origin.Close()
	content, err := p.Get(ctx, origin)
	if errors.Is(err, fs.ErrNotExist) {
		return content, engine.Missing(diag.At(diag.Pos{}, "%s is not there", bucket.Redacted(address)))
	}
	return content, err
}

// newUpdateCmd returns `flow update`.
func newUpdateCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update [PATH...]",
		Short: "Get data again from where it came from",
		Long: `Get the data sources that have a url again, and record what they hold now. What was
changed by hand is kept in the cache before it is replaced.`,
		Example:           "  flow update\n  flow update data/titanic.csv",
		ValidArgsFunction: a.completeTargets,
		RunE:              func(cmd *cobra.Command, args []string) error { return runUpdate(cmd.Context(), a, args) },
	}
	return cmd
}

func runUpdate(ctx context.Context, a *app, args []string) error {
	p, pipeline, err := a.openPipeline()
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	sources, err := a.withOrigin(p, pipeline, args)
	if err != nil {
		return err
	}
	var failures []error
	for _, source := range sources {
		failures = append(failures, a.updateOne(ctx, p, source))
	}
	_, err = p.Ledger.Settle(ctx, nil)
	return errors.Join(append(failures, err, p.Workspace.Flush())...)
}

// withOrigin returns the data sources that are named, or all that have a url.
func (a *app) withOrigin(p *project.Project, pipeline *stages.Pipeline, args []string) ([]*stages.Stage, error) {
	var sources []*stages.Stage
	for _, arg := range args {
		name, err := a.local(p, arg)
		if err != nil {
			return nil, err
		}
		source, found := pipeline.Stage(stages.SourcePrefix + name)
		if !found || source.URL == "" {
			return nil, diag.At(diag.Pos{}, "%s is no data source with a url", name).WithHint("flow import-url URL %s makes it one", name)
		}
		sources = append(sources, source)
	}
	if len(args) > 0 {
		return sources, nil
	}
	for _, source := range pipeline.Sources() {
		if source.URL != "" {
			sources = append(sources, source)
		}
	}
	if len(sources) == 0 {
		a.say("no data source has a url; flow import-url makes one")
	}
	return sources, nil
}

func (a *app) updateOne(ctx context.Context, p *project.Project, source *stages.Stage) error {
	name := source.Outs[0].Path
	content, err := a.getOrigin(ctx, p, source.URL)
	if err != nil {
		return fmt.Errorf("update %s: %w", name, err)
	}
	locked, err := p.Ledger.Read()
	if err != nil {
		return err
	}
	was := locked.Data[name]
	kept, err := p.PutSource(ctx, name, content)
	if err != nil {
		return fmt.Errorf("update %s: %w", name, err)
	}
	if kept.Exists() && !kept.Same(was) {
		a.say("%s %s was changed by hand and is kept; to have it back: flow checkout %s --content %s", ui.StyleFor(a.err).Yellow("note:"), name, name, kept.ID)
	}
	if content.Same(was) {
		a.say("%s is up to date", name)
		return nil
	}
	a.say("updated %s (%s)", name, describeContent(content))
	return p.Ledger.Add(ctx, lock.Record{Source: name, Is: &content})
}
