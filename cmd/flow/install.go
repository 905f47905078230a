package main

import (
	"context"

	"github.com/spf13/cobra"

	"flow/pkg/hooks"
	"flow/pkg/ui"
)

// newInstallCmd returns `flow install`.
func newInstallCmd(a *app) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use: "install",
		Long: `Tell this git repository of flow:

  post-checkout, post-merge, post-rewrite   flow checkout; what you changed by hand stays
  pre-push                                  flow push, when there is a default remote
  pre-commit                                a note when something is stale, no more
  .git/config, .gitattributes               git merges pipeline.lock by stage

Hooks that are there are kept and run as before: flow's lines stand in front of theirs,
between marks. It may be done again. With --remove, all of it is taken back.`,
		Example: "  flow install\n  flow install --remove",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runInstall(cmd.Context(), a, remove) },
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "take back what flow install did")
	a.jsonFlag(cmd)
	return cmd
}

// hookTold is what `flow install --json` prints of each hook.
type hookTold struct {
	Hook  string `json:"hook"`
	Done  bool   `json:"changed"`
	Stays string `json:"skipped,omitempty"`
}

func runInstall(ctx context.Context, a *app, remove bool) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	do, word := p.Install, "installed"
	if remove {
		do, word = p.Uninstall, "removed"
	}
	outcomes, err := do(ctx)
	if err != nil {
		return err
	}
	if a.json {
		told := []hookTold{}
		for _, outcome := range outcomes {
			told = append(told, hookTold(outcome))
		}
		return ui.WriteJSON(a.out, told)
	}
	a.tellHooks(outcomes, word)
	return nil
}

func (a *app) tellHooks(outcomes []hooks.Outcome, word string) {
	done := 0
	for _, outcome := range outcomes {
		if outcome.Done {
			a.print("%s %s", word, outcome.Hook)
			done++
		}
		if outcome.Stays != "" {
			a.say("%s hook %s stays as it is: %s", ui.StyleFor(a.err).Yellow("note:"), outcome.Hook, outcome.Stays)
		}
	}
	if done == 0 {
		a.say("the hooks are as they should be")
	}
}
