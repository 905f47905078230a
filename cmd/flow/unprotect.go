package main

import (
	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/engine"
)

// newUnprotectCmd returns `flow unprotect`.
func newUnprotectCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "unprotect PATH...",
		Long: `Replace links into the cache by copies that can be edited. Only needed where
cache.type is hardlink or symlink.`,
		Example: "  flow unprotect data/raw.csv",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.open()
			if err != nil {
				return err
			}
			stored, err := a.storing(cmd.Context(), p, "flow unprotect")
			if err != nil {
				return err
			}
			defer stored()
			for _, arg := range args {
				name, err := a.local(p, arg)
				if err != nil {
					return err
				}
				if !p.Root.Exists(name) {
					return engine.Missing(diag.At(diag.Pos{}, "%s is not there", name))
				}
				if err := p.Workspace.Unprotect(cmd.Context(), name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
