// Package engine finds what is stale, says why, and runs it.
//
// It compares three worlds: what is wanted (stages), what was (lock) and what is
// (workspace). Plan compares and has no effects; Repro compares and acts. One
// goroutine, the owner of a run, holds the plan and the lock and emits the
// events; workers get a stage each and answer on one channel.
package engine

import (
	"context"
	"os"
	"time"

	"flow/pkg/cache"
	"flow/pkg/dag"
	"flow/pkg/digest"
	"flow/pkg/disk"
	"flow/pkg/event"
	"flow/pkg/lock"
	"flow/pkg/stages"
	"flow/pkg/values"
	"flow/pkg/workspace"
)

// Engine is the parts of an open project.
type Engine struct {
	Pipeline  *stages.Pipeline
	Graph     *dag.Graph
	Root      *disk.Root // the project's
	Workspace *workspace.Workspace
	Cache     *cache.Cache
	Ledger    *lock.Ledger
	Runner    Runner
	State     string // flow's own folder, below Root
	Git       bool   // outs are kept out of git by .gitignore files

	// GitTracked returns which of some paths git tracks; nil where there is no git.
	GitTracked func(ctx context.Context, paths []string) ([]string, error)

	// Totals is how much there is of each resource that stages may ask for, and
	// Devices are the GPUs, as CUDA_VISIBLE_DEVICES names them.
	Totals  map[string]int64
	Devices []string

	// RunID names the run for its commands, as FLOW_RUN; "" where its history is not kept.
	RunID string
	// Expected tells how long a stage's commands are likely to take, 0 where that is
	// not known; nil when nobody knows of any.
	Expected func(stage string) time.Duration

	// Elsewhere has data that is not here; nil where nothing has.
	Elsewhere Elsewhere

	// Probe reads deps that are no files of the project; nil where none can be.
	Probe Probe

	// Settings are values that params have instead of those in their files.
	Settings []values.Setting

	params  paramFiles
	probes  probes
	spares  spares
	objects map[digest.ID]bool // while a plan is made: whether the cache has them
	look    *cache.Look        // while a plan is made
}

// Runner runs the command of a stage. A dry run has none; tests have one that
// writes files itself.
type Runner interface {
	// Run runs one script to its end and hands over each line that it prints, from
	// one goroutine. A script that could not be started is an error; one that ended
	// badly is told by the Outcome. When ctx ends, the script and all its children
	// are stopped before Run returns.
	Run(ctx context.Context, command Command, output func(stderr bool, line string)) (Outcome, error)
}

// Elsewhere is where data is kept besides the cache.
type Elsewhere interface {
	// Has reports whether a content of an out, or of a data source, can be had.
	Has(ctx context.Context, path string, content digest.Content) (bool, error)

	// Fetch brings contents into the cache, by path, and tells how far it has come.
	Fetch(ctx context.Context, contents map[string]digest.Content, tell func(event.Event)) error

	// Imported reports whether a path is a data source that another repository has, so
	// that it may be fetched without being asked for.
	Imported(path string) bool
}

// Command is one script of a stage.
type Command struct {
	Stage  string
	Script string
	Shell  []string // nil for the default
	Dir    string   // an absolute path
	Env    []string // NAME=value, over flow's own environment
	Stdin  bool     // it reads what flow's own standard input has; no other does at that time
	Locks  []*os.File
	// Timeout stops the script and all its children after that time; 0 is never.
	Timeout time.Duration
}

// Outcome is how a script ended.
type Outcome struct {
	Code     int
	Signal   string // the name of the signal that ended it, or ""
	TimedOut bool   // Command.Timeout passed before it ended
	NoMemory bool   // the kernel has killed a process of this machine for want of memory meanwhile
	Wall     time.Duration
	CPU      time.Duration
	MaxRSS   int64 // bytes, of the largest single process
	Read     int64 // bytes from disks; -1 where nobody counts them
	Written  int64 // bytes to disks; likewise
	Leftover []int // processes that it left running
}

// Selection says which stages a command is about. The zero Selection is the whole
// pipeline.
type Selection struct {
	Targets    []string // stages, groups, outs; with Glob, patterns of stage names; with Recursive, folders
	Glob       bool
	Recursive  bool
	Single     bool // the targets only, in the order given
	Downstream bool // the targets and what depends on them
	Whole      bool // the pipelines that the targets belong to
	All        bool // every pipeline
}

// Options is how a run goes. The zero Options runs what changed.
type Options struct {
	Selection
	Force           bool // run even what is fresh, and restore nothing
	ForceDownstream bool // run what depends on a stage that ran
	NoRunCache      bool // don't take results from the run cache
	NoCommit        bool // don't put outs into the cache
	AllowMissing    bool // what is missing is no change
	Pull            bool // what Elsewhere has is brought here rather than made
	KeepGoing       bool // after a failure, go on with what doesn't depend on it
	IgnoreErrors    bool // after a failure, go on with everything
	Dry             bool // plan only
	NoWait          bool // a stage that another process is at fails
	Jobs            int  // how many stages at the same time; 0 means 1, below 0 as many as have a core each

	needed map[string]bool // temp outs that stages of the plan read, which have to be made again

	// Before, when set, is called once, before the first stage is at work; nothing else is
	// then.
	Before func(ctx context.Context)
	// Confirm, when set, is asked before a stage runs.
	Confirm func(stage string) bool
}

// Reason is why a stage is stale.
type Reason = event.Reason

// Forecast is how long the commands of a plan are likely to take.
type Forecast = event.Forecast
