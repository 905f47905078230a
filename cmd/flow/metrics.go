package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/project"
	"flow/pkg/ui"
	"flow/pkg/values"
)

// valuesOptions is the words of `flow metrics` and `flow params`.
type valuesOptions struct {
	project.Query
	all, md, noPath, gate            bool
	precision                        int
	allBranches, allTags, allCommits bool
	revs                             []string
}

// newMetricsCmd returns `flow metrics`.
func newMetricsCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "metrics",
		Example: "  flow metrics show\n  flow metrics diff            # HEAD against the workspace\n  flow metrics diff v1.0 main",
	}
	cmd.AddCommand(newValuesShowCmd(a, false), newValuesDiffCmd(a, false))
	return cmd
}

// newParamsCmd returns `flow params`.
func newParamsCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "params",
		Example: "  flow params show --json\n  flow params diff             # HEAD against the workspace\n  flow params diff v1.0 main",
	}
	cmd.AddCommand(newValuesShowCmd(a, true), newValuesDiffCmd(a, true))
	return cmd
}

func noun(params bool) string {
	if params {
		return "params"
	}
	return "metrics"
}

func (o *valuesOptions) flags(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&o.Targets, "targets", nil, "only these `files` or folders")
	flags.BoolVar(&o.md, "md", false, "print a Markdown table")
	flags.IntVar(&o.precision, "precision", 5, "round to this many `digits` behind the point; a change is never rounded away")
	if o.Params {
		flags.BoolVar(&o.Deps, "deps", false, "only the params that stages depend on")
	}
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("md", "json")
}

func newValuesShowCmd(a *app, params bool) *cobra.Command {
	o := &valuesOptions{Query: project.Query{Params: params}}
	cmd := &cobra.Command{
		Use:     "show [FILE...]",
		Short:   "Show " + noun(params) + " of the workspace, or of revisions",
		Example: "  flow " + noun(params) + " show\n  flow " + noun(params) + " show --rev HEAD --rev main --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Targets = append(o.Targets, args...)
			return runValuesShow(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.revs, "rev", nil, "show these `revisions`, too")
	flags.BoolVarP(&o.allBranches, "all-branches", "a", false, "show all branches, too")
	flags.BoolVarP(&o.allTags, "all-tags", "T", false, "show all tags, too")
	flags.BoolVarP(&o.allCommits, "all-commits", "A", false, "show all commits that HEAD leads to, too")
	o.flags(a, cmd)
	return cmd
}

func newValuesDiffCmd(a *app, params bool) *cobra.Command {
	o := &valuesOptions{Query: project.Query{Params: params}}
	cmd := &cobra.Command{
		Use:   "diff [A [B...]]",
		Short: "Compare " + noun(params) + " of two revisions or runs, or more",
		Long: `Compare ` + noun(params) + ` of two revisions or more: commits, branches, tags, runs (by id, name or
tag, latest, latest~1), or "workspace". A is HEAD unless you say otherwise, B the workspace.
Of more than two, the change is that from the first to the last.` + gateHelp(params),
		Example:           "  flow " + noun(params) + " diff\n  flow " + noun(params) + " diff HEAD~1 HEAD --json\n  flow " + noun(params) + " diff main --md",
		ValidArgsFunction: a.completeRevisionsAndRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			revs := slices.Clone(args)
			if len(revs) == 0 {
				revs = []string{"HEAD"}
			}
			if len(revs) == 1 {
				revs = append(revs, project.WorkspaceRevision)
			}
			return runValuesDiff(cmd.Context(), a, o, revs)
		},
	}
	if !params {
		cmd.Flags().BoolVar(&o.gate, "fail-on-regression", false, "show only what got worse, and exit with 1 if something did")
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "also what did not change")
	cmd.Flags().BoolVar(&o.noPath, "no-path", false, "leave out the column of files")
	o.flags(a, cmd)
	return cmd
}

// gateHelp says what gets worse.
func gateHelp(params bool) string {
	if params {
		return ""
	}
	return `

A metric gets worse against the direction that pipeline.yaml declares for it, beyond its
tolerance; it also does when it is gone.`
}

// revisions returns the revisions that are asked for, the workspace first.
func (o *valuesOptions) revisions(ctx context.Context, p *project.Project) ([]*project.Revision, error) {
	names := append([]string{project.WorkspaceRevision}, o.revs...)
	for kind, wanted := range map[string]bool{"branches": o.allBranches, "tags": o.allTags} {
		if wanted {
			found, err := p.Revisions(ctx, kind)
			if err != nil {
				return nil, err
			}
			names = append(names, found...)
		}
	}
	if o.allCommits {
		commits, err := p.Commits(ctx)
		if err != nil {
			return nil, err
		}
		names = append(names, commits...)
	}
	var revisions []*project.Revision
	for _, name := range names {
		revision, err := p.Revision(ctx, name)
		if err != nil {
			return nil, err
		}
		revisions = append(revisions, revision)
	}
	return revisions, nil
}

// shown is the values of one revision.
type shown struct {
	name  string // "" where only the workspace is shown
	files []project.ValueFile
}

func runValuesShow(ctx context.Context, a *app, o *valuesOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	for i, target := range o.Targets {
		if o.Targets[i], err = a.local(p, target); err != nil {
			return err
		}
	}
	revisions, err := o.revisions(ctx, p)
	if err != nil {
		return err
	}
	var all []shown
	for _, revision := range revisions {
		files, err := revision.Values(ctx, o.Query)
		if err != nil {
			return err
		}
		name := revision.Name
		if len(revisions) == 1 {
			name = ""
		}
		all = append(all, shown{name: name, files: files})
	}
	for _, one := range all {
		a.tellUnreadable(one.files, noun(o.Params), one.name)
	}
	if a.json {
		return ui.WriteJSON(a.out, showJSON(all))
	}
	if len(all) == 1 && len(all[0].files) == 0 {
		a.say("no %s", noun(o.Params))
	}
	a.printTable(showTable(all, o.precision), o.md)
	return nil
}

// shortName shortens the name of a commit for a table.
func shortName(name string) string {
	if len(name) == 40 && strings.Trim(name, "0123456789abcdef") == "" {
		return name[:10]
	}
	return name
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(trimEnd(text), "\n", "\n  ")
}

// tellUnreadable says which files could not be read; the rest is shown.
func (a *app) tellUnreadable(files []project.ValueFile, noun, revision string) {
	if revision != "" {
		noun += " of " + revision
	}
	style := ui.StyleFor(a.err)
	for _, file := range files {
		switch {
		case file.Err == nil:
		case errors.Is(file.Err, fs.ErrNotExist):
			a.say("%s %s: %s is not there", style.Yellow("note:"), noun, file.Path)
		default:
			a.say("%s %s: %s can't be read:\n%s", style.Yellow("note:"), noun, file.Path, indented(ui.Explain(file.Err, style)))
		}
	}
}

func (a *app) printTable(table ui.Table, md bool) {
	if len(table.Rows) == 0 {
		return
	}
	if md {
		a.print("%s", trimEnd(table.Markdown()))
		return
	}
	a.print("%s", trimEnd(table.Fit(ui.Width(a.out)).Text(ui.StyleFor(a.out))))
}

// showTable makes a row of each file, with a column for each key.
func showTable(all []shown, precision int) ui.Table {
	var keys []string
	seen := map[string]bool{}
	for _, one := range all {
		for _, file := range one.files {
			for _, leaf := range file.Leaves {
				if !seen[leaf.Key] {
					seen[leaf.Key] = true
					keys = append(keys, leaf.Key)
				}
			}
		}
	}
	table := ui.Table{Header: append([]string{"Path"}, keys...)}
	withRevisions := len(all) > 1
	if withRevisions {
		table.Header = append([]string{"Revision"}, table.Header...)
	}
	for _, one := range all {
		for _, file := range one.files {
			if file.Err != nil {
				continue
			}
			row := []string{file.Path}
			if withRevisions {
				row = []string{shortName(one.name), file.Path}
			}
			byKey := map[string]values.Value{}
			for _, leaf := range file.Leaves {
				byKey[leaf.Key] = leaf.Value
			}
			for _, key := range keys {
				cell := "-"
				if value, found := byKey[key]; found {
					cell = values.Format(value, precision)
				}
				row = append(row, cell)
			}
			table.Rows = append(table.Rows, row)
		}
	}
	return table
}
