package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flow/pkg/document"
	"flow/pkg/glob"
	"flow/pkg/project"
	"flow/pkg/query"
	"flow/pkg/runs"
	"flow/pkg/ui"
	"flow/pkg/values"
)

// runsListOptions is the words of `flow runs list`.
type runsListOptions struct {
	where, sort  string
	columns      []string
	top          int
	reverse, all bool
	csv, md      bool
	precision    int
}

// defaultColumns is what the list shows of a run, unless --columns asks for others.
var defaultColumns = []string{"id", "name", "by", "state", "started", "took", "did", "tags", "note"}

func newRunsListCmd(a *app) *cobra.Command {
	o := &runsListOptions{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, the newest first",
		Long: `List runs, the newest first, or in the order of --sort: the best first where the pipeline
declares the metric's direction, else from small to large.

A query compares id, name, state, started, ended, took (seconds; 10m is 600), user, host,
commit, branch, dirty, tags, note, error, did, targets, by and remote or from (who made
it, and where it came from; empty for runs that were made here), params.KEY, metrics.KEY and
stages.NAME.status, .took, .cpu or .memory, with = != < <= > >= ~ (contains) !~, and or not
and parentheses. The end of a key will do where it is clear. Columns are such keys, too,
and may be patterns: 'metrics.*'.`,
		Example: `  flow runs list --where 'metrics.accuracy > 0.8 and params.lr < 0.1'
  flow runs list --sort metrics.loss --top 10 --columns name,loss,params.*
  flow runs list --where 'state = failed or took > 1h' --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runRunsList(a, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.where, "where", "", "only the runs that a `query` chooses")
	flags.StringVar(&o.sort, "sort", "", "sort by this `key`")
	flags.BoolVar(&o.reverse, "reverse", false, "the other way round")
	flags.IntVar(&o.top, "top", 0, "only the first `N`")
	flags.StringSliceVar(&o.columns, "columns", defaultColumns, "show these `keys`")
	flags.IntVar(&o.precision, "precision", 5, "round to this many `digits` behind the point")
	flags.BoolVar(&o.all, "all", false, "also what was saved before a run was applied")
	flags.BoolVar(&o.csv, "csv", false, "print CSV")
	flags.BoolVar(&o.md, "md", false, "print a Markdown table")
	a.jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("csv", "md", "json")
	return cmd
}

func runRunsList(a *app, o *runsListOptions) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	all, err := p.Runs.List()
	if err != nil {
		return err
	}
	if !o.all {
		all = slices.DeleteFunc(all, func(run *runs.Run) bool { return run.State == runs.Saved })
	}
	t, err := o.choose(p, all)
	if err != nil {
		return err
	}
	if a.json {
		return ui.WriteJSON(a.out, t.json())
	}
	columns, err := t.columns(o.columns)
	if err != nil {
		return err
	}
	if o.csv {
		return t.csv(a, columns)
	}
	if len(t.rows) == 0 {
		a.say("no runs")
	}
	table := t.table(columns, o)
	if slices.Equal(o.columns, defaultColumns) && !o.md {
		table = fitRuns(table, ui.Width(a.out))
	}
	a.printTable(table, o.md)
	return nil
}

// choose makes the table of the runs that are meant, in the order that is.
func (o *runsListOptions) choose(p *project.Project, all []*runs.Run) (*runsTable, error) {
	if o.where == "" && o.sort == "" { // what need not be looked into is not
		if o.reverse {
			slices.Reverse(all)
		}
		if o.top > 0 {
			all = all[:min(o.top, len(all))]
		}
		facts := !slices.ContainsFunc(o.columns, func(key string) bool { return !slices.Contains(runKeys, key) })
		return newRunsTable(all, facts), nil
	}
	t := newRunsTable(all, false)
	if err := t.filter(o.where); err != nil {
		return nil, err
	}
	if o.sort != "" {
		if err := t.sort(p, o.sort); err != nil {
			return nil, err
		}
	}
	if o.reverse {
		slices.Reverse(t.rows)
	}
	if o.top > 0 {
		t.rows = t.rows[:min(o.top, len(t.rows))]
	}
	return t, nil
}

// least is how much of a text a narrow terminal shows, before columns go.
const least = 12

// fitRuns leaves out columns that a narrow terminal has no room for: what was done, when
// it began, which the id tells, too, and how long it took.
func fitRuns(table ui.Table, width int) ui.Table {
	table.Whole = []string{"id", "name", "state", "took"}
	texts := 0
	for i, key := range table.Header {
		if key == "tags" || key == "note" || key == "by" {
			longest := 0
			for _, row := range table.Rows {
				longest = max(longest, ui.TextWidth(row[i]))
			}
			texts += max(0, longest-least)
		}
	}
	for _, key := range []string{"did", "started", "took"} {
		if at := slices.Index(table.Header, key); at >= 0 && width > 0 && table.Width()-texts > width {
			table = table.Without(at)
		}
	}
	return table
}

// runsTable is runs with what can be asked of them.
type runsTable struct {
	rows []*runRow
	keys []string // of all rows, those that the first have first
}

type runRow struct {
	run    *runs.Run
	fields map[string]values.Value
}

// remoteKey is what --json calls the key remote; both are understood.
const remoteKey = "from"

func (r *runRow) value(key string) (values.Value, bool) {
	if key == remoteKey {
		key = "remote"
	}
	value, found := r.fields[key]
	return value, found
}

// newRunsTable makes a row of each run; with facts, only of what every run has.
func newRunsTable(all []*runs.Run, facts bool) *runsTable {
	t := &runsTable{}
	seen, now := map[string]bool{}, time.Now()
	for _, run := range all {
		row := &runRow{run: run, fields: map[string]values.Value{}}
		leaves := run.Facts
		if !facts {
			leaves = run.Fields
		}
		for _, leaf := range leaves(now) {
			row.fields[leaf.Key] = leaf.Value
			if !seen[leaf.Key] {
				seen[leaf.Key] = true
				t.keys = append(t.keys, leaf.Key)
			}
		}
		t.rows = append(t.rows, row)
	}
	if len(all) == 0 {
		t.keys = slices.Clone(defaultColumns)
	}
	return t
}

// known returns the keys that a query may name.
func (t *runsTable) known() []string { return append(slices.Clone(t.keys), remoteKey) }

func (t *runsTable) filter(where string) error {
	if where == "" {
		return nil
	}
	q, err := query.Parse(where)
	if err != nil {
		return wordsError{err}
	}
	if len(t.rows) == 0 {
		return nil
	}
	if err := q.Resolve(t.known()); err != nil {
		return wordsError{err}
	}
	t.rows = slices.DeleteFunc(t.rows, func(row *runRow) bool { return !q.Match(row.value) })
	return nil
}

// sort puts the runs in the order of a key's values; those without one come last.
func (t *runsTable) sort(p *project.Project, key string) error {
	if len(t.rows) == 0 {
		return nil
	}
	key, descending := strings.CutPrefix(key, "-")
	key, err := query.ResolveKey(key, t.known())
	if err != nil {
		return wordsError{err}
	}
	if metric, isMetric := strings.CutPrefix(key, "metrics."); isMetric && !descending {
		descending = higherIsBetter(p, metric)
	}
	slices.SortStableFunc(t.rows, func(a, b *runRow) int {
		x, hasX := a.value(key)
		y, hasY := b.value(key)
		order, sound := compareValues(x, y)
		switch {
		case !hasX || !hasY || !sound:
			return cmp.Compare(rank(y, hasY), rank(x, hasX))
		case descending:
			return -order
		}
		return order
	})
	return nil
}

// rank tells numbers from texts, NaN and what is not there, which come behind.
func rank(v values.Value, found bool) int {
	x, isNumber := v.Float()
	switch {
	case !found:
		return 0
	case isNumber && math.IsNaN(x):
		return 1
	case !isNumber:
		return 2
	}
	return 3
}

func compareValues(a, b values.Value) (order int, sound bool) {
	x, isX := a.Float()
	y, isY := b.Float()
	switch {
	case isX && isY:
		return cmp.Compare(x, y), !math.IsNaN(x) && !math.IsNaN(y)
	case isX || isY:
		return 0, false
	}
	return strings.Compare(a.Text, b.Text), true
}

// higherIsBetter asks the pipeline of the workspace.
func higherIsBetter(p *project.Project, metric string) bool {
	pipeline, err := p.Pipeline()
	if err != nil {
		return false
	}
	for _, stage := range pipeline.Stages {
		for _, out := range stage.Outs {
			key := strings.TrimPrefix(metric, out.Path+":")
			if direction, found := out.Direction[key]; found {
				return direction == "higher"
			}
		}
	}
	for _, stage := range pipeline.Stages {
		for _, out := range stage.Outs {
			if direction, found := out.Direction[""]; found {
				return direction == "higher"
			}
		}
	}
	return false
}

// columns finds the keys that are meant: whole, by their ends, or by patterns.
func (t *runsTable) columns(asked []string) ([]string, error) {
	var columns []string
	for _, one := range asked {
		if glob.HasMeta(one) {
			pattern := glob.Compile(one, false)
			for _, key := range t.keys {
				if pattern.Match(key) && !slices.Contains(columns, key) {
					columns = append(columns, key)
				}
			}
			continue
		}
		if slices.Contains(runKeys, one) {
			columns = append(columns, one)
			continue
		}
		key, err := query.ResolveKey(one, t.known())
		if err != nil {
			return nil, wordsError{err}
		}
		columns = append(columns, key)
	}
	return columns, nil
}

// runKeys is the keys that a run may have, even if none has.
var runKeys = []string{"id", "name", "by", "remote", "state", "started", "ended", "took", "user", "host", "commit", "branch", "dirty", "tags", "note", "error", "did", "targets"}

func (t *runsTable) table(columns []string, o *runsListOptions) ui.Table {
	table := ui.Table{Header: slices.Clone(columns)}
	for _, row := range t.rows {
		cells := make([]string, len(columns))
		for i, key := range columns {
			cells[i] = row.cell(key, o)
		}
		table.Rows = append(table.Rows, cells)
	}
	if len(o.columns) == len(defaultColumns) && slices.Equal(o.columns, defaultColumns) {
		for i := len(columns) - 1; i >= 0; i-- {
			if empty(table, i) {
				table = table.Without(i)
			}
		}
	}
	return table
}

func empty(table ui.Table, column int) bool {
	return !slices.ContainsFunc(table.Rows, func(row []string) bool { return row[column] != "" })
}

func (r *runRow) cell(key string, o *runsListOptions) string {
	value, found := r.value(key)
	switch {
	case !found && slices.Contains(runKeys, key):
		return ""
	case !found:
		return values.Missing
	case key == "took" || strings.HasPrefix(key, "stages.") && (strings.HasSuffix(key, ".took") || strings.HasSuffix(key, ".cpu")):
		seconds, _ := value.Float()
		return ui.Duration(time.Duration(seconds * float64(time.Second)))
	case strings.HasPrefix(key, "stages.") && strings.HasSuffix(key, ".memory"):
		bytes, _ := value.Float()
		return ui.Bytes(int64(bytes))
	case key == "commit":
		return shortName(value.Text)
	case slices.Contains(runKeys, key) && value.Kind == document.String:
		return value.Text
	}
	return values.Format(value, o.precision)
}

func (t *runsTable) csv(a *app, columns []string) error {
	w := csv.NewWriter(a.out)
	if err := w.Write(columns); err != nil {
		return err
	}
	for _, row := range t.rows {
		cells := make([]string, len(columns))
		for i, key := range columns {
			value, _ := row.value(key)
			cells[i] = value.Text
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func (t *runsTable) json() []object {
	told := []object{}
	for _, row := range t.rows {
		told = append(told, runJSON(row.run, false))
	}
	return told
}
