package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/document"
	"flow/pkg/engine"
	"flow/pkg/project"
	"flow/pkg/stages"
)

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
		Long: `Add a stage to the folder's pipeline.yaml, or else to the project's. Comments and order of the file stay. The COMMAND may be
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
	flags.SortFlags = false
	flags.StringVarP(&o.name, "name", "n", "", "the stage's `name`")
	flags.StringArrayVarP(&o.deps, "deps", "d", nil, "a `path` that the command reads")
	flags.StringArrayVarP(&o.params, "params", "p", nil, "params that the command reads: `[file:]key,key`")
	flags.StringArrayVarP(&o.env, "env", "e", nil, "an environment variable to set: `NAME=value`")
	flags.StringArrayVarP(&o.outs, "outs", "o", nil, "a `path` that the command writes")
	flags.StringArrayVarP(&o.outsNoCache, "outs-no-cache", "O", nil, "an out `path` that is kept out of the cache, for git")
	flags.StringArrayVar(&o.outsPersist, "outs-persist", nil, "an out `path` that is not removed before the command runs")
	flags.StringArrayVar(&o.outsPersistNoCache, "outs-persist-no-cache", nil, "an out `path` of both kinds")
	flags.StringArrayVarP(&o.metrics, "metrics", "m", nil, "a metrics `file` that the command writes")
	flags.StringArrayVarP(&o.metricsNoCache, "metrics-no-cache", "M", nil, "a metrics `file` that is kept out of the cache, for git")
	flags.StringArrayVar(&o.plots, "plots", nil, "a plots `file` that the command writes")
	flags.StringArrayVar(&o.plotsNoCache, "plots-no-cache", nil, "a plots `file` that is kept out of the cache, for git")
	flags.StringVarP(&o.wdir, "wdir", "w", "", "the `folder` that the command runs in; paths are relative to it")
	flags.StringVar(&o.desc, "desc", "", "what the stage is for, as a `text`")
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
	file := a.ownFile(p)
	name := strings.TrimPrefix(file+":"+o.name, stages.File+":")
	before := outsOf(p, name)
	err = p.EditPipeline(file, func(doc *document.Document) (*document.Document, error) {
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
	if err := ignoreOuts(p, name, before); err != nil {
		return err
	}
	a.say("added stage %s to %s", o.name, file)
	if o.run {
		e, err := p.Engine()
		if err != nil {
			return err
		}
		if err := p.Prepare(); err != nil {
			return err
		}
		return a.repro(ctx, p, e, engine.Options{Selection: engine.Selection{Targets: []string{name}}})
	}
	return nil
}

// openOrHere opens the project around the current folder, or starts one in it.
func (a *app) openOrHere() (*project.Project, error) {
	if _, err := os.Stat(a.dir); err != nil {
		return a.open()
	}
	if _, err := project.Find(a.dir); err != nil {
		quiet := *a
		quiet.quiet = true
		if err := runInit(&quiet, a.dir); err != nil {
			return nil, err
		}
	}
	return a.open()
}

// outsOf returns the outs of a stage that is declared already.
func outsOf(p *project.Project, name string) []stages.Out {
	if pipeline, err := p.Pipeline(); err == nil {
		if stage, found := pipeline.Stage(name); found {
			return stage.Outs
		}
	}
	return nil
}

// ignoreOuts keeps the cached outs of a stage out of git from the start, and no
// longer those that it had before.
func ignoreOuts(p *project.Project, name string, before []stages.Out) error {
	if !p.Git {
		return nil
	}
	for _, out := range before {
		if _, err := p.Workspace.Ungitignore(out.Path); err != nil {
			return fmt.Errorf("no longer ignore %s in git: %w", out.Path, err)
		}
	}
	for _, out := range outsOf(p, name) {
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
	add("wdir", o.wdir, o.wdir != "" && o.wdir != ".")
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
