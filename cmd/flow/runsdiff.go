package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/event"
	"flow/pkg/runs"
	"flow/pkg/ui"
	"flow/pkg/values"
)

func newRunsDiffCmd(a *app) *cobra.Command {
	var md bool
	cmd := &cobra.Command{
		Use:   "diff [A [B]]",
		Short: "Compare two runs: params, metrics, stages, code",
		Long: `Compare two runs: their params and metrics, what their stages did and left, and the
files that they ran from. A is latest~1 unless you say otherwise, B is latest.`,
		Example:           "  flow runs diff\n  flow runs diff baseline latest --json",
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			refs := []string{runs.Latest + "~1", runs.Latest}
			copy(refs, args)
			p, err := a.open()
			if err != nil {
				return err
			}
			d := &runsDiff{}
			for i, side := range []**runs.Run{&d.a, &d.b} {
				if *side, err = p.Runs.Find(refs[i]); err != nil {
					return err
				}
			}
			if d.code, err = p.SnapshotDiff(cmd.Context(), d.a, d.b); err != nil {
				a.say("%s the code can't be compared: %v", ui.StyleFor(a.err).Yellow("note:"), err)
			}
			return d.show(a, md)
		},
	}
	cmd.Flags().BoolVar(&md, "md", false, "print Markdown tables")
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("md", "json")
	return cmd
}

// runsDiff is two runs side by side.
type runsDiff struct {
	a, b *runs.Run
	code []runs.FileChange
}

// changed returns what differs between params or metrics, by flat keys.
func changed(a, b runs.Values) []values.Change {
	return values.Diff(a.Flat(), b.Flat(), false)
}

func (d *runsDiff) show(a *app, md bool) error {
	params, metrics := changed(d.a.Params, d.b.Params), changed(d.a.Metrics, d.b.Metrics)
	stages := d.stages()
	if a.json {
		return ui.WriteJSON(a.out, object{{"a", d.a.ID}, {"b", d.b.ID}, {"params", valueChangesJSON(params)}, {"metrics", valueChangesJSON(metrics)},
			{"stages", stages}, {"code", d.code}})
	}
	if len(params)+len(metrics)+len(stages)+len(d.code) == 0 {
		a.say("nothing differs between %s and %s", describeRun(d.a), describeRun(d.b))
		return nil
	}
	blocks := []ui.Table{d.valuesTable("Param", params), d.valuesTable("Metric", metrics), d.stagesTable(stages), d.codeTable()}
	first := true
	for _, block := range blocks {
		if len(block.Rows) == 0 {
			continue
		}
		if !first {
			a.print("")
		}
		first = false
		a.printTable(block, md)
	}
	return nil
}

func (d *runsDiff) valuesTable(label string, changes []values.Change) ui.Table {
	table := ui.Table{Header: []string{label, d.a.Name, d.b.Name, "Change"}}
	for _, change := range changes {
		old, now, delta := values.FormatChange(change, 5)
		table.Rows = append(table.Rows, []string{change.Key, old, now, delta})
	}
	return table
}

func valueChangesJSON(changes []values.Change) object {
	told := object{}
	for _, change := range changes {
		one := object{{"old", change.Old}, {"new", change.New}}
		if change.Delta != nil {
			one = append(one, member{"diff", change.Delta})
		}
		told = append(told, member{change.Key, one})
	}
	return told
}

// stageChange is how a stage differs between two runs.
type stageChange struct {
	Stage string         `json:"stage"`
	A     event.Status   `json:"a"` // "" where the run had no such stage
	B     event.Status   `json:"b"`
	TookA float64        `json:"a_seconds"`
	TookB float64        `json:"b_seconds"`
	Outs  []string       `json:"outs,omitempty"` // that came out different
	Why   []event.Reason `json:"reasons,omitempty"`
}

// stages returns the stages that did not do the same, or did not leave the same.
func (d *runsDiff) stages() []stageChange {
	var names []string
	for _, run := range []*runs.Run{d.b, d.a} {
		for i := range run.Stages {
			if name := run.Stages[i].Name; !slices.Contains(names, name) && !run.Stages[i].Source {
				names = append(names, name)
			}
		}
	}
	changes := []stageChange{}
	for _, name := range names {
		change := stageChange{Stage: name}
		var outs [2]map[string]runs.Out
		for i, run := range []*runs.Run{d.a, d.b} {
			outs[i] = map[string]runs.Out{}
			s, found := run.Stage(name)
			if !found {
				continue
			}
			for _, out := range s.Outs {
				outs[i][out.Path] = out
			}
			if i == 0 {
				change.A, change.TookA = s.Status, s.Took().Seconds()
			} else {
				change.B, change.TookB, change.Why = s.Status, s.Took().Seconds(), s.Reasons
			}
		}
		for path, out := range outs[1] {
			if was, found := outs[0][path]; found && !was.Same(out.Content) {
				change.Outs = append(change.Outs, path)
			}
		}
		slices.Sort(change.Outs)
		if well(change.A) != well(change.B) || len(change.Outs) > 0 {
			changes = append(changes, change)
		}
	}
	return changes
}

// well returns one status for all that mean that a stage's outs are as they should be.
func well(status event.Status) event.Status {
	switch status {
	case event.Ran, event.Restored, event.Updated:
		return event.Fresh
	}
	return status
}

func (d *runsDiff) stagesTable(changes []stageChange) ui.Table {
	table := ui.Table{Header: []string{"Stage", d.a.Name, d.b.Name, "Outs that differ"}}
	cell := func(status event.Status, took float64) string {
		switch {
		case status == "":
			return values.Missing
		case status == event.Ran:
			return "ran in " + ui.Duration(time.Duration(took*float64(time.Second)))
		}
		return string(status)
	}
	for _, c := range changes {
		table.Rows = append(table.Rows, []string{c.Stage, cell(c.A, c.TookA), cell(c.B, c.TookB), strings.Join(c.Outs, ", ")})
	}
	return table
}

func (d *runsDiff) codeTable() ui.Table {
	table := ui.Table{Header: []string{"Code", "State"}}
	for _, change := range d.code {
		table.Rows = append(table.Rows, []string{change.Path, change.State})
	}
	return table
}
