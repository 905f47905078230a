package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/event"
	"flow/pkg/runs"
	"flow/pkg/ui"
	"flow/pkg/values"
)

func newRunsShowCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show [RUN]",
		Short:             "Show all that is known of a run, or of the last one",
		Example:           "  flow runs show\n  flow runs show brave-otter --json",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(_ *cobra.Command, args []string) error {
			return runRunsShow(a, append(args, runs.Latest)[0])
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func runRunsShow(a *app, ref string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	run, err := p.Runs.Find(ref)
	if err != nil {
		return err
	}
	if a.json {
		return ui.WriteJSON(a.out, runJSON(run, true))
	}
	a.showRun(run)
	return nil
}

func (a *app) showRun(run *runs.Run) {
	style := ui.StyleFor(a.out)
	a.print("%s %s  %s", style.Bold("run"), run.ID, style.Bold(run.Name))
	fact := func(name, text string) {
		for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
			if text != "" {
				a.print("%-10s %s", map[bool]string{true: name}[i == 0], ui.Clean(line, false)) // it may come from elsewhere
			}
		}
	}
	fact("state", string(run.State))
	fact("started", run.Started.Local().Format(time.DateTime))
	if took := run.Took(time.Now()); took > 0 {
		fact("took", ui.Duration(took))
	}
	fact("by", run.Who())
	if run.From != nil {
		fact("from", run.From.Remote)
	}
	if run.Git != nil {
		fact("git", describeGit(run.Git))
	}
	fact("targets", strings.Join(run.Targets, " "))
	fact("tags", strings.Join(run.Tags, " "))
	fact("note", run.Note)
	fact("error", run.Error)
	if n := len(run.Left); n > 0 {
		fact("not kept", fmt.Sprintf("%s of the code; flow runs show %s --json lists them", ui.Count(n, "file"), run.ID))
	}
	a.printBlock(stagesTable(run))
	a.printBlock(leavesTable("Param", run.Params))
	a.printBlock(leavesTable("Metric", run.Metrics))
}

func (a *app) printBlock(table ui.Table) {
	if len(table.Rows) > 0 {
		a.print("")
		a.printTable(table, false)
	}
}

func describeGit(git *runs.Git) string {
	text := shortName(git.Commit)
	if text == "" {
		text = "no commit yet"
	}
	if git.Branch != "" {
		text += " on " + git.Branch
	}
	if git.Dirty {
		text += ", with changes"
	}
	return text
}

// stagesTable shows what became of the stages that were not up to date.
func stagesTable(run *runs.Run) ui.Table {
	table := ui.Table{Header: []string{"Stage", "Status", "Took", "CPU", "Memory", "Why"}}
	for i := range run.Stages {
		s := &run.Stages[i]
		if s.Status == event.Fresh {
			continue
		}
		row := []string{s.Name, string(s.Status), ui.Duration(s.Took()), "", "", ui.Reasons(s.Reasons)}
		if s.Usage != nil {
			row[3], row[4] = ui.Duration(seconds(s.Usage.CPU)), ui.Bytes(s.Usage.MaxRSS)
		}
		switch s.Status {
		case event.Skipped:
			row[2], row[5] = "", "because of "+s.Because
		case event.Failed:
			row[5] = s.Error
		case event.Restored:
			row[1] = "restored from " + s.Because
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func leavesTable(label string, all runs.Values) ui.Table {
	table := ui.Table{Header: []string{"Path", label, "Value"}}
	for _, file := range all.Files() {
		for _, leaf := range all.Leaves(file) {
			table.Rows = append(table.Rows, []string{file, leaf.Key, values.Format(leaf.Value, 5)})
		}
	}
	return table
}

// runJSON is a run as JSON: params and metrics are nested by their keys, below their
// file where several files have a key. Stages are whole only when all is asked for.
func runJSON(run *runs.Run, all bool) object {
	told := object{{"id", run.ID}, {"name", run.Name}, {"state", run.State}, {"started", run.Started}}
	if !run.Ended.IsZero() {
		told = append(told, member{"ended", run.Ended})
	}
	told = append(told, member{"seconds", run.Took(time.Now()).Seconds()}, member{"user", run.User}, member{"host", run.Host},
		member{"from", fromJSON(run)},
		member{"git", run.Git}, member{"targets", orEmpty(run.Targets)}, member{"tags", orEmpty(run.Tags)}, member{"note", run.Note},
		member{"params", nestValues(run.Params)}, member{"metrics", nestValues(run.Metrics)})
	if run.Error != "" {
		told = append(told, member{"error", run.Error})
	}
	if all {
		return append(told, member{"stages", run.Stages}, member{"lock", run.Lock}, member{"snapshot", run.Snapshot},
			member{"left_out", run.Left}, member{"held", run.Held})
	}
	stages := []object{}
	for i := range run.Stages {
		s := &run.Stages[i]
		stages = append(stages, object{{"name", s.Name}, {"status", s.Status}, {"seconds", s.Took().Seconds()}})
	}
	return append(told, member{"stages", stages})
}

// fromJSON is the remote that a run came from; null for one that was made here.
func fromJSON(run *runs.Run) any {
	if run.From == nil {
		return nil
	}
	return run.From.Remote
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func nestValues(all runs.Values) object {
	files := map[string]int{}
	for _, keys := range all {
		for key := range keys {
			files[key]++
		}
	}
	nested := object{}
	for _, file := range all.Files() {
		for _, leaf := range all.Leaves(file) {
			path := keyParts(leaf.Key)
			if files[leaf.Key] > 1 {
				path = append([]string{file}, path...)
			}
			nested = nested.put(path, leaf.Value)
		}
	}
	return nested
}
