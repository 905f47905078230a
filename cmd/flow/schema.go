package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"flow/pkg/stages"
)

// newSchemaCmd returns `flow schema`.
func newSchemaCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of pipeline.yaml",
		Long: `Print the JSON Schema of pipeline.yaml, for editors: keep it in a file and name that in
the first line of pipeline.yaml:

  # yaml-language-server: $schema=.flow/schema.json`,
		Example: "  flow schema > .flow/schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.out, stages.Schema())
			return err
		},
	}
}
