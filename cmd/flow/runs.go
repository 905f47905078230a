package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/project"
	"flow/pkg/runs"
	"flow/pkg/ui"
)

// newRunsCmd returns `flow runs`.
func newRunsCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "runs",
		Long: `Every repro that ran something is a run: it keeps what it ran from, what it did and
what it left. A RUN is named by its id or the start of one, by its name, by a tag, or
as latest, latest~1, … Runs travel: flow runs push sends them, flow pull brings those of
others.`,
		Example: "  flow runs list --where 'metrics.accuracy > 0.8' --sort metrics.loss --top 10\n  flow runs show latest\n  flow runs diff latest~1 latest",
	}
	cmd.AddCommand(newRunsListCmd(a), newRunsShowCmd(a), newRunsDiffCmd(a), newRunsTagCmd(a), newRunsNoteCmd(a), newRunsRemoveCmd(a),
		newRunsApplyCmd(a), newRunsVerifyCmd(a), newRunsPushCmd(a), newRunsFetchCmd(a))
	return cmd
}

func newRunsTagCmd(a *app) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "tag RUN TAG...",
		Short: "Give a run tags, by which it is found and never removed by itself",
		Example: `  flow runs tag latest baseline
  flow runs tag baseline baseline --delete`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeRunTags,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, tag := range args[1:] {
				if err := checkTag(tag); err != nil {
					return err
				}
			}
			return a.label(cmd.Context(), args[0], func(label *runs.Label) {
				if !remove {
					label.Tags = append(label.Tags, args[1:]...)
					return
				}
				label.Tags = slices.DeleteFunc(label.Tags, func(tag string) bool { return slices.Contains(args[1:], tag) })
			})
		},
	}
	cmd.Flags().BoolVarP(&remove, "delete", "d", false, "take the tags away")
	return cmd
}

// checkTag refuses what could not be told from other ways to name a run.
func checkTag(tag string) error {
	if err := runs.CheckTag(tag); err != nil {
		return diag.At(diag.Pos{}, "%v", err).WithHint("a tag is a word without spaces, ~, ^ and :, and neither latest nor workspace")
	}
	return nil
}

func newRunsNoteCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "note RUN [TEXT...]",
		Short:             "Write down what a run was about; without a text, take the note away",
		Example:           "  flow runs note latest 'twice the data, half the epochs'",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.label(cmd.Context(), args[0], func(label *runs.Label) { label.Note = strings.Join(args[1:], " ") })
		},
	}
}

func (a *app) label(ctx context.Context, ref string, edit func(*runs.Label)) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	run, err := p.Runs.Find(ref)
	if err != nil {
		return err
	}
	return p.Runs.SetLabel(ctx, run.ID, edit)
}

// runsRemoveOptions is the words of `flow runs rm`.
type runsRemoveOptions struct {
	where string
	older int
	dry   bool
	cloud bool
	move  project.MoveOptions
}

func newRunsRemoveCmd(a *app) *cobra.Command {
	o := &runsRemoveOptions{}
	cmd := &cobra.Command{
		Use:   "rm [RUN...]",
		Short: "Remove runs from the history",
		Long: `Remove runs, with their logs. What they have in the cache goes with the next flow gc.
With --where or --but-newest, runs with a tag stay. A removed run does not come back with
flow pull; with --cloud it goes from the remote, too, and from the history of all who
have it from there, when they pull.`,
		Example:           "  flow runs rm latest\n  flow runs rm --where 'state = failed' --dry\n  flow runs rm --but-newest 100\n  flow runs rm brave-otter --cloud",
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && o.where == "" && !cmd.Flags().Changed("but-newest") {
				return wordsError{errors.New("say which runs: by name, --where or --but-newest")}
			}
			if !cmd.Flags().Changed("but-newest") {
				o.older = -1
			}
			o.cloud = o.cloud || o.move.Remote != ""
			return runRunsRemove(cmd.Context(), a, o, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.where, "where", "", "those that a `query` chooses")
	flags.IntVar(&o.older, "but-newest", 0, "all but the newest `N`")
	flags.BoolVar(&o.dry, "dry", false, "only say which")
	flags.BoolVarP(&o.cloud, "cloud", "c", false, "also from the remote")
	a.addRemoteFlags(cmd, &o.move)
	return cmd
}

func runRunsRemove(ctx context.Context, a *app, o *runsRemoveOptions, refs []string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	var doomed []*runs.Run
	for _, ref := range refs {
		run, err := p.Runs.Find(ref)
		if err != nil {
			return err
		}
		doomed = append(doomed, run)
	}
	if len(refs) == 0 {
		if doomed, err = o.choose(p); err != nil {
			return err
		}
	}
	ids := []string{}
	for _, run := range doomed {
		ids = append(ids, run.ID)
	}
	if o.cloud && !o.dry {
		if err := p.RemoveRunsThere(ctx, ids, o.move); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if o.dry {
			break
		}
		if err := p.Runs.Remove(ctx, id); err != nil {
			return err
		}
	}
	if a.json {
		return ui.WriteJSON(a.out, ids)
	}
	for _, run := range doomed {
		a.print("%s %s", map[bool]string{false: "removed", true: "would remove"}[o.dry], describeRun(run))
	}
	if len(doomed) == 0 {
		a.say("no runs to remove")
	}
	return nil
}

// choose returns the runs without a tag that the flags speak of.
func (o *runsRemoveOptions) choose(p *project.Project) ([]*runs.Run, error) {
	all, err := p.Runs.List()
	if err != nil {
		return nil, err
	}
	if o.older >= 0 {
		all = all[min(o.older, len(all)):]
	}
	t := newRunsTable(all, false)
	if err := t.filter(o.where); err != nil {
		return nil, err
	}
	var chosen []*runs.Run
	for _, row := range t.rows {
		if len(row.run.Tags) == 0 && row.run.State != runs.Running {
			chosen = append(chosen, row.run)
		}
	}
	return chosen, nil
}
