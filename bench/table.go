package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Table is what was measured of one workload.
type Table struct {
	Workload string   `json:"workload"`
	About    string   `json:"about"`
	Size     int      `json:"size,omitempty"`
	Goal     string   `json:"goal,omitempty"`
	Cache    string   `json:"cache"` // "warm" or "cold"
	Rows     []Row    `json:"rows"`
	Missing  []string `json:"missing,omitempty"` // tools that are not installed
}

// Row is what was measured of one contender.
type Row struct {
	Tool    string        `json:"tool"`
	Min     time.Duration `json:"min"`
	Median  time.Duration `json:"median"`
	CPU     time.Duration `json:"cpu"`
	Ratio   float64       `json:"ratio"` // flow's time over this one's: the median over the turns
	Peak    int64         `json:"peak"`
	Note    string        `json:"note,omitempty"`
	Samples []Sample      `json:"samples"`
}

func newRow(one *turn, flow []Sample) Row {
	row := Row{Tool: one.Tool, Note: one.Note, Samples: one.samples}
	var ratios []float64
	var walls, cpus []time.Duration
	for i, sample := range one.samples {
		walls, cpus = append(walls, sample.Wall), append(cpus, sample.CPU)
		ratios = append(ratios, float64(flow[i].Wall)/float64(sample.Wall))
		row.Peak = max(row.Peak, sample.Peak)
	}
	row.Min, row.Median, row.CPU, row.Ratio = slices.Min(walls), median(walls), median(cpus), median(ratios)
	return row
}

func median[T time.Duration | float64](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func (t Table) print(w io.Writer) {
	title := t.Workload + ": " + t.About
	if t.Size > 0 {
		title += fmt.Sprintf(" (%d)", t.Size)
	}
	fmt.Fprintf(w, "%s, %s cache. Goal: %s\n", title, t.Cache, t.Goal)
	fmt.Fprintf(w, "  %-12s %10s %10s %10s %8s %9s  %s\n", "", "min", "median", "cpu", "flow/it", "peak MB", "")
	for _, row := range t.Rows {
		fmt.Fprintf(w, "  %-12s %10s %10s %10s %8.2f %9.1f  %s\n", row.Tool, short(row.Min), short(row.Median), short(row.CPU), row.Ratio,
			float64(row.Peak)/1e6, row.Note)
	}
	if len(t.Missing) > 0 {
		fmt.Fprintf(w, "  not installed: %s\n", strings.Join(t.Missing, ", "))
	}
	fmt.Fprintln(w)
}

func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
