package main

import (
	"errors"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/store"
	"flow/pkg/ui"
)

// newFetchCmd returns `flow fetch`.
func newFetchCmd(a *app) *cobra.Command {
	o := &moveOptions{}
	cmd := &cobra.Command{
		Use:   "fetch [TARGET...]",
		Short: "Copy data from a remote to the cache",
		Long: `Copy from a remote what the lock tells of and the cache lacks: all of it, or that of
stages, outs and data sources. Every object is checked when it arrives. The workspace
stays as it is: flow checkout brings the data there, and flow pull does both.`,
		Example: `  flow fetch
  flow fetch --all-branches
  flow fetch train -r store`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, _, data, err := a.moving(cmd, o, args)
			if err != nil {
				return err
			}
			results, err := p.Fetch(cmd.Context(), data, o.MoveOptions)
			return errors.Join(err, a.tellMoved(results, "fetched", err))
		},
	}
	a.addMoveFlags(cmd, o)
	addRunsFlags(cmd, o)
	return cmd
}

// addRunsFlags adds the flags that say what of the run cache comes along.
func addRunsFlags(cmd *cobra.Command, o *moveOptions) {
	cmd.Flags().BoolVar(&o.NoRuns, "no-run-cache", false, "leave out the remembered runs")
	cmd.Flags().BoolVar(&o.RunsData, "run-cache", false, "also what the remembered runs made")
	cmd.MarkFlagsMutuallyExclusive("run-cache", "no-run-cache")
}

// pullOptions is the words of `flow pull`.
type pullOptions struct {
	moveOptions
	force, allowMissing bool
}

// newPullCmd returns `flow pull`.
func newPullCmd(a *app) *cobra.Command {
	o := &pullOptions{}
	cmd := &cobra.Command{
		Use:   "pull [TARGET...]",
		Short: "Copy data from a remote to the cache and the workspace",
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
	cmd.Flags().BoolVarP(&o.force, "force", "f", false, "replace also what was changed by hand")
	cmd.Flags().BoolVar(&o.allowMissing, "allow-missing", false, "go on where the remote lacks something")
	return cmd
}

func runPull(cmd *cobra.Command, a *app, o *pullOptions, targets []string) error {
	p, e, data, err := a.moving(cmd, &o.moveOptions, targets)
	if err != nil {
		return err
	}
	if _, err := a.ready(cmd.Context(), p, e); err != nil {
		return err
	}
	results, fetching := p.Fetch(cmd.Context(), data, o.MoveOptions)
	if fetching != nil && (cmd.Context().Err() != nil || !errors.Is(fetching, store.ErrAbsent)) {
		return fetching
	}
	if o.allowMissing {
		fetching = nil
	}
	done, err := e.Checkout(cmd.Context(), engine.CheckoutOptions{
		Selection: engine.Selection{Targets: o.Targets, Glob: o.Glob, Recursive: o.Recursive},
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
