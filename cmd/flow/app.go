package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/project"
	"flow/pkg/ui"
)

// app is what every command shares: where it writes, where it was started, and the
// options that all commands have.
type app struct {
	out, err io.Writer
	dir      string
	json     bool
	quiet    bool
	verbose  bool
}

// open opens the project around the current folder.
func (a *app) open() (*project.Project, error) { return project.Open(a.dir) }

// openEngine opens the project and its pipeline.
func (a *app) openEngine() (*project.Project, *engine.Engine, error) {
	p, err := a.open()
	if err != nil {
		return nil, nil, err
	}
	e, err := p.Engine()
	return p, e, err
}

// say writes talk, which is not the command's result.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

// print writes a result.
func (a *app) print(format string, args ...any) {
	fmt.Fprintf(a.out, format+"\n", args...)
}

// sink returns the face that shows a run.
func (a *app) sink() event.Sink {
	if a.json {
		return &ui.JSON{Out: a.out}
	}
	return &ui.Text{Out: a.out, Err: a.err, Style: ui.StyleFor(a.err), Quiet: a.quiet, Verbose: a.verbose}
}

// The groups of commands in the help.
const (
	groupRun  = "run"
	groupSee  = "see"
	groupData = "data"
	groupEdit = "edit"
	groupSelf = "self"
)

// newRootCmd returns the command line.
func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "flow",
		Short: "Run pipelines of declared stages: what changed, and only that",
		Long: `flow runs the stages that pipeline.yaml declares: it hashes what they read, runs
only those whose inputs changed, keeps every output in a cache, and records all of
it in pipeline.lock, which belongs in git.`,
		Example:           "  flow repro                 # bring everything up to date\n  flow status --why train    # say why a stage is stale\n  flow dag                   # draw the graph",
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.dir, "cd", "C", ".", "act as if started in this `folder`")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "say nothing but results and errors")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say more")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return wordsError{fmt.Errorf("%w\n  see: %s --help", err, cmd.CommandPath())}
	})
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupSee, Title: "See and compare:"},
		&cobra.Group{ID: groupData, Title: "Data and cache:"},
		&cobra.Group{ID: groupEdit, Title: "Edit the pipeline:"},
		&cobra.Group{ID: groupSelf, Title: "flow itself:"},
	)
	root.SetHelpCommandGroupID(groupSelf)
	root.SetCompletionCommandGroupID(groupSelf)
	for _, command := range commands {
		cmd := command.build(a)
		cmd.GroupID = command.group
		checkWords(cmd)
		root.AddCommand(cmd)
	}
	return root
}

// command is one verb of the command line, with its group in the help.
type command struct {
	group string
	build func(*app) *cobra.Command
}

// checkWords makes a wrong number of arguments a mistake in the command line.
func checkWords(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return wordsError{fmt.Errorf("%w\n  usage: %s", err, cmd.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		checkWords(sub)
	}
}

// jsonFlag adds --json.
func (a *app) jsonFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.json, "json", false, "print JSON")
}

// completeTargets offers the stages and outs of the project to the shell.
func (a *app) completeTargets(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	p, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	pipeline, err := p.Pipeline()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, stage := range pipeline.Stages {
		words = append(words, stage.Title())
	}
	return words, cobra.ShellCompDirectiveDefault
}
