package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/project"
	"flow/pkg/stages"
)

// newGetCmd returns `flow get`.
func newGetCmd(a *app) *cobra.Command {
	var out, rev string
	cmd := &cobra.Command{
		Use: "get REPOSITORY PATH",
		Long: `Copy a file or a folder of another project: what it tracks, what is inside of that, or
what git has. The project is in a folder, or a git repository that git can clone; its data
comes from its cache where that is here, else from its remote. It works outside of any
project.`,
		Example: `  flow get ../weather data/images
  flow get https://example.org/weather.git model.bin --rev v1.2 -o models/v1.2.bin`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runGet(cmd.Context(), a, args, out, rev)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "the `path` to write; default: the last part of PATH")
	cmd.Flags().StringVar(&rev, "rev", "", "the git `revision`")
	return cmd
}

func runGet(ctx context.Context, a *app, args []string, out, rev string) error {
	name := path.Clean(args[1])
	if out == "" {
		out = path.Base(name)
	}
	to := out
	if !filepath.IsAbs(out) {
		to = filepath.Join(a.dir, out)
	}
	if _, err := os.Lstat(to); err == nil {
		return diag.At(diag.Pos{}, "%s is there already", out).WithHint("give another path with -o")
	}
	repo := stages.Repo{URL: args[0], Path: name, Rev: rev}
	foreign, err := project.OpenForeign(ctx, repo, project.ForeignOptions{Base: a.dir})
	if err != nil {
		return err
	}
	defer foreign.Close()
	content, err := foreign.Take(ctx, project.MoveOptions{Sink: a.sink(1)}, true)
	if err != nil {
		return err
	}
	if err := foreign.Export(ctx, content, to); err != nil {
		return fmt.Errorf("get %s: %w", name, err)
	}
	a.say("wrote %s (%s)", out, describeContent(content))
	return nil
}
