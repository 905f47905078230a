package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"flow/pkg/ci"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// ciOptions is the words of `flow ci`.
type ciOptions struct {
	ci.Options
	out string
}

// newCICmd returns `flow ci`.
func newCICmd(a *app) *cobra.Command {
	o := &ciOptions{}
	cmd := &cobra.Command{
		Use: "ci SERVICE",
		Long: `Print a pipeline for GitHub, GitLab or Jenkins. For every commit it runs flow repro,
compares the result with the main branch, fails when a metric with a direction got
worse, and posts the report.`,
		Example: `  flow ci github -o .github/workflows/flow.yaml
  flow ci gitlab --branch develop
  flow ci jenkins --install 'go install example.org/flow/cmd/flow@v1'`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: ci.Services(),
		RunE:      func(cmd *cobra.Command, args []string) error { return runCI(cmd.Context(), a, o, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Branch, "branch", "", "compare with this `branch` (default: main, or master where there is only that)")
	flags.StringVar(&o.Install, "install", "", "the shell `command` that puts flow on PATH")
	flags.StringVarP(&o.out, "out", "o", "", "write to this `file`")
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("out", "json")
	return cmd
}

func runCI(ctx context.Context, a *app, o *ciOptions, service string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	if o.Branch == "" {
		o.Branch = mainBranch(ctx, p)
	}
	o.Pull = len(p.Config.Remotes()) > 0
	file, text, err := ci.Pipeline(service, o.Options)
	switch {
	case err != nil:
		return err
	case a.json:
		return ui.WriteJSON(a.out, object{{"file", file}, {"text", text}})
	case o.out != "" && o.out != "-":
		return a.writeOut(o.out, []byte(text))
	}
	a.say("put this into %s", file)
	_, err = a.out.Write([]byte(text))
	return err
}

// mainBranch is main, or master where that is all there is.
func mainBranch(ctx context.Context, p *project.Project) string {
	branches, err := p.Revisions(ctx, "branches")
	if err == nil && slices.Contains(branches, "master") && !slices.Contains(branches, "main") {
		return "master"
	}
	return "main"
}
