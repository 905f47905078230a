package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/plots"
	"flow/pkg/project"
	"flow/pkg/stages"
)

// plotProps is the keys that say how a plot is drawn, in the order of their writing.
var plotProps = []string{"title", "template", "x", "y", "x_label", "y_label", "header"}

// plotsModifyOptions is the words of `flow plots modify`.
type plotsModifyOptions struct {
	texts    map[string]*string
	noHeader bool
	unset    []string
}

func newPlotsModifyCmd(a *app) *cobra.Command {
	o := &plotsModifyOptions{texts: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   "modify PLOT",
		Short: "Say how a plot is drawn, in the pipeline file",
		Long: `Change how a plot is drawn where it is declared; comments and order of the file stay.
Drawing is no input of a stage: nothing runs again.`,
		Example: `  flow plots modify plots/loss.csv --title Loss -x epoch -y loss
  flow plots modify plots/classes.csv -t confusion
  flow plots modify plots/loss.csv --unset title,x_label`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completePlots,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, prop := range plotProps {
				if flag := cmd.Flags().Lookup(strings.ReplaceAll(prop, "_", "-")); flag == nil || !flag.Changed {
					delete(o.texts, prop)
				}
			}
			return runPlotsModify(cmd.Context(), a, o, args[0])
		},
	}
	flags := cmd.Flags()
	text := func(prop, short, usage string) {
		o.texts[prop] = flags.StringP(strings.ReplaceAll(prop, "_", "-"), short, "", usage)
	}
	text("template", "t", "draw it with this `template`, see flow plots templates")
	text("x", "x", "the `column` of x")
	text("y", "y", "the `column` of y")
	text("title", "", "the `title`")
	text("x_label", "", "what is written below the x axis")
	text("y_label", "", "what is written beside the y axis")
	flags.BoolVar(&o.noHeader, "no-header", false, "the table has no header")
	flags.StringSliceVar(&o.unset, "unset", nil, "take these `keys` away")
	_ = cmd.RegisterFlagCompletionFunc("template", completeTemplates)
	_ = cmd.RegisterFlagCompletionFunc("unset", cobra.FixedCompletions(plotProps, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func completeTemplates(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, template := range plots.Templates() {
		names = append(names, template[0]+"\t"+template[1])
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func runPlotsModify(ctx context.Context, a *app, o *plotsModifyOptions, target string) error {
	for _, key := range o.unset {
		if !slices.Contains(plotProps, key) {
			return diag.At(diag.Pos{}, "a plot has no key %q", key).WithHint("its keys are %s", strings.Join(plotProps, ", "))
		}
	}
	if len(o.texts) == 0 && !o.noHeader && len(o.unset) == 0 {
		return diag.At(diag.Pos{}, "there is nothing to change").WithHint("see: flow plots modify --help")
	}
	p, err := a.open()
	if err != nil {
		return err
	}
	plot, err := a.declaredPlot(ctx, p, target)
	if err != nil {
		return err
	}
	err = p.EditPipeline(plot.Pos.File, func(doc *document.Document) (*document.Document, error) { return o.edit(doc, plot) })
	if err == nil {
		a.say("changed plot %s in %s", plot.ID, plot.Pos.File)
	}
	return err
}

// declaredPlot finds a plot by its id, or by its path as typed.
func (a *app) declaredPlot(ctx context.Context, p *project.Project, target string) (*stages.Plot, error) {
	revision, err := p.Revision(ctx, project.WorkspaceRevision)
	if err != nil {
		return nil, err
	}
	declared, err := revision.DeclaredPlots(ctx)
	if err != nil {
		return nil, err
	}
	local, _ := a.local(p, target)
	var ids []string
	for _, wanted := range []string{target, local} {
		for i := range declared {
			if declared[i].Pos.File == "" {
				continue // DVCLive's folder, which nobody declared
			}
			ids = append(ids, declared[i].ID)
			if declared[i].ID == wanted || wanted != "" && declared[i].Path == wanted {
				return &declared[i], nil
			}
		}
	}
	problem := diag.At(diag.Pos{}, "no plot %q is declared", target)
	if meant := diag.Nearest(target, ids); meant != "" {
		return nil, problem.WithHint("did you mean %q?", meant)
	}
	return nil, problem.WithHint("declare it among the plots of a stage, or at the top of %s", stages.File)
}

// edit changes the keys of a plot: those of the mapping that stands behind its name, or
// makes one of a name that stands alone.
func (o *plotsModifyOptions) edit(doc *document.Document, plot *stages.Plot) (*document.Document, error) {
	at, name, found := locate(doc.Root, plot.Pos)
	if !found {
		return nil, diag.At(plot.Pos, "plot %s can't be found in the file", plot.ID)
	}
	if alone := doc.Root.Find(at...); alone == name {
		fields := document.Fields{}
		for _, prop := range plotProps {
			if value, wanted := o.value(prop); wanted {
				fields = append(fields, document.Field{Key: prop, Value: value})
			}
		}
		if len(fields) == 0 {
			return doc, nil
		}
		return doc.Set(at, document.Fields{{Key: name.Text, Value: fields}})
	}
	var err error
	for _, prop := range plotProps {
		path := append(slices.Clone(at), prop)
		switch value, wanted := o.value(prop); {
		case wanted:
			doc, err = doc.Set(path, value)
		case slices.Contains(o.unset, prop):
			doc, err = doc.Delete(path)
		}
		if err != nil {
			return nil, err
		}
	}
	return doc, nil
}

func (o *plotsModifyOptions) value(prop string) (any, bool) {
	if prop == "header" {
		return false, o.noHeader
	}
	if text := o.texts[prop]; text != nil {
		return *text, true
	}
	return nil, false
}

// locate finds the way to what stands at a place: a scalar, or what is behind a key.
func locate(node *document.Node, pos diag.Pos) (path []string, name *document.Node, found bool) {
	if node == nil {
		return nil, nil, false
	}
	at := func(n *document.Node) bool { return n.Pos.Line == pos.Line && n.Pos.Col == pos.Col }
	if node.Kind == document.List {
		for i, item := range node.Items {
			step := "[" + strconv.Itoa(i) + "]"
			if item.Kind != document.Map && item.Kind != document.List && at(item) {
				return []string{step}, item, true
			}
			if below, name, found := locate(item, pos); found {
				return append([]string{step}, below...), name, true
			}
		}
	}
	for _, entry := range node.Entries {
		if at(entry.Key) {
			return []string{entry.Key.Text}, entry.Key, true
		}
		if below, name, found := locate(entry.Value, pos); found {
			return append([]string{entry.Key.Text}, below...), name, true
		}
	}
	return nil, nil, false
}
