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
	"flow/pkg/project"
	"flow/pkg/stages"
)

// newImportURLCmd returns `flow import-url`.
func newImportURLCmd(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "import-url URL [PATH]",
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
	stored, err := a.storing(ctx, p, "flow import-url")
	if err != nil {
		return err
	}
	defer stored()
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
