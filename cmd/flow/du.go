package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/engine"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// newUsageCmd returns `flow du`.
func newUsageCmd(a *app) *cobra.Command {
	var rev string
	var remote bool
	cmd := &cobra.Command{
		Use: "du [PATH... | --remote [NAME]]",
		Long: `Say of data sources and outs, as the lock tells of them, how large they are, how much of
them is in the cache, and how much of that other paths need, too: the same content is kept
once. A path inside a directory is that part of it.

With --remote, say what a remote holds, and for whom, as far as the history tells.`,
		Example: "  flow du\n  flow du data/images/cats --rev v1.0\n  flow du --remote",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if remote {
				return a.completeRemotes(cmd, args, typed)
			}
			return a.completeTargets(cmd, args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !remote {
				return runUsage(cmd.Context(), a, rev, args)
			}
			if len(args) > 1 || cmd.Flags().Changed("rev") {
				return wordsError{errors.New("with --remote, all of one remote is meant: no --rev, and at most its name")}
			}
			move := project.MoveOptions{Remote: strings.Join(args, "")}
			return runRemoteUsage(cmd.Context(), a, move)
		},
	}
	cmd.Flags().StringVar(&rev, "rev", project.WorkspaceRevision, "as this `revision` has it")
	cmd.Flags().BoolVarP(&remote, "remote", "r", false, "say what a remote holds: the default one, or that of a name")
	a.jsonFlag(cmd)
	return cmd
}

func runUsage(ctx context.Context, a *app, rev string, args []string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	var paths []string
	for _, arg := range args {
		name, err := a.local(p, arg)
		if err != nil {
			return err
		}
		if name != "." {
			paths = append(paths, name)
		}
	}
	side, err := p.Recorded(ctx, rev)
	if err != nil {
		return err
	}
	all, total, err := p.Usage(ctx, side, paths)
	if err != nil {
		return err
	}
	if len(all) == 0 && len(paths) > 0 {
		return engine.Missing(diag.At(diag.Pos{}, "no data is recorded at %s", paths[0]).WithHint("what is: flow du"))
	}
	if a.json {
		return ui.WriteJSON(a.out, map[string]any{"paths": slices.Concat([]project.Usage{}, all), "total": total})
	}
	table := ui.Table{Header: []string{"Size", "Cached", "Shared", "Files", "Path"}}
	for _, one := range all {
		table.Rows = append(table.Rows, usageRow(one))
	}
	total.Path = "total"
	if len(all) != 1 {
		table.Rows = append(table.Rows, usageRow(total))
	}
	fmt.Fprint(a.out, table.Text(ui.StyleFor(a.out)))
	return nil
}

func usageRow(u project.Usage) []string {
	return []string{ui.Bytes(u.Size), ui.Bytes(u.Cached), ui.Bytes(u.Shared), strconv.Itoa(u.Files), u.Path}
}
