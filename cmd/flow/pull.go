package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/store"
	"flow/pkg/transfer"
	"flow/pkg/ui"
)

// newFetchCmd returns `flow fetch`.
func newFetchCmd(a *app) *cobra.Command {
	o, part := &moveOptions{}, &partWords{}
	cmd := &cobra.Command{
		Use: "fetch [TARGET...]",
		Long: `Copy from a remote what the lock tells of and the cache lacks: all of it, or that of
stages, outs and data sources. Every object is checked when it arrives. The workspace
stays as it is: flow checkout brings the data there, and flow pull does both. Without
targets, the runs that others pushed come into the history; flow runs fetch brings what
they need.`,
		Example: `  flow fetch
  flow fetch --all-branches
  flow fetch train -r store
  flow fetch --max-size 10MB`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := part.into(o); err != nil {
				return err
			}
			p, _, data, err := a.moving(cmd, o, args)
			if err != nil {
				return err
			}
			results, err := p.Fetch(cmd.Context(), data, o.MoveOptions)
			if len(args) == 0 {
				results = a.fetchHistory(cmd.Context(), p, o, results)
			}
			return errors.Join(err, a.tellMoved(results, "fetched", err))
		},
	}
	a.addMoveFlags(cmd, o)
	addRunsFlags(cmd, o)
	part.add(cmd)
	return cmd
}

// partWords says which of the data is meant by what it is.
type partWords struct {
	size  string
	kinds []string
}

// add adds the flags.
func (w *partWords) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.size, "max-size", "", "only outs and data that are smaller, such as `10MB`")
	cmd.Flags().StringSliceVar(&w.kinds, "type", nil, "only outs that are `metrics` or plots")
	_ = cmd.RegisterFlagCompletionFunc("type", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"metrics", "plots"}, cobra.ShellCompDirectiveNoFileComp
	})
}

// into puts what was said into a scope.
func (w *partWords) into(o *moveOptions) error {
	if w.size != "" {
		size, err := stages.ParseAmount(stages.Memory, w.size)
		if err != nil || size <= 0 {
			return wordsError{fmt.Errorf("--max-size: %q is no size, such as 10MB or 2GiB", w.size)}
		}
		o.Below = size
	}
	for _, kind := range w.kinds {
		switch kind {
		case "metrics":
			o.Kinds = append(o.Kinds, stages.Metric)
		case "plots":
			o.Kinds = append(o.Kinds, stages.PlotOut)
		default:
			return wordsError{fmt.Errorf("--type: %q is none of metrics, plots", kind)}
		}
	}
	return nil
}

// fetchHistory brings the runs that others pushed along, and adds that to what was done.
// When it can't, that is told, and nothing else.
func (a *app) fetchHistory(ctx context.Context, p *project.Project, o *moveOptions, results []transfer.Result) []transfer.Result {
	if _, none := p.RemoteSpec(o.Remote); o.noHistory || none != nil || ctx.Err() != nil {
		return results
	}
	done, err := p.FetchHistory(ctx, nil, o.MoveOptions)
	if err != nil {
		a.note("the history of runs did not come along: %v", err)
		return results
	}
	a.tellGone(done)
	return addResult(results, done.Result)
}

// addResult adds what was done with a remote to what else was done with it.
func addResult(results []transfer.Result, more transfer.Result) []transfer.Result {
	for i := range results {
		if results[i].Remote == more.Remote {
			results[i].Add(more)
			return results
		}
	}
	if more.Objects+more.History == 0 {
		return results
	}
	return append(results, more)
}

// addRunsFlags adds the flags that say what of the run cache and of the history comes
// along.
func addRunsFlags(cmd *cobra.Command, o *moveOptions) {
	cmd.Flags().BoolVar(&o.noHistory, "no-runs", false, "leave out the history of runs")
	cmd.Flags().BoolVar(&o.NoRuns, "no-run-cache", false, "leave out the remembered runs")
	cmd.Flags().BoolVar(&o.RunsData, "run-cache", false, "also what the remembered runs made")
	cmd.MarkFlagsMutuallyExclusive("run-cache", "no-run-cache")
}

// pullOptions is the words of `flow pull`.
type pullOptions struct {
	moveOptions
	part                partWords
	force, allowMissing bool
}

// newPullCmd returns `flow pull`.
func newPullCmd(a *app) *cobra.Command {
	o := &pullOptions{}
	cmd := &cobra.Command{
		Use: "pull [TARGET...]",
		Long: `Fetch, then check out: copy from a remote what the lock tells of and the cache lacks,
and make the workspace hold it. A target may be a single file inside a directory that
flow tracks. What was changed by hand is kept in the cache before it is replaced.`,
		Example: `  flow pull
  flow pull data/images/7.png
  flow pull train --allow-missing`,
		RunE: func(cmd *cobra.Command, args []string) error { return runPull(cmd, a, o, args) },
	}
	a.addMoveFlags(cmd, &o.moveOptions)
	addRunsFlags(cmd, &o.moveOptions)
	o.part.add(cmd)
	cmd.Flags().BoolVarP(&o.force, "force", "f", false, "replace also what was changed by hand")
	cmd.Flags().BoolVar(&o.allowMissing, "allow-missing", false, "go on where the remote lacks something")
	return cmd
}

func runPull(cmd *cobra.Command, a *app, o *pullOptions, targets []string) error {
	if err := o.part.into(&o.moveOptions); err != nil {
		return err
	}
	p, e, data, err := a.moving(cmd, &o.moveOptions, targets)
	if err != nil {
		return err
	}
	selection := engine.Selection{Targets: o.Targets, Glob: o.Glob, Recursive: o.Recursive}
	if o.Below > 0 || len(o.Kinds) > 0 {
		selection = engine.Selection{}
		for _, d := range data {
			if !d.Optional {
				selection.Targets = append(selection.Targets, d.Path)
			}
		}
		if len(selection.Targets) == 0 {
			return a.tellMoved(nil, "fetched", nil)
		}
	}
	if _, err := a.ready(cmd.Context(), p, e); err != nil {
		return err
	}
	results, fetching := p.Fetch(cmd.Context(), data, o.MoveOptions)
	if len(targets) == 0 {
		results = a.fetchHistory(cmd.Context(), p, &o.moveOptions, results)
	}
	if fetching != nil && (cmd.Context().Err() != nil || !errors.Is(fetching, store.ErrAbsent)) {
		return fetching
	}
	if o.allowMissing {
		fetching = nil
	}
	done, err := e.Checkout(cmd.Context(), engine.CheckoutOptions{
		Selection: selection,
		Force:     o.force, AllowMissing: fetching != nil || o.allowMissing, Inside: true, Pulled: true,
	}, func(text string) { a.say("%s %s", ui.StyleFor(a.err).Yellow("note:"), text) })
	if a.json {
		if done == nil {
			done = []engine.CheckedOut{}
		}
		return errors.Join(fetching, err, ui.WriteJSON(a.out, map[string]any{"remotes": results, "paths": done}))
	}
	for _, one := range done {
		a.print("%-9s %s", one.State, one.Path)
	}
	return errors.Join(fetching, err, a.tellMoved(results, "fetched", fetching))
}
