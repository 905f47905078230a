package main

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// listOptions is the words of `flow ls`.
type listOptions struct {
	rev                string
	recursive, tracked bool
	size, hash         bool
	repository, path   string
}

// newListCmd returns `flow ls`.
func newListCmd(a *app) *cobra.Command {
	o := &listOptions{}
	cmd := &cobra.Command{
		Use: "ls [REPOSITORY] [PATH]",
		Long: `List what is in a folder of a project: what git has, and what flow tracks, also where that
is not on this machine. The project is this one, one in another folder, or a git repository
that git can clone, as it is or as a revision has it. No data is fetched, only lists of what is in
folders. What is tracked is in colour.`,
		Example: `  flow ls
  flow ls data/images --rev v1.0 -R --size
  flow ls https://example.org/weather.git data --tracked`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeListed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 || len(args) == 1 && a.isRepository(args[0]) {
				o.repository, args = args[0], args[1:]
			}
			if o.path = "."; len(args) > 0 {
				o.path = args[0]
			}
			return runList(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.rev, "rev", "", "as this git `revision` has it")
	flags.BoolVarP(&o.recursive, "recursive", "R", false, "files at any depth")
	flags.BoolVar(&o.tracked, "tracked", false, "only what flow tracks")
	flags.BoolVar(&o.size, "size", false, "say how large each is")
	flags.BoolVar(&o.hash, "show-hash", false, "say the hashes of what is tracked")
	a.jsonFlag(cmd)
	return cmd
}

// isRepository tells a repository from a path of this project: an address, or a folder that
// is another project or repository.
func (a *app) isRepository(arg string) bool {
	if !(stages.Repo{URL: arg}).Folder() || strings.HasPrefix(arg, "-") {
		return true
	}
	folder := arg
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(a.dir, folder)
	}
	if p, err := a.open(); err == nil {
		if name, err := a.local(p, arg); err == nil && name == "." {
			return false
		}
	}
	for _, mark := range []string{project.State, ".git", stages.File, "objects"} {
		if _, err := os.Lstat(filepath.Join(folder, mark)); err == nil {
			return true
		}
	}
	return false
}

func runList(ctx context.Context, a *app, o *listOptions) error {
	revision, options, done, err := a.listed(ctx, o)
	if err != nil {
		return err
	}
	defer done()
	options.Recursive, options.Tracked = o.recursive, o.tracked
	all, bare, err := revision.Listing(ctx, options)
	if err != nil {
		return err
	}
	for _, name := range bare {
		a.note("what is in %s is not known: neither a cache nor a remote has the list", name)
	}
	if len(all)+len(bare) == 0 && options.Path != "." {
		return engine.Missing(diag.At(diag.Pos{}, "there is no %s", o.path))
	}
	if a.json {
		return ui.WriteJSON(a.out, slices.Concat([]project.Entry{}, all))
	}
	a.printListed(all, o)
	return nil
}

// listed opens what is listed: this project, or another one.
func (a *app) listed(ctx context.Context, o *listOptions) (*project.Revision, project.ListOptions, func() error, error) {
	if o.repository != "" {
		repo := stages.Repo{URL: o.repository, Path: path.Clean(o.path), Rev: o.rev}
		foreign, err := project.OpenForeign(ctx, repo, project.ForeignOptions{Base: a.dir})
		if err != nil {
			return nil, project.ListOptions{}, nil, err
		}
		return foreign.Revision, project.ListOptions{Path: foreign.Path, Lists: foreign.Lists(project.MoveOptions{})}, foreign.Close, nil
	}
	p, err := a.open()
	if err != nil {
		return nil, project.ListOptions{}, nil, err
	}
	name, err := a.local(p, o.path)
	if err != nil {
		return nil, project.ListOptions{}, nil, err
	}
	revision, err := p.Revision(ctx, o.rev)
	lists := func(ctx context.Context, data []project.Data) error {
		if _, err := p.Fetch(ctx, data, project.MoveOptions{NoRuns: true}); err != nil && ctx.Err() != nil {
			return err
		}
		return nil // what could not be had is told of by name
	}
	return revision, project.ListOptions{Path: name, Lists: lists}, func() error { return nil }, err
}

func (a *app) printListed(all []project.Entry, o *listOptions) {
	style := ui.StyleFor(a.out)
	for _, one := range all {
		name := ui.Clean(one.Path, false)
		switch {
		case one.Kind == "dir":
			name += "/"
			if one.Tracked {
				name = style.Cyan(name)
			}
			name = style.Bold(name)
		case one.Tracked:
			name = style.Cyan(name)
		}
		var before string
		if o.size {
			before = strings.Repeat(" ", max(0, 9-len(ui.Bytes(one.Size)))) + ui.Bytes(one.Size) + "  "
		}
		if o.hash {
			before += one.Hash + strings.Repeat(" ", max(0, 71-len(one.Hash))) + "  "
		}
		a.print("%s%s", before, name)
	}
}

// completeListed offers paths of this project to the shell, those of data that is not here
// among them.
func (a *app) completeListed(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	dir := typed[:strings.LastIndexByte(typed, '/')+1]
	p, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	name, err := a.local(p, "./"+dir)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	revision, err := p.Revision(cmd.Context(), "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	all, _, err := revision.Listing(cmd.Context(), project.ListOptions{Path: name})
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var words []string
	for _, one := range all {
		word := dir + one.Path
		if one.Kind == "dir" {
			word += "/"
		}
		words = append(words, word)
	}
	return words, cobra.ShellCompDirectiveNoSpace
}
