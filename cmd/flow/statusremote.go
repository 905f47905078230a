package main

import (
	"github.com/spf13/cobra"

	"flow/pkg/transfer"
	"flow/pkg/ui"
)

// runStatusRemote compares the cache with a remote.
func runStatusRemote(cmd *cobra.Command, a *app, o *statusOptions) error {
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	scope := o.remote.DataScope
	scope.Targets = a.targets(p, e.Pipeline, o.Targets)
	scope.Glob, scope.Recursive = o.Glob, o.Recursive
	scope.WithDeps = len(o.Targets) > 0 && !o.Single
	data, err := p.Data(cmd.Context(), e, scope)
	if err != nil {
		return err
	}
	differences, err := p.Compare(cmd.Context(), data, o.remote.MoveOptions)
	if err != nil {
		return err
	}
	switch {
	case a.quiet:
	case a.json:
		if differences == nil {
			differences = []transfer.Difference{}
		}
		err = ui.WriteJSON(a.out, differences)
	default:
		printDifferences(a, differences)
	}
	if err == nil && a.quiet && len(differences) > 0 {
		return errSilent
	}
	return err
}

// whereWords says what to do about what is in one place only.
var whereWords = map[transfer.Where]string{
	transfer.New: "only in the cache", transfer.Deleted: "only on the remote", transfer.Missing: "nowhere",
}

func printDifferences(a *app, differences []transfer.Difference) {
	style := ui.StyleFor(a.out)
	for _, d := range differences {
		a.print("%-9s %s: %s (%s) %s", style.Yellow(string(d.Where)), style.Bold(d.Path), ui.Count(d.Objects, "object"), ui.Bytes(d.Bytes), whereWords[d.Where])
	}
	if len(differences) == 0 {
		a.print("%s", style.Green("the cache and the remote hold the same"))
	}
}
