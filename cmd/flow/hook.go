package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// newHookCmd returns what the hooks that `flow install` makes call.
func newHookCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "git-hook NAME [ARGUMENT...]",
		Long:    "Do what a hook of git's is for. git calls it; see flow install.",
		Example: "  flow git-hook post-merge",
		Args:    cobra.MinimumNArgs(1),
		Hidden:  true,
		RunE:    func(cmd *cobra.Command, args []string) error { return runHook(cmd.Context(), a, args[0], args[1:]) },
	}
}

// runHook fails only where git is to stop: for a push that can't take its data along. All
// else is told on stderr, as git may be used by a program that reads its stdout.
func runHook(ctx context.Context, a *app, name string, args []string) error {
	a.out = a.err
	p, e, err := a.openEngine()
	if err != nil {
		if _, found := project.Find(a.dir); found == nil {
			a.note("flow: %s", err)
		}
		return nil // a commit without a project
	}
	switch {
	case name == "post-checkout" && len(args) == 3 && args[2] == "1":
		a.arrive(ctx, p, e, args[0])
	case name == "post-merge", name == "post-rewrite" && len(args) > 0 && args[0] == "rebase":
		a.arrive(ctx, p, e, "ORIG_HEAD")
	case name == "pre-commit":
		a.remind(ctx, p, e)
	case name == "pre-push":
		return a.pushAlong(ctx, p, e)
	}
	return nil
}

// note says something that is no failure.
func (a *app) note(format string, args ...any) {
	a.say("%s %s", ui.StyleFor(a.err).Yellow("note:"), fmt.Sprintf(format, args...))
}

// arrive makes the data what the commit tells of that git has just gone to. What a
// person changed stays.
func (a *app) arrive(ctx context.Context, p *project.Project, e *engine.Engine, from string) {
	quiet := *a
	quiet.err = io.Discard
	if _, err := quiet.ready(ctx, p, e); err != nil {
		a.note("flow checkout: %s", err)
		return
	}
	done, err := e.Checkout(ctx, engine.CheckoutOptions{Keep: true, Waiting: func(text string) { a.note("%s", text) }}, func(string) {})
	files, missing, busy := 0, 0, 0
	for _, one := range done {
		switch one.State {
		case "missing":
			missing++
		case "busy":
			busy++
		case "kept":
			a.note("%s was changed by hand and stays; to have the commit's: flow checkout %s", one.Path, one.Path)
		default:
			files++
		}
	}
	left, lost := p.Leave(ctx, e, from)
	if files+len(left) > 0 {
		a.say("flow: %s brought along, %d removed", ui.Count(files, "path"), len(left))
	}
	if busy > 0 {
		a.note("%s left as they are, as their stages run; when these have ended: flow checkout", ui.Count(busy, "path"))
	}
	switch {
	case missing > 0:
		a.note("%s not in the cache: flow pull", ui.Count(missing, "path"))
	case busy > 0:
	case err != nil:
		a.note("flow checkout: %s", err)
	case lost != nil && !errors.Is(lost, project.ErrNoGit):
		a.verboseNote(lost)
	}
	p.Remember()
}

// verboseNote says what matters to nobody but who looks for it.
func (a *app) verboseNote(err error) {
	if a.verbose {
		a.note("%s", err)
	}
}

// remind says that something is stale: the lock that is committed tells of other data
// than the workspace holds.
func (a *app) remind(ctx context.Context, p *project.Project, e *engine.Engine) {
	plan, err := e.Plan(ctx, engine.Options{})
	if err != nil {
		a.note("flow status: %s", err)
		return
	}
	stale := 0
	for _, step := range plan.Steps {
		if step.State != engine.Fresh {
			stale++
		}
	}
	if stale > 0 {
		a.note("%s not up to date: flow status", ui.Count(stale, "stage or data source"))
	}
	p.Remember()
}

// pushAlong pushes what HEAD and the workspace tell of. What this machine never had is
// only told: it is no fault of who pushes.
func (a *app) pushAlong(ctx context.Context, p *project.Project, e *engine.Engine) error {
	if p.Config.DefaultRemote() == "" {
		return nil
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	data, err := p.Data(ctx, e, project.DataScope{Revs: []string{"HEAD"}})
	if err != nil {
		return err
	}
	results, err := p.Push(ctx, data, project.MoveOptions{Sink: event.Discard})
	if err == nil || exitCode(err) == exitData {
		for _, result := range results {
			if result.Objects > 0 {
				a.say("flow: %s pushed to %s (%s)", ui.Count(result.Objects, "object"), result.Remote, ui.Bytes(result.Bytes))
			}
		}
		if err != nil {
			a.note("%s", err)
		}
		return nil
	}
	a.note("the commits are not pushed, as their data can't be; to push without: git push --no-verify")
	return err
}
