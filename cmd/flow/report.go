package main

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/plots"
	"flow/pkg/project"
	"flow/pkg/report"
	"flow/pkg/runs"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// reportPage is where a report is written, if nobody says where.
const reportPage = project.State + "/report.html"

// reportOptions is the words of `flow report`.
type reportOptions struct {
	out       string
	md        bool
	precision int
	old, new  string
}

// newReportCmd returns `flow report`.
func newReportCmd(a *app) *cobra.Command {
	o := &reportOptions{}
	cmd := &cobra.Command{
		Use: "report [A [B]]",
		Long: `Write a report of revision B, compared with A: its metrics and params, the run that left
it, its graph, its plots, and where each out comes from. A and B are commits, branches,
tags, runs, or "workspace"; A is HEAD unless you say otherwise, B the workspace. The page
needs no network and no other file; with --md it is Markdown for a comment on a pull
request.`,
		Example: `  flow report                          # the workspace against HEAD, to .flow/report.html
  flow report main -o report.html
  flow report main HEAD --md > comment.md
  flow report latest~1 latest`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeRevisionsAndRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			revs := append(slices.Clone(args), "HEAD", project.WorkspaceRevision)[:2]
			if len(args) == 1 {
				revs[1] = project.WorkspaceRevision
			}
			o.old, o.new = revs[0], revs[1]
			return runReport(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.out, "out", "o", "", "write to this `file`; - is stdout")
	flags.BoolVar(&o.md, "md", false, "write Markdown, to stdout unless -o says otherwise")
	flags.IntVar(&o.precision, "precision", 5, "round to this many `digits` behind the point; a change is never rounded away")
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("md", "json")
	return cmd
}

func runReport(ctx context.Context, a *app, o *reportOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	r := &report.Report{Project: filepath.Base(p.Root.Dir()), Old: shortName(o.old), New: shortName(o.new)}
	told := object{{"old", o.old}, {"new", o.new}}
	for _, params := range []bool{false, true} {
		changes, err := a.reportValues(ctx, p, r, o, params)
		if err != nil {
			return err
		}
		told = append(told, member{noun(params), diffJSON(changes)})
	}
	revision, err := p.Revision(ctx, o.new)
	if err != nil {
		return err
	}
	if err := a.reportFigures(ctx, p, r, o); err != nil {
		return err
	}
	told = append(told, member{"plots", figuresJSON(r.Figures)})
	if r.Graph, err = reportGraph(ctx, a, p, revision); err != nil {
		return err
	}
	locked, err := revision.Lock(ctx)
	if err != nil {
		return err
	}
	history, err := p.Runs.List()
	if err != nil {
		return err
	}
	r.Outs = provenance(locked, report.MakersOf(history))
	told = append(told, member{"outs", r.Outs})
	if r.Run, err = runOf(ctx, history, revision); err != nil {
		return err
	}
	if r.Run != nil {
		told = append(told, member{"run", runJSON(r.Run, true)})
	}
	if a.json {
		return ui.WriteJSON(a.out, told)
	}
	return writeReport(a, p, o, r)
}

// runOf finds the run that left a revision: the run itself, the last one for the workspace,
// and for a commit the last one that left the lock that the commit has. It is nil when
// there is none.
func runOf(ctx context.Context, history []*runs.Run, revision *project.Revision) (*runs.Run, error) {
	if revision.Run != nil {
		return revision.Run, nil
	}
	locked := digest.ID{}
	if !revision.IsWorkspace() {
		text, err := revision.Read(ctx, lock.Name)
		if err != nil {
			return nil, ctx.Err() // a commit without a lock was left by no run
		}
		locked = digest.Sum(text)
	}
	for _, run := range history {
		if run.State != runs.Saved && (locked.IsZero() && run.From == nil || !locked.IsZero() && run.Lock == locked) {
			return run, nil
		}
	}
	return nil, nil
}

func writeReport(a *app, p *project.Project, o *reportOptions, r *report.Report) error {
	if !o.md {
		return writePage(a, p, o.out, reportPage, r.HTML())
	}
	if o.out == "" || o.out == "-" {
		_, err := a.out.Write([]byte(r.Markdown()))
		return err
	}
	return a.writeOut(o.out, []byte(r.Markdown()))
}

// reportValues compares metrics, all of them, or params, those that differ.
func (a *app) reportValues(ctx context.Context, p *project.Project, r *report.Report, o *reportOptions, params bool) ([]fileChange, error) {
	words := &valuesOptions{Query: project.Query{Params: params}, precision: o.precision, all: !params}
	old, err := a.valuesAt(ctx, p, words, o.old)
	if err != nil {
		return nil, err
	}
	now, err := a.valuesAt(ctx, p, words, o.new)
	if err != nil {
		return nil, err
	}
	changes := diffFiles(old, now, words.all)
	table := diffTable(changes, words, r.Old, r.New)
	if params {
		r.Params = table
	} else {
		r.Metrics = table
	}
	return changes, nil
}

func (a *app) reportFigures(ctx context.Context, p *project.Project, r *report.Report, o *reportOptions) error {
	revs := []string{o.old, o.new}
	if _, err := p.Revision(ctx, o.old); err != nil {
		revs = revs[1:] // which has been told
	}
	figures, err := a.figures(ctx, p, revs, nil)
	a.tellFaults(figures)
	r.Figures = slices.DeleteFunc(figures, func(f *plots.Figure) bool { return len(f.Series)+len(f.Images) == 0 })
	return err
}

// reportGraph is the graph of the workspace with the state of each stage, or the graph of
// a commit.
func reportGraph(ctx context.Context, a *app, p *project.Project, revision *project.Revision) (*report.Graph, error) {
	if revision.IsWorkspace() {
		e, err := p.Engine()
		if err != nil {
			return nil, err
		}
		view, facts, err := a.dagFacts(ctx, p, e, e.Pipeline.Names(), &dagOptions{html: true})
		if err != nil {
			return nil, err
		}
		return view.report(p, e, facts), nil
	}
	pipeline, err := revision.Pipeline(ctx)
	if err != nil {
		return nil, err
	}
	graph, err := pipeline.Graph()
	if err != nil {
		return nil, err
	}
	e := &engine.Engine{Pipeline: pipeline, Graph: graph}
	view, err := newDagView(e, pipeline.Names(), &dagOptions{}, nil)
	if err != nil {
		return nil, err
	}
	return view.report(p, e, nil), nil
}

// provenance tells of each out in a lock what it was made from, and in which run.
func provenance(locked *lock.File, made func(stage string, out runs.Out) *report.Maker) []report.Out {
	var outs []report.Out
	for name, entry := range locked.Stages {
		var from []string
		for _, dep := range entry.Deps {
			from = append(from, dep.Path+" "+brief(dep.Content))
		}
		for _, file := range slices.Sorted(maps.Keys(entry.Params)) {
			for _, key := range slices.Sorted(maps.Keys(entry.Params[file])) {
				param := key + " = " + ui.Cut(entry.Params[file][key], 40)
				if file != stages.ParamsFile {
					param = file + ":" + param
				}
				from = append(from, param)
			}
		}
		for _, out := range entry.Outs {
			outs = append(outs, report.Out{Path: out.Path, Stage: name, Content: brief(out.Content) + ", " + ui.Bytes(out.Size), From: from,
				Run: made(name, runs.Out{Path: out.Path, Content: out.Content})})
		}
	}
	slices.SortFunc(outs, func(a, b report.Out) int { return strings.Compare(a.Path, b.Path) })
	return outs
}

// brief is the start of a digest, which is enough to see whether two are the same.
func brief(content digest.Content) string {
	if !content.Exists() {
		return "missing"
	}
	return content.ID.Hex()[:8]
}
