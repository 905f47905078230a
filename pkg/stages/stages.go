// Package stages is the pipeline as declared: what is wanted.
//
// Load reads pipeline.yaml once and gives a Pipeline of plain values; nobody
// further down reads YAML again. Every path in it is relative to the project's
// root, with slashes, cleaned, and known to stay inside the project.
package stages

import (
	"strings"

	"flow/pkg/dag"
	"flow/pkg/diag"
)

// File is the name of the file that declares a pipeline.
const File = "pipeline.yaml"

// ParamsFile is where params come from that name no file.
const ParamsFile = "params.yaml"

// SourcePrefix starts the name of a data source among the stages.
const SourcePrefix = "data:"

// Pipeline is all that the pipeline files of a project declare.
type Pipeline struct {
	File      string   // the first of the files
	Files     []string // all of them, sorted but for the one at the root, which is first; not those included
	Stages    []*Stage // data sources first, then stages, each in order of declaration
	Params    []Path   // params files to show that are no stage's deps
	Metrics   []MetricFile
	Plots     []Plot // plots of files that no stage declares as plots
	Artifacts []Artifact
	Warnings  diag.List
	Templates Templates
	Broken    []Broken // parts that could not be read, where that was asked for

	byName map[string]*Stage
	sets   map[string]*Set
	owners *owners
	graph  *dag.Graph
}

// Path is a declared path and its place.
type Path struct {
	Path string
	Pos  diag.Pos
}

// MetricFile is a file or folder of metrics that is declared at the top.
type MetricFile struct {
	Path
	// Direction and Tolerance are as those of an Out.
	Direction map[string]string
	Tolerance map[string]Tolerance
}

// Stage is one step of the pipeline: a command with what it reads and writes; or,
// when Source is set, a data source: a path that no command makes.
type Stage struct {
	Name   string // behind the name of its file and a colon, where that is not at the root
	Group  string // of a stage that a foreach or matrix makes: the name that they share
	File   string // the pipeline file that it belongs to
	Pos    diag.Pos
	Entry  []string // where it stands in the document Pos.File, as stages and its name there; nil when a group makes it
	Source bool
	URL    string // of a data source: where `flow update` gets it from; may be ""
	Repo   *Repo  // of a data source: the repository that it is imported from; nil for none

	Cmd    []string   // scripts, each run by a shell of its own, one after the other
	CmdPos []diag.Pos // where each of them is
	Shell  []string   // the words before a script; nil for the default
	Wdir   string     // "." for the root
	Env    []EnvVar   // sorted by name; the pipeline's env included

	Deps   []Dep
	Params []Param
	Outs   []Out    // outs, then metrics, then plots
	Map    *Map     // where the command runs for each of many files
	Filled []string // where Options.Set says something: what its cmd was filled in from

	Effort // what it may take

	Stdin         bool // its command reads what flow's own standard input has
	Frozen        bool
	AlwaysChanged bool
	Desc          string
}

// EnvVar is one environment variable set for a command.
type EnvVar struct{ Name, Value string }

// DepKind tells what kind of thing a stage reads.
type DepKind string

// The kinds of dep.
const (
	PathDep DepKind = ""     // a file or directory
	GlobDep DepKind = "glob" // the files that match a pattern, each for itself
	CmdDep  DepKind = "cmd"  // what a command prints
	EnvDep  DepKind = "env"  // the value of an environment variable
	ExeDep  DepKind = "exe"  // the content of a program on PATH
	URLDep  DepKind = "url"  // what is behind an http(s) address: its etag, or its content
)

// Dep is what a stage reads.
type Dep struct {
	Kind DepKind
	// Path is the path or the pattern; of other kinds the name under which the dep is
	// recorded: the address of a URL, else the kind, a colon and what the person wrote.
	Path  string
	Pos   diag.Pos
	Whole bool // of a pattern: its files are recorded as one
}

// Text is what the person wrote of a dep that is no path: the command, the variable,
// the program, the address.
func (d Dep) Text() string { return strings.TrimPrefix(d.Path, string(d.Kind)+":") }

// InProject reports whether a dep is files of the project.
func (d Dep) InProject() bool { return d.Kind == PathDep || d.Kind == GlobDep }

// Param is a value in a params file that a stage reads; with an empty Key, the
// whole file.
type Param struct {
	File string
	Key  string
	Pos  diag.Pos
}

// OutKind tells outs, metrics and plots apart. They differ in how they are shown,
// and in that an uncached metric or plot can still be restored.
type OutKind string

// The kinds of out.
const (
	PlainOut OutKind = "out"
	Metric   OutKind = "metric"
	PlotOut  OutKind = "plot"
)

// Out is a file or directory that a stage writes, or a pattern of files.
type Out struct {
	Path     string
	Pos      diag.Pos
	Kind     OutKind
	Glob     bool // the path is a pattern: each file that matches is an out
	Cache    bool // kept in the cache and out of git
	Persist  bool // not removed before the command runs
	Optional bool // the command may leave it out
	Temp     bool // removed when the last stage that reads it is done
	Push     bool
	Remote   string
	Desc     string
	// Direction tells which way a metric is better: "higher" or "lower", by the
	// metric's dotted key; the key "" stands for all of the file's.
	Direction map[string]string
	// Tolerance tells how much worse than before a metric may be, by key as in Direction.
	Tolerance map[string]Tolerance
	Plot      *Plot
}

// Included reports whether the stage stands in a file that its pipeline file includes.
func (s *Stage) Included() bool { return s.Pos.File != s.File }

// Title returns the stage's name as people know it: without the prefix that
// marks a data source.
func (s *Stage) Title() string { return strings.TrimPrefix(s.Name, SourcePrefix) }

// Callback reports whether the stage must always run, having neither deps nor outs.
func (s *Stage) Callback() bool {
	return !s.Source && len(s.Deps) == 0 && len(s.Params) == 0 && len(s.Outs) == 0
}

// Stage returns the stage or data source of a name.
func (p *Pipeline) Stage(name string) (*Stage, bool) {
	stage, found := p.byName[name]
	return stage, found
}

// Commands returns the stages that have a command, in order of declaration.
func (p *Pipeline) Commands() []*Stage { return p.filter(false) }

// Sources returns the data sources, in order of declaration.
func (p *Pipeline) Sources() []*Stage { return p.filter(true) }

func (p *Pipeline) filter(source bool) []*Stage {
	var found []*Stage
	for _, stage := range p.Stages {
		if stage.Source == source {
			found = append(found, stage)
		}
	}
	return found
}

// Names returns the names of all stages and data sources.
func (p *Pipeline) Names() []string {
	names := make([]string, len(p.Stages))
	for i, stage := range p.Stages {
		names[i] = stage.Name
	}
	return names
}
