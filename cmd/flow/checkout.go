package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flow/pkg/digest"
	"flow/pkg/engine"
	"flow/pkg/ui"
)

// newCheckoutCmd returns `flow checkout`.
func newCheckoutCmd(a *app) *cobra.Command {
	var o engine.CheckoutOptions
	var content string
	cmd := &cobra.Command{
		Use: "checkout [TARGET...]",
		Long: `Make outs and data sources hold what pipeline.lock tells: after git checkout, this
brings that commit's data. What you changed by hand is kept in the cache first. A target
inside a directory is that file or folder only; the rest need not be there.

With --content, put any content that the cache has at one path.`,
		Example: `  git checkout v1.0 && flow checkout
  flow checkout model.bin
  flow checkout data/images/7.png
  flow checkout model.bin --content blake3:…`,
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Targets, o.Inside = args, true
			if content != "" {
				return runCheckoutContent(cmd.Context(), a, args, content)
			}
			return runCheckout(cmd.Context(), a, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.Force, "force", "f", false, "do not keep what was changed by hand")
	flags.BoolVar(&o.Relink, "relink", false, "make files anew, as cache.type says now")
	flags.BoolVar(&o.AllowMissing, "allow-missing", false, "go on where the cache lacks something")
	flags.StringVar(&content, "content", "", "the `digest` of a content to put at the path")
	a.jsonFlag(cmd)
	return cmd
}

func runCheckout(ctx context.Context, a *app, o engine.CheckoutOptions) error {
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	o.Targets = a.targets(p, e.Pipeline, o.Targets)
	if _, err := a.ready(ctx, p, e); err != nil {
		return err
	}
	done, err := e.Checkout(ctx, o, func(text string) { a.say("%s %s", ui.StyleFor(a.err).Yellow("note:"), text) })
	if a.json {
		if done == nil {
			done = []engine.CheckedOut{}
		}
		return errors.Join(err, ui.WriteJSON(a.out, done))
	}
	for _, one := range done {
		a.print("%-9s %s", one.State, one.Path)
	}
	if len(done) == 0 && err == nil {
		a.say("everything is in place")
	}
	return err
}

func runCheckoutContent(ctx context.Context, a *app, args []string, content string) error {
	id, err := digest.Parse(content)
	if err != nil {
		return wordsError{err}
	}
	if len(args) != 1 {
		return wordsError{fmt.Errorf("--content goes with one path, not %d", len(args))}
	}
	p, e, err := a.openEngine()
	if err != nil {
		return err
	}
	name, err := a.local(p, args[0])
	if err != nil {
		return err
	}
	if _, err := a.ready(ctx, p, e); err != nil {
		return err
	}
	if err := e.CheckoutContent(ctx, name, id, func(text string) { a.note("%s", text) }); err != nil {
		return err
	}
	a.say("%s holds %s", name, content)
	return nil
}
