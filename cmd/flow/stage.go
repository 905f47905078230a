package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/engine"
	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// newStageCmd returns `flow stage`.
func newStageCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "stage",
		Short:   "Add, list and remove stages",
		Example: "  flow stage list\n  flow stage add -n train -d train.py -d data -o model.bin python train.py",
	}
	cmd.AddCommand(newStageAddCmd(a), newStageListCmd(a), newStageRemoveCmd(a))
	return cmd
}

// stageAddOptions is the words of `flow stage add`.
type stageAddOptions struct {
	name, wdir, desc                string
	deps, params, env               []string
	outs, outsNoCache               []string
	outsPersist, outsPersistNoCache []string
	metrics, metricsNoCache         []string
	plots, plotsNoCache             []string
	force, always, frozen, run      bool
}

func newStageAddCmd(a *app) *cobra.Command {
	o := &stageAddOptions{}
	cmd := &cobra.Command{
		Use:   "add -n NAME [flags] COMMAND...",
		Short: "Add a stage to pipeline.yaml",
		Long: `Add a stage to pipeline.yaml. Comments and order of the file stay. The COMMAND may be
one quoted text or several words; put -- before words that start with a dash.`,
		Example: `  flow stage add -n prepare -d prepare.py -d data/raw.csv -o data/clean.csv python prepare.py
  flow stage add -n train -p train.lr,train.epochs -d data/clean.csv -o model.bin -M metrics.json 'python train.py'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStageAdd(cmd.Context(), a, o, args)
		},
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.StringVarP(&o.name, "name", "n", "", "the stage's `name`")
	flags.StringArrayVarP(&o.deps, "deps", "d", nil, "a `path` that the command reads")
	flags.StringArrayVarP(&o.params, "params", "p", nil, "params that the command reads: `[file:]key,key`")
	flags.StringArrayVarP(&o.env, "env", "e", nil, "an environment variable to set: `NAME=value`")
	flags.StringArrayVarP(&o.outs, "outs", "o", nil, "a `path` that the command writes")
	flags.StringArrayVarP(&o.outsNoCache, "outs-no-cache", "O", nil, "the same, kept out of the cache")
	flags.StringArrayVar(&o.outsPersist, "outs-persist", nil, "the same, not removed before the command runs")
	flags.StringArrayVar(&o.outsPersistNoCache, "outs-persist-no-cache", nil, "the same, of both kinds")
	flags.StringArrayVarP(&o.metrics, "metrics", "m", nil, "a metrics `file` that the command writes")
	flags.StringArrayVarP(&o.metricsNoCache, "metrics-no-cache", "M", nil, "the same, kept out of the cache, for git")
	flags.StringArrayVar(&o.plots, "plots", nil, "a plots `file` that the command writes")
	flags.StringArrayVar(&o.plotsNoCache, "plots-no-cache", nil, "the same, kept out of the cache, for git")
	flags.StringVarP(&o.wdir, "wdir", "w", "", "the `folder` that the command runs in; paths are relative to it")
	flags.StringVar(&o.desc, "desc", "", "what the stage is for")
	flags.BoolVar(&o.always, "always-changed", false, "run it every time")
	flags.BoolVar(&o.frozen, "frozen", false, "add it frozen")
	flags.BoolVarP(&o.force, "force", "f", false, "replace a stage of that name")
	flags.BoolVar(&o.run, "run", false, "run it right away")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

func runStageAdd(ctx context.Context, a *app, o *stageAddOptions, args []string) error {
	if problem := stages.NameProblem(o.name); problem != "" {
		return wordsError{fmt.Errorf("the stage name %q %s", o.name, problem)}
	}
	stage, err := o.stage(args)
	if err != nil {
		return err
	}
	p, err := a.openOrHere()
	if err != nil {
		return err
	}
	err = p.EditPipeline(func(doc *document.Document) (*document.Document, error) {
		if doc.Root != nil && doc.Root.Get("stages").Get(o.name) != nil {
			if !o.force {
				return nil, diag.At(doc.Root.Get("stages").Get(o.name).Pos, "there is a stage %q already", o.name).WithHint("replace it with --force")
			}
		}
		return doc.Set([]string{"stages", o.name}, stage)
	})
	if err != nil {
		return err
	}
	if err := ignoreOuts(p, o.name); err != nil {
		return err
	}
	a.say("added stage %s to %s", o.name, stages.File)
	if o.run {
		e, err := p.Engine()
		if err != nil {
			return err
		}
		if err := p.Prepare(); err != nil {
			return err
		}
		return e.Repro(ctx, engine.Options{Selection: engine.Selection{Targets: []string{o.name}}}, a.sink())
	}
	return nil
}

// openOrHere opens the project around the current folder, or starts one in it.
func (a *app) openOrHere() (*project.Project, error) {
	if _, err := project.Find(a.dir); err != nil {
		quiet := *a
		quiet.quiet = true
		if err := runInit(&quiet, a.dir); err != nil {
			return nil, err
		}
	}
	return a.open()
}

// ignoreOuts keeps the cached outs of a stage out of git from the start.
func ignoreOuts(p *project.Project, name string) error {
	if !p.Git {
		return nil
	}
	pipeline, err := p.Pipeline()
	if err != nil {
		return err
	}
	stage, _ := pipeline.Stage(name)
	for _, out := range stage.Outs {
		if !out.Cache {
			continue
		}
		if _, err := p.Workspace.Gitignore(out.Path); err != nil {
			return fmt.Errorf("ignore %s in git: %w", out.Path, err)
		}
	}
	return nil
}

// stage returns the YAML of the stage.
func (o *stageAddOptions) stage(args []string) (document.Fields, error) {
	command := args[0]
	if len(args) > 1 {
		command = joinWords(args)
	}
	stage := document.Fields{{Key: "cmd", Value: command}}
	add := func(key string, value any, wanted bool) {
		if wanted {
			stage = append(stage, document.Field{Key: key, Value: value})
		}
	}
	add("desc", o.desc, o.desc != "")
	add("wdir", o.wdir, o.wdir != "")
	env, err := envMap(o.env)
	if err != nil {
		return nil, err
	}
	add("env", env, len(env) > 0)
	add("deps", o.deps, len(o.deps) > 0)
	add("params", paramList(o.params), len(o.params) > 0)
	for _, section := range []struct {
		key                                     string
		plain, noCache, persist, persistNoCache []string
	}{
		{"outs", o.outs, o.outsNoCache, o.outsPersist, o.outsPersistNoCache},
		{"metrics", o.metrics, o.metricsNoCache, nil, nil},
		{"plots", o.plots, o.plotsNoCache, nil, nil},
	} {
		list := outList(section.plain, section.noCache, section.persist, section.persistNoCache)
		add(section.key, list, len(list) > 0)
	}
	add("always_changed", true, o.always)
	add("frozen", true, o.frozen)
	return stage, nil
}

func outList(plain, noCache, persist, persistNoCache []string) []any {
	var list []any
	for _, path := range plain {
		list = append(list, path)
	}
	flagged := func(paths []string, flags document.Fields) {
		for _, path := range paths {
			list = append(list, document.Fields{{Key: path, Value: flags}})
		}
	}
	flagged(noCache, document.Fields{{Key: "cache", Value: false}})
	flagged(persist, document.Fields{{Key: "persist", Value: true}})
	flagged(persistNoCache, document.Fields{{Key: "cache", Value: false}, {Key: "persist", Value: true}})
	return list
}

func envMap(pairs []string) (document.Fields, error) {
	var env document.Fields
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, wordsError{fmt.Errorf("--env %q is not NAME=value", pair)}
		}
		env = append(env, document.Field{Key: name, Value: value})
	}
	return env, nil
}

// paramList turns "lr,epochs" and "other.json:a,b" into a stage's params; "file:"
// is the whole file.
func paramList(words []string) []any {
	var list []any
	for _, word := range words {
		file, keys, found := strings.Cut(word, ":")
		if !found {
			for _, key := range strings.Split(word, ",") {
				list = append(list, key)
			}
			continue
		}
		var value any
		if keys != "" {
			value = strings.Split(keys, ",")
		}
		list = append(list, document.Fields{{Key: file, Value: value}})
	}
	return list
}

// joinWords makes a shell command of words, quoting those that need it.
func joinWords(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n\"'`$\\|&;<>()*?[]#~!{}") {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// listedStage is a stage as `flow stage list --json` tells it.
type listedStage struct {
	Name   string   `json:"name"`
	Source bool     `json:"source,omitempty"`
	Desc   string   `json:"desc,omitempty"`
	Cmd    []string `json:"cmd,omitempty"`
	Wdir   string   `json:"wdir"`
	Deps   []string `json:"deps"`
	Params []string `json:"params"`
	Outs   []string `json:"outs"`
	Frozen bool     `json:"frozen,omitempty"`
	Place  string   `json:"place"`
}

func newStageListCmd(a *app) *cobra.Command {
	var namesOnly, sources bool
	var selection engine.Selection
	cmd := &cobra.Command{
		Use:               "list [TARGET...]",
		Short:             "List the stages with what they make",
		Example:           "  flow stage list\n  flow stage list --name-only\n  flow stage list --json",
		ValidArgsFunction: a.completeTargets,
		RunE: func(_ *cobra.Command, args []string) error {
			selection.Targets = args
			selection.Single = len(args) > 0
			return runStageList(a, selection, namesOnly, sources)
		},
	}
	cmd.Flags().BoolVar(&namesOnly, "name-only", false, "only the names")
	cmd.Flags().BoolVar(&sources, "all", false, "data sources too")
	cmd.Flags().BoolVar(&selection.Glob, "glob", false, "the targets are patterns of stage names")
	cmd.Flags().BoolVarP(&selection.Recursive, "recursive", "R", false, "the targets are folders")
	a.jsonFlag(cmd)
	return cmd
}

func runStageList(a *app, selection engine.Selection, namesOnly, sources bool) error {
	_, e, err := a.openEngine()
	if err != nil {
		return err
	}
	names, err := e.Select(selection)
	if err != nil {
		return err
	}
	listed := []listedStage{}
	table := ui.Table{Header: []string{"Stage", "What it makes"}}
	for _, stage := range e.Pipeline.Stages { // as declared, not as they run
		if !slices.Contains(names, stage.Name) || stage.Source && !sources {
			continue
		}
		listed = append(listed, listStage(stage))
		table.Rows = append(table.Rows, []string{stage.Title(), describeStage(stage)})
	}
	switch {
	case a.json:
		return ui.WriteJSON(a.out, listed)
	case namesOnly:
		for _, stage := range listed {
			a.print("%s", stage.Name)
		}
	case len(listed) == 0:
		a.print("no stages")
	default:
		a.print("%s", trimEnd(table.Text(ui.StyleFor(a.out))))
	}
	return nil
}

func listStage(stage *stages.Stage) listedStage {
	listed := listedStage{Name: stage.Title(), Source: stage.Source, Desc: stage.Desc, Cmd: stage.Cmd, Wdir: stage.Wdir, Frozen: stage.Frozen,
		Place: stage.Pos.String(), Deps: []string{}, Params: []string{}, Outs: []string{}}
	for _, dep := range stage.Deps {
		listed.Deps = append(listed.Deps, dep.Path)
	}
	for _, param := range stage.Params {
		listed.Params = append(listed.Params, param.File+":"+param.Key)
	}
	for _, out := range stage.Outs {
		listed.Outs = append(listed.Outs, out.Path)
	}
	return listed
}

func describeStage(stage *stages.Stage) string {
	if stage.Desc != "" {
		return stage.Desc
	}
	kinds := map[stages.OutKind]string{stages.PlainOut: "outs", stages.Metric: "metrics", stages.PlotOut: "plots"}
	var parts []string
	for _, kind := range []stages.OutKind{stages.PlainOut, stages.Metric, stages.PlotOut} {
		var paths []string
		for _, out := range stage.Outs {
			if out.Kind == kind {
				paths = append(paths, out.Path)
			}
		}
		if len(paths) > 0 {
			parts = append(parts, kinds[kind]+" "+strings.Join(paths, ", "))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "; ")
}

func newStageRemoveCmd(a *app) *cobra.Command {
	var outs bool
	cmd := &cobra.Command{
		Use:               "remove STAGE...",
		Aliases:           []string{"rm"},
		Short:             "Remove stages from pipeline.yaml and the lock",
		Long:              "Remove stages from pipeline.yaml and from the lock. Their outs stay in the\nworkspace, unless --outs says otherwise.",
		Example:           "  flow stage remove train\n  flow stage remove train --outs",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRemove(cmd.Context(), a, args, outs)
		},
	}
	cmd.Flags().BoolVar(&outs, "outs", false, "remove the files that they made, too")
	return cmd
}

// newRemoveCmd returns `flow remove`.
func newRemoveCmd(a *app) *cobra.Command {
	cmd := newStageRemoveCmd(a)
	cmd.Use = "remove TARGET..."
	cmd.Short = "Stop tracking data sources or stages"
	cmd.Long = "Take data sources or stages out of pipeline.yaml and the lock. Their files stay in\nthe workspace, unless --outs says otherwise."
	cmd.Example = "  flow remove data/raw.csv\n  flow remove train --outs"
	return cmd
}

func runRemove(ctx context.Context, a *app, targets []string, outs bool) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	pipeline, err := p.Pipeline()
	if err != nil {
		return err
	}
	var removed []*stages.Stage
	for _, target := range targets {
		stage, err := stageNamed(pipeline, target)
		if err != nil {
			return err
		}
		removed = append(removed, stage)
	}
	if err := p.EditPipeline(func(doc *document.Document) (*document.Document, error) { return undeclare(doc, pipeline, removed) }); err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	for _, stage := range removed {
		if err := forget(ctx, p, stage, outs); err != nil {
			return err
		}
		a.say("removed %s", stage.Title())
	}
	_, err = p.Ledger.Settle(ctx, nil)
	return err
}

// undeclare takes stages and data sources out of the document.
func undeclare(doc *document.Document, pipeline *stages.Pipeline, removed []*stages.Stage) (*document.Document, error) {
	var err error
	sources := pipeline.Sources()
	for i := len(sources) - 1; i >= 0; i-- { // from the end, so that the places before stay
		if !slices.Contains(removed, sources[i]) {
			continue
		}
		if doc, err = doc.Delete([]string{"data", fmt.Sprintf("[%d]", i)}); err != nil {
			return nil, err
		}
	}
	for _, stage := range removed {
		if stage.Source {
			continue
		}
		if doc, err = doc.Delete([]string{"stages", stage.Name}); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// forget takes a stage out of the lock and its outs out of the ignore files.
func forget(ctx context.Context, p *project.Project, stage *stages.Stage, outs bool) error {
	record := lock.Record{Stage: stage.Name}
	if stage.Source {
		record = lock.Record{Source: stage.Outs[0].Path}
	}
	if err := p.Ledger.Add(ctx, record); err != nil {
		return err
	}
	for _, out := range stage.Outs {
		if _, err := p.Workspace.Ungitignore(out.Path); err != nil {
			return fmt.Errorf("no longer ignore %s in git: %w", out.Path, err)
		}
		if outs {
			if err := p.Root.RemoveAll(out.Path); err != nil {
				return fmt.Errorf("remove %s: %w", out.Path, err)
			}
		}
	}
	return nil
}

// newFreezeCmd returns `flow freeze`.
func newFreezeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "freeze STAGE...",
		Short: "Stop stages from running again when what they read changes",
		Long: `Freeze stages: repro takes their outs as they are, whatever their deps are. It writes
frozen: true into pipeline.yaml.`,
		Example:           "  flow freeze download",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTargets,
		RunE:              func(_ *cobra.Command, args []string) error { return runFreeze(a, args, true) },
	}
}

// newUnfreezeCmd returns `flow unfreeze`.
func newUnfreezeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "unfreeze STAGE...",
		Short:             "Let frozen stages run again",
		Example:           "  flow unfreeze download",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTargets,
		RunE:              func(_ *cobra.Command, args []string) error { return runFreeze(a, args, false) },
	}
}

func runFreeze(a *app, names []string, frozen bool) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	pipeline, err := p.Pipeline()
	if err != nil {
		return err
	}
	for _, name := range names {
		stage, err := stageNamed(pipeline, name)
		if err != nil {
			return err
		}
		if stage.Frozen == frozen {
			a.say("%s is %s already", stage.Title(), map[bool]string{true: "frozen", false: "not frozen"}[frozen])
			continue
		}
		if err := p.EditPipeline(func(doc *document.Document) (*document.Document, error) { return freeze(doc, pipeline, stage, frozen) }); err != nil {
			return err
		}
		a.say("%s is %s", stage.Title(), map[bool]string{true: "frozen", false: "no longer frozen"}[frozen])
	}
	return nil
}

func freeze(doc *document.Document, pipeline *stages.Pipeline, stage *stages.Stage, frozen bool) (*document.Document, error) {
	path := []string{"stages", stage.Name}
	if stage.Source {
		at := fmt.Sprintf("[%d]", slices.Index(pipeline.Sources(), stage))
		path = []string{"data", at}
		if node := doc.Root.Get("data").Items[slices.Index(pipeline.Sources(), stage)]; node.Kind != document.Map {
			return doc.Set(path, document.Fields{{Key: "path", Value: node.Text}, {Key: "frozen", Value: true}})
		}
	}
	if !frozen {
		return doc.Delete(append(path, "frozen"))
	}
	return doc.Set(append(path, "frozen"), true)
}
