package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/lock"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// newLockCmd returns `flow lock`.
func newLockCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "lock",
		Example: "  flow lock resolve",
	}
	cmd.AddCommand(newLockResolveCmd(a))
	return cmd
}

// resolveOptions is the words of `flow lock resolve`.
type resolveOptions struct {
	ours, theirs bool
	names        []string
}

func newLockResolveCmd(a *app) *cobra.Command {
	o := &resolveOptions{}
	cmd := &cobra.Command{
		Use:   "resolve [--ours|--theirs] [NAME...]",
		Short: "Merge pipeline.lock by stage and by data source",
		Long: `Merge the sides of a pipeline.lock that git left with conflict markers, by stage and by
data source. What only one side changed is taken, and what both changed alike. A stage
that both changed differently has no entry then, so that the next repro runs it, or
restores it from an earlier run. A data source that both changed differently is taken as
the workspace has it, if that is what one side recorded; else it stays open, and you choose.

--ours and --theirs choose one side for all that is contested, or for the stages and data
sources that are named.`,
		Example: `  git merge feature; flow lock resolve && git add pipeline.lock && flow repro
  flow lock resolve --theirs data/raw.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.names = args; len(args) > 0 && !o.ours && !o.theirs {
				return wordsError{errors.New("say which side to take for what is named: --ours or --theirs")}
			}
			return runLockResolve(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.ours, "ours", false, "take what is contested from the branch that you are on")
	cmd.Flags().BoolVar(&o.theirs, "theirs", false, "take what is contested from the branch that is merged")
	cmd.MarkFlagsMutuallyExclusive("ours", "theirs")
	cmd.ValidArgsFunction = a.completeContested
	a.jsonFlag(cmd)
	return cmd
}

// resolved is what became of one contested stage or data source.
type resolved struct {
	Stage  string `json:"stage,omitempty"`
	Source string `json:"source,omitempty"`
	Taken  string `json:"taken"`            // ours, theirs, none (a stage that will run), open
	Ours   string `json:"ours,omitempty"`   // of a data source: its digest; left out when it is gone
	Theirs string `json:"theirs,omitempty"` // the same
	why    string
}

func runLockResolve(ctx context.Context, a *app, o *resolveOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	conflict, err := p.LockConflict(ctx)
	if err != nil {
		return err
	}
	if conflict == nil {
		a.say("%s has no conflict", lock.Name)
		return a.tellResolved(nil)
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	merged, contests := conflict.Merge()
	if err := o.check(a, p, contests); err != nil {
		return err
	}
	var told []resolved
	var open []lock.Contest
	for _, contest := range contests {
		one, side := o.choose(ctx, p, contest)
		if side != nil {
			merged.Take(*side)
		}
		if one.Taken == "open" {
			open = append(open, contest)
		}
		told = append(told, one)
	}
	if err := p.Ledger.Replace(ctx, merged.EncodeContested(open)); err != nil {
		return err
	}
	if len(open) == 0 {
		a.say("%s is merged; then: git add %s && flow repro", lock.Name, lock.Name)
	}
	return a.tellResolved(told)
}

// check refuses names of what is not contested.
func (o *resolveOptions) check(a *app, p *project.Project, contests []lock.Contest) error {
	var known []string
	for _, contest := range contests {
		known = append(known, contest.Name())
	}
	for i, name := range o.names {
		if slices.Contains(known, name) {
			continue
		}
		local, err := a.local(p, name)
		if err != nil || !slices.Contains(known, local) {
			return wordsError{fmt.Errorf("%s is not contested; what is: %s", name, strings.Join(known, ", "))}
		}
		o.names[i] = local
	}
	return nil
}

// choose decides one contest; no side for one that stays open, or a stage that is to run.
func (o *resolveOptions) choose(ctx context.Context, p *project.Project, c lock.Contest) (resolved, *lock.Record) {
	one := resolved{Stage: c.Ours.Stage, Source: c.Ours.Source, Ours: hashOf(c.Ours), Theirs: hashOf(c.Theirs)}
	named := len(o.names) == 0 || slices.Contains(o.names, c.Name())
	switch {
	case o.ours && named:
		one.Taken, one.why = "ours", "as --ours says"
		return one, &c.Ours
	case o.theirs && named:
		one.Taken, one.why = "theirs", "as --theirs says"
		return one, &c.Theirs
	case !c.Source():
		one.Taken = "none"
		return one, nil
	}
	now, err := p.Workspace.Digest(ctx, c.Name())
	one.Taken, one.why = "open", "the workspace holds neither"
	if err != nil {
		one.why = err.Error()
	}
	for word, side := range map[string]*lock.Record{"ours": &c.Ours, "theirs": &c.Theirs} {
		if err == nil && now.Exists() && now.Same(side.Content()) {
			one.Taken, one.why = word, "as the workspace holds it"
			return one, side
		}
	}
	return one, nil
}

func hashOf(side lock.Record) string {
	if side.Is == nil {
		return ""
	}
	return side.Is.ID.String()
}

func (a *app) tellResolved(told []resolved) error {
	if a.json {
		if told == nil {
			told = []resolved{}
		}
		if err := ui.WriteJSON(a.out, told); err != nil {
			return err
		}
	}
	open := 0
	for _, one := range told {
		if one.Taken == "open" {
			open++
		}
		if !a.json {
			a.print("%s", one)
		}
	}
	if open > 0 {
		return fmt.Errorf("%s, contested: choose with --ours or --theirs: flow lock resolve --ours PATH", ui.Count(open, "data source"))
	}
	return nil
}

// String says it on a line, or on several for what a person must choose.
func (r resolved) String() string {
	switch {
	case r.Taken == "none":
		return fmt.Sprintf("stage %s: both sides changed it; repro will run or restore it", r.Stage)
	case r.Stage != "":
		return fmt.Sprintf("stage %s: taken from %s, %s", r.Stage, r.Taken, r.why)
	case r.Taken != "open":
		return fmt.Sprintf("data %s: taken from %s, %s", r.Source, r.Taken, r.why)
	}
	side := func(hash string) string {
		if hash == "" {
			return "not tracked any more"
		}
		return hash
	}
	return fmt.Sprintf("data %s: both sides changed it; %s\n  ours    %s\n  theirs  %s", r.Source, r.why, side(r.Ours), side(r.Theirs))
}

// completeContested offers what is contested to the shell.
func (a *app) completeContested(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if p, err := a.open(); err == nil {
		if conflict, err := p.LockConflict(cmd.Context()); err == nil && conflict != nil {
			_, contests := conflict.Merge()
			for _, contest := range contests {
				names = append(names, contest.Name())
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// newMergeLockCmd returns the merge driver that `flow install` tells git of.
func newMergeLockCmd(*app) *cobra.Command {
	return &cobra.Command{
		Use:     "git-merge-lock BASE OURS THEIRS",
		Long:    "Merge three texts of pipeline.lock into the second. git calls it; see flow install.",
		Example: "  git config merge.flow.driver 'flow git-merge-lock %O %A %B'",
		Args:    cobra.ExactArgs(3),
		Hidden:  true,
		RunE:    func(_ *cobra.Command, args []string) error { return runMergeLock(args[0], args[1], args[2]) },
	}
}

// runMergeLock works in the folder that git started it in: the files are git's own.
func runMergeLock(names ...string) error {
	var texts [3][]byte
	for i, name := range names {
		var err error
		if texts[i], err = os.ReadFile(name); err != nil {
			return err
		}
	}
	merged, open := lock.MergeTexts(lock.Name, texts[0], texts[1], texts[2])
	if err := os.WriteFile(names[1], merged, 0o644); err != nil {
		return err
	}
	if open > 0 {
		return errSilent
	}
	return nil
}
