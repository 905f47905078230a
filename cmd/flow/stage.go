package main

import (
	"github.com/spf13/cobra"
)

// newStageCmd returns `flow stage`.
func newStageCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "stage",
		Example: "  flow stage list\n  flow stage add -n train -d train.py -d data -o model.bin python train.py",
	}
	cmd.AddCommand(newStageAddCmd(a), newStageListCmd(a), newStageRemoveCmd(a))
	return cmd
}
