package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/project"
	"flow/pkg/stages"
)

// importOptions is the words of `flow import`.
type importOptions struct {
	out, rev           string
	force              bool
	noExec, noDownload bool
	jobs               int
}

// newImportCmd returns `flow import`.
func newImportCmd(a *app) *cobra.Command {
	o := &importOptions{}
	cmd := &cobra.Command{
		Use: "import REPOSITORY PATH",
		Long: `Take a file or a folder of another project and make it a data source that remembers the
repository and the commit: flow update moves it on, and flow pull gets it from there. The
repository is a folder, or what git can clone. The path may be what that project tracks,
something inside of that, or what git itself has, and a folder may hold both.`,
		Example: `  flow import ../weather data/images
  flow import https://example.org/weather.git model.bin --rev v1.2 -o models/weather.bin`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return runImport(cmd.Context(), a, o, args[0], args[1]) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.out, "out", "o", "", "the `path` to write; default: the last part of PATH")
	flags.StringVar(&o.rev, "rev", "", "the branch, tag or commit to take it from, and to follow; default: HEAD")
	flags.BoolVarP(&o.force, "force", "f", false, "replace what is there")
	flags.BoolVar(&o.noExec, "no-exec", false, "only declare it: flow update takes it")
	flags.BoolVar(&o.noDownload, "no-download", false, "only declare and record it: flow pull brings it")
	flags.IntVarP(&o.jobs, "jobs", "j", 0, "at most `N` transfers at a time")
	cmd.MarkFlagsMutuallyExclusive("no-exec", "no-download")
	return cmd
}

func runImport(ctx context.Context, a *app, o *importOptions, location, wanted string) error {
	p, err := a.openOrHere()
	if err != nil {
		return err
	}
	repo := stages.Repo{URL: location, Path: path.Clean(wanted), Rev: o.rev}
	if repo.Path == "." {
		return diag.At(diag.Pos{}, "the path %q is the whole repository; name a file or a folder in it", wanted).
			WithHint("what it has: flow ls %s", repo.Redacted())
	}
	if problem := repo.Problem(); problem != "" {
		return diag.At(diag.Pos{}, "%s: %q", problem, repo.Redacted())
	}
	if repo.Secret() {
		return diag.At(diag.Pos{}, "the address holds a password, which would stand in %s: %s", stages.File, repo.Redacted()).
			WithHint("git has a place for it: git help credentials")
	}
	if repo.URL, err = a.repoURL(p, repo); err != nil {
		return err
	}
	typed := o.out
	if typed == "" {
		typed = path.Base(repo.Path)
	}
	name, err := a.local(p, typed)
	if err != nil {
		return err
	}
	if p.Root.Exists(name) && !o.force {
		return diag.At(diag.Pos{}, "%s is there already", name).WithHint("replace it with --force, or give another path with -o")
	}
	pipeline, err := p.Pipeline()
	if errors.Is(err, fs.ErrNotExist) {
		pipeline, err = stages.Parse(stages.File, nil, nil)
	}
	if err != nil {
		return err
	}
	if err := ownable(ctx, p, pipeline, name); err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	stored, err := a.storing(ctx, p, "flow import")
	if err != nil {
		return err
	}
	defer stored()
	return a.takeImport(ctx, p, o, name, repo)
}

// takeImport takes the data, declares it, and records it.
func (a *app) takeImport(ctx context.Context, p *project.Project, o *importOptions, name string, repo stages.Repo) error {
	declare := func() error {
		err := p.EditPipeline(stages.File, func(doc *document.Document) (*document.Document, error) { return declareImport(doc, name, repo) })
		if err == nil && p.Git {
			_, err = p.Workspace.Gitignore(name)
		}
		return err
	}
	if o.noExec {
		if err := declare(); err != nil {
			return err
		}
		a.say("declared %s; flow update %s takes it", name, name)
		return nil
	}
	content, commit, err := p.Import(ctx, "", repo, project.MoveOptions{Jobs: o.jobs, Sink: a.sink(1)}, !o.noDownload)
	if err != nil {
		return err
	}
	if !o.noDownload {
		if _, err := p.PutSource(ctx, name, content); err != nil {
			return err
		}
	}
	if err := declare(); err != nil {
		return err
	}
	if err := p.RecordImport(ctx, name, content, commit); err != nil {
		return err
	}
	a.say("imported %s (%s) of %s at %s", name, describeContent(content), repo.Redacted(), commit[:8])
	_, err = p.Ledger.Settle(ctx, nil)
	return errors.Join(err, p.Workspace.Flush())
}

// repoURL is where a repository is, as it is kept: a folder relative to the project.
func (a *app) repoURL(p *project.Project, repo stages.Repo) (string, error) {
	folder := repo.URL
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(a.dir, folder)
	}
	info, err := os.Stat(folder)
	switch {
	case err == nil && info.IsDir() && filepath.IsAbs(repo.URL), !repo.Folder():
		return repo.URL, nil
	case err != nil || !info.IsDir():
		return "", diag.At(diag.Pos{}, "there is no repository %s", repo.URL)
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(folder); err == nil {
		folder = resolved
	}
	relative, err := filepath.Rel(p.Root.Dir(), folder)
	if err != nil {
		return "", fmt.Errorf("the way to %s: %w", repo.URL, err)
	}
	return filepath.ToSlash(relative), nil
}

// declareImport writes a data source with where it is imported from. What a person wrote
// beside a path that is declared already stays.
func declareImport(doc *document.Document, name string, repo stages.Repo) (*document.Document, error) {
	from := document.Fields{{Key: "url", Value: repo.URL}, {Key: "path", Value: repo.Path}}
	if repo.Rev != "" {
		from = append(from, document.Field{Key: "rev", Value: repo.Rev})
	}
	fields := document.Fields{{Key: "path", Value: name}, {Key: "repo", Value: from}}
	data := doc.Root.Get("data")
	if data == nil {
		return doc.Append([]string{"data"}, fields)
	}
	for i, item := range data.Items {
		at := []string{"data", fmt.Sprintf("[%d]", i)}
		switch {
		case item.Kind == document.Map && item.Get("path") != nil && item.Get("path").Text == name:
			if item.Get("url") != nil {
				var err error
				if doc, err = doc.Delete(append(at, "url")); err != nil {
					return nil, err
				}
			}
			return doc.Set(append(at, "repo"), from)
		case item.Kind != document.Map && item.Text == name:
			return doc.Set(at, fields)
		}
	}
	return doc.Append([]string{"data"}, fields)
}
