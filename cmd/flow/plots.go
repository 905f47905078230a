package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/plots"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// plotsOptions is the words of `flow plots show` and `flow plots diff`.
type plotsOptions struct {
	targets                    []string
	revs                       []string
	out                        string
	html, svg, png, term, vega bool
}

// newPlotsCmd returns `flow plots`.
func newPlotsCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "plots",
		Example: "  flow plots show                       # a page with all plots\n  flow plots show plots/loss.csv --term\n  flow plots diff main                  # main and the workspace, in the same axes",
	}
	cmd.AddCommand(newPlotsShowCmd(a), newPlotsDiffCmd(a), newPlotsModifyCmd(a), newPlotsTemplatesCmd(a))
	return cmd
}

func (o *plotsOptions) flags(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.out, "out", "o", "", "write to this `file`, or into this folder; - is stdout")
	flags.BoolVar(&o.html, "html", false, "write one page that needs nothing else (as is done by default)")
	flags.BoolVar(&o.svg, "svg", false, "write a picture of each plot")
	flags.BoolVar(&o.png, "png", false, "write a picture of each plot as pixels")
	flags.BoolVar(&o.term, "term", false, "draw in the terminal")
	flags.BoolVar(&o.vega, "show-vega", false, "print the plot as Vega-Lite, for templates of your own")
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("html", "svg", "png", "term", "show-vega", "json")
}

func newPlotsShowCmd(a *app) *cobra.Command {
	o := &plotsOptions{revs: []string{project.WorkspaceRevision}}
	cmd := &cobra.Command{
		Use:   "show [TARGET...]",
		Short: "Draw the plots of the workspace",
		Long: `Draw the plots that the pipeline declares, or only TARGETs: ids of plots, files and
folders. The page is written to .flow/plots.html unless -o says otherwise.`,
		Example: `  flow plots show
  flow plots show plots/loss.csv --term
  flow plots show --svg -o pictures
  flow plots show plots/loss.csv -o loss.svg`,
		ValidArgsFunction: a.completePlots,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.targets = args
			return runPlots(cmd.Context(), a, o)
		},
	}
	o.flags(a, cmd)
	return cmd
}

func newPlotsDiffCmd(a *app) *cobra.Command {
	o := &plotsOptions{}
	cmd := &cobra.Command{
		Use:   "diff [REV...]",
		Short: "Draw the plots of several revisions in the same axes",
		Long: `Draw the plots of revisions in the same axes: commits, branches, tags, runs, or
"workspace". Without any, HEAD and the workspace; one is compared with the workspace.`,
		Example:           "  flow plots diff\n  flow plots diff v1.0 v1.1 main -o plots.html\n  flow plots diff main --targets plots/loss.csv --term",
		ValidArgsFunction: a.completeRevisionsAndRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.revs = slices.Clone(args)
			switch len(args) {
			case 0:
				o.revs = []string{"HEAD", project.WorkspaceRevision}
			case 1:
				o.revs = append(o.revs, project.WorkspaceRevision)
			}
			return runPlots(cmd.Context(), a, o)
		},
	}
	cmd.Flags().StringSliceVar(&o.targets, "targets", nil, "only these `plots`, files or folders")
	o.flags(a, cmd)
	return cmd
}

func newPlotsTemplatesCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "templates [NAME]",
		Short: "List the ways to draw a plot, or print one as Vega-Lite",
		Example: `  flow plots templates
  flow plots templates confusion > vega/mine.json   # and then template: vega/mine.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runPlotsTemplates(a, args) },
	}
	a.jsonFlag(cmd)
	return cmd
}

func runPlotsTemplates(a *app, args []string) error {
	if len(args) == 1 {
		text, err := plots.TemplateVega(args[0])
		if err == nil {
			a.print("%s", text)
		}
		return err
	}
	if a.json {
		var names []string
		for _, template := range plots.Templates() {
			names = append(names, template[0])
		}
		return ui.WriteJSON(a.out, names)
	}
	table := ui.Table{Header: []string{"Template", "Draws"}}
	for _, template := range plots.Templates() {
		table.Rows = append(table.Rows, template[:])
	}
	a.printTable(table, false)
	return nil
}

func runPlots(ctx context.Context, a *app, o *plotsOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	figures, err := a.figures(ctx, p, o.revs, o.targets)
	if err != nil {
		return err
	}
	if o.vega {
		return printVega(a, p, figures)
	}
	if len(o.revs) == 1 {
		for _, figure := range figures {
			figure.DropRevisions()
		}
	}
	a.tellFaults(figures)
	switch {
	case a.json:
		return ui.WriteJSON(a.out, figuresJSON(figures))
	case len(figures) == 0:
		a.say("no plots")
		return nil
	case o.term:
		return printSketches(a, figures)
	}
	return writeFigures(a, p, o, figures)
}

// figures reads the plots of revisions.
func (a *app) figures(ctx context.Context, p *project.Project, revs, targets []string) ([]*plots.Figure, error) {
	var sources []plots.Source
	var ids []string
	targets = a.plotTargets(p, targets)
	for _, name := range revs {
		revision, err := p.Revision(ctx, name)
		if err != nil {
			return nil, err
		}
		found, err := revision.Plots(ctx, targets)
		if err != nil {
			return nil, err
		}
		for _, source := range found {
			source.Revision = shortName(source.Revision)
			sources = append(sources, source)
			ids = append(ids, source.Plot.ID)
			for _, file := range source.Files {
				ids = append(ids, file.Path)
			}
		}
	}
	for _, target := range targets {
		under := func(id string) bool {
			return id == target || strings.HasPrefix(id, strings.TrimSuffix(target, "/")+"/")
		}
		if !slices.ContainsFunc(ids, under) {
			return nil, diag.At(diag.Pos{}, "there is no plot %q", target).WithHint("`flow plots show --json` lists them")
		}
	}
	return plots.Figures(sources), nil
}

// plotTargets turns paths that were typed in a folder below the root into paths of the
// project; ids stay as they are.
func (a *app) plotTargets(p *project.Project, typed []string) []string {
	targets := slices.Clone(typed)
	for i, target := range typed {
		if name, err := a.local(p, target); err == nil && p.Root.Exists(name) {
			targets[i] = name
		}
	}
	return targets
}

// tellFaults says what could not be drawn; the rest is.
func (a *app) tellFaults(figures []*plots.Figure) {
	style := ui.StyleFor(a.err)
	for _, figure := range figures {
		if len(figure.Series) > 0 && figure.Template != "" && !plots.IsTemplate(figure.Template) {
			a.say("%s plot %s has the template %q, which flow does not draw itself: these are lines", style.Yellow("note:"), figure.ID, figure.Template)
		}
		for _, fault := range figure.Faults {
			if errors.Is(fault.Err, fs.ErrNotExist) {
				a.say("%s %s", style.Yellow("note:"), fault.Error())
				continue
			}
			if detail := ui.Explain(fault.Err, style); strings.Contains(detail, "\n") {
				a.say("%s %s%s can't be drawn:\n%s", style.Yellow("note:"), figure.ID, atRevision(fault.Revision), indented(detail))
				continue
			}
			a.say("%s %s", style.Yellow("note:"), fault.Error())
		}
	}
}

func atRevision(name string) string {
	if name == "" {
		return ""
	}
	return " of " + name
}

// completePlots offers the plots of the workspace to the shell.
func (a *app) completePlots(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	p, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	revision, err := p.Revision(cmd.Context(), project.WorkspaceRevision)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	sources, err := revision.Plots(cmd.Context(), nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var words []string
	for _, figure := range plots.Figures(sources) {
		words = append(words, figure.ID)
	}
	return words, cobra.ShellCompDirectiveDefault
}
