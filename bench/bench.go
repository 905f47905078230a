// Command bench runs flow and its peers side by side on the same work, as whole
// commands, and prints what each took.
//
//	go run ./bench                       every workload that fits into a minute or so
//	go run ./bench -run 'noop|first'     some of them
//	go run ./bench -large                the large ones, too
//	go run ./bench -scale 0.1 -json      a tenth of the stages and files, for a machine
//	go run ./bench -run status -grow     how time and memory grow over four sizes
//
// The contenders of a workload take turns, a run each, so that a machine that gets
// slower meanwhile gets slower for all; what is quoted of two of them is the ratio of
// their runs of one turn. After each run a contender must show that it did the work.
// What each makes durable is told with it: some sync what they wrote, some don't.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
)

// Workload is some work, and who can do it.
type Workload struct {
	Name  string
	About string
	Size  int    // how many files or stages, before scaling; or MiB
	Goal  string // where flow should stand, in words
	Large bool   // it takes minutes, or gigabytes
	Make  func(dir string, size int) error
	Serve func() (*server, error) // what runs meanwhile; nil for nothing
	Who   []Contender
}

// Contender is one way to do a workload. Its scripts run in a folder of its own that
// holds what Make made.
type Contender struct {
	Tool  string
	Needs string   // the program that must be there; "" is Tool
	Probe string   // a script that fails when a part of it is missing
	Setup string   // a script that runs once
	Aside []string // what is moved out of the way before each run; see aside
	Reset string   // a script before each run, after that
	Run   string   // what is timed: words, run without a shell
	Check string   // a script after each run, which fails when the work is not done
	Note  string   // what is durable when it ends, and how files are linked
}

// options are the words on the command line.
type options struct {
	run     string
	runs    int
	scale   float64
	large   bool
	cold    bool
	json    bool
	list    bool
	flow    string
	folder  string
	against string
	grow    bool
}

func main() {
	if err := run(parseOptions()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseOptions() options {
	var o options
	flag.StringVar(&o.run, "run", ".", "only the workloads whose `name` matches")
	flag.IntVar(&o.runs, "runs", 5, "runs of each contender, after one that does not count")
	flag.Float64Var(&o.scale, "scale", 1, "how much of each workload's size")
	flag.BoolVar(&o.large, "large", false, "the large workloads, too")
	flag.BoolVar(&o.cold, "cold", false, "drop the page cache before each run (needs root)")
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.BoolVar(&o.list, "list", false, "only list the workloads")
	flag.StringVar(&o.flow, "flow", "", "the flow program to measure; built from here when empty")
	flag.StringVar(&o.against, "against", "", "another flow program, measured as a peer")
	flag.BoolVar(&o.grow, "grow", false, "each workload at four sizes, each four times the one before; the last is its own")
	flag.StringVar(&o.folder, "dir", "", "where to work; a temporary folder when empty")
	flag.Parse()
	return o
}

func run(o options) error {
	wanted, err := regexp.Compile(o.run)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	var tables []Table
	for _, w := range workloads {
		if !wanted.MatchString(w.Name) || w.Large && !o.large {
			continue
		}
		if o.list {
			fmt.Printf("%-14s %s\n", w.Name, w.About)
			continue
		}
		for _, size := range b.sizes(w) {
			table, err := b.workload(w, size)
			if err != nil {
				return fmt.Errorf("%s: %w", w.Name, err)
			}
			tables = append(tables, table)
			if !o.json {
				table.print(os.Stdout)
			}
		}
	}
	if o.json {
		return json.NewEncoder(os.Stdout).Encode(tables)
	}
	return nil
}
