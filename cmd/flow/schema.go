package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"flow/pkg/event"
	"flow/pkg/stages"
)

// newSchemaCmd returns `flow schema`.
func newSchemaCmd(a *app) *cobra.Command {
	var events bool
	cmd := &cobra.Command{
		Use: "schema",
		Long: `Print the JSON Schema of pipeline.yaml, for editors: keep it in a file and name that in
the first line of pipeline.yaml:

  # yaml-language-server: $schema=.flow/schema.json

With --events, print the JSON Schema of the lines that flow repro --json writes.`,
		Example: `  flow schema > .flow/schema.json
  flow schema --events`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text := stages.Schema()
			if events {
				text = event.Schema()
			}
			_, err := fmt.Fprint(a.out, text)
			return err
		},
	}
	cmd.Flags().BoolVar(&events, "events", false, "of the events of flow repro --json")
	return cmd
}
