package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"flow/pkg/project"
)

// newRootDirCmd returns `flow root`.
func newRootDirCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "root",
		Example: "  cd \"$(flow root)\"",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			found, err := project.Find(a.dir)
			if err != nil {
				return err
			}
			here, err := filepath.Abs(a.dir)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(here, found)
			if err != nil {
				relative = found
			}
			a.print("%s", relative)
			return nil
		},
	}
}
