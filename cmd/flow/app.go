package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/event"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
	"flow/pkg/values"
)

// app is what every command shares: where it writes, where it was started, and the
// options that all commands have.
type app struct {
	out, err io.Writer
	dir      string
	json     bool
	quiet    bool
	verbose  bool
	partial  bool             // stages that can't be read leave the others alone
	set      []string         // settings of params
	kill     <-chan struct{}  // closed when stages are to be killed at once
	started  bool             // the words were right, and the command has begun
	project  *project.Project // the one that was opened last
	unknown  error            // help was asked for of a command that is not there
}

// open opens the project around the current folder.
func (a *app) open() (*project.Project, error) {
	p, err := project.Open(a.dir)
	if err != nil {
		return nil, err
	}
	p.Partial = a.partial
	for _, text := range a.set {
		setting, err := values.ParseSetting(text)
		if err != nil {
			return nil, wordsError{fmt.Errorf("--set: %w", err)}
		}
		p.Settings = append(p.Settings, setting)
	}
	a.project = p
	return p, nil
}

// setFlag adds --set.
func (a *app) setFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&a.set, "set", "S", nil, "take a param or var as this: `[file:]key=value`, the value as in YAML")
	_ = cmd.RegisterFlagCompletionFunc("set", a.completeSettings)
}

// openEngine opens the project and its pipeline.
func (a *app) openEngine() (*project.Project, *engine.Engine, error) {
	p, err := a.open()
	if err != nil {
		return nil, nil, err
	}
	e, err := a.engine(p)
	return p, e, err
}

// atWork takes a project to run its stages, before its pipeline is read.
func (a *app) atWork(ctx context.Context, p *project.Project, options engine.Options) (*disk.Lock, error) {
	return p.AtWork(ctx, !options.NoWait, func(holder string) { a.note("waiting for %s", cmp.Or(holder, "another process")) })
}

// storing keeps what a command puts into the cache from being collected until the function
// that it returns is called: when the lock names it.
func (a *app) storing(ctx context.Context, p *project.Project, at string) (func(), error) {
	release, err := p.Storing(ctx, at, func(holder string) { a.note("waiting for the cache: %s", cmp.Or(holder, "another process")) })
	if err != nil {
		return nil, err
	}
	return func() {
		if wrong := release(); wrong != nil {
			a.note("%s", wrong) // what the command was for is done
		}
	}, nil
}

// engine opens the pipeline of a project.
func (a *app) engine(p *project.Project) (*engine.Engine, error) {
	e, err := p.Engine()
	if err == nil {
		e.Runner = &project.Runner{Kill: a.kill, Stdin: os.Stdin}
	}
	return e, err
}

// local turns a path as typed, relative to the current folder, into one relative to
// the project's root.
func (a *app) local(p *project.Project, typed string) (string, error) {
	absolute := typed
	if !filepath.IsAbs(typed) {
		absolute = filepath.Join(a.dir, typed)
	}
	absolute, err := filepath.Abs(absolute)
	if err != nil {
		return "", err
	}
	absolute = resolveParents(absolute)
	relative, err := filepath.Rel(p.Root.Dir(), absolute)
	if err != nil || !filepath.IsLocal(relative) {
		return "", diag.At(diag.Pos{}, "%s lies outside the project %s", typed, p.Root.Dir()).
			WithHint("copy it into the project first")
	}
	return filepath.ToSlash(relative), nil
}

// resolveParents follows the links on the way to a path, as far as the way is there,
// but not a link that the path itself is.
func resolveParents(path string) string {
	for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
		if resolved, err := filepath.EvalSymlinks(parent); err == nil {
			below, err := filepath.Rel(parent, path)
			if err != nil {
				return path
			}
			return filepath.Join(resolved, below)
		}
		if parent == filepath.Dir(parent) {
			return path
		}
	}
}

// targets turns what was typed in a folder below the root into names and paths of the
// project: a stage of the folder's own pipeline file goes before one of the root's.
// Patterns, and what nobody knows, stay as they are.
func (a *app) targets(p *project.Project, pipeline *stages.Pipeline, typed []string) []string {
	targets := slices.Clone(typed)
	for i, target := range typed {
		if name := a.named(p, pipeline, target); name != "" {
			targets[i] = name
			continue
		}
		name, err := a.local(p, target)
		if err == nil && (len(pipeline.OwnerOf(name)) > 0 || p.Root.Exists(name)) {
			targets[i] = name
		}
	}
	return targets
}

// named returns the name, as the project has it, of a stage, group or set of stages that
// was typed as name, :name, file:name or as the file alone; "" when there is none.
func (a *app) named(p *project.Project, pipeline *stages.Pipeline, typed string) string {
	file, name, found := strings.Cut(typed, ":")
	if !found {
		file, name = "", typed
	}
	candidates := []string{a.ownFile(p) + ":" + name}
	if file != "" {
		if local, err := a.local(p, file); err == nil {
			candidates = []string{local + ":" + name}
		}
	} else if local, err := a.local(p, typed); err == nil && path.Base(local) == stages.File {
		candidates = append(candidates, local)
	}
	for _, candidate := range append(candidates, typed) {
		candidate = strings.TrimPrefix(candidate, stages.File+":")
		if len(pipeline.Named(candidate)) > 0 {
			return candidate
		}
	}
	return ""
}

// ownFile returns the pipeline file of the current folder, if it has one, else the
// root's.
func (a *app) ownFile(p *project.Project) string {
	if name, err := a.local(p, stages.File); err == nil && p.Root.Exists(name) {
		return name
	}
	return stages.File
}

// absolute returns the current folder.
func (a *app) absolute() string {
	if absolute, err := filepath.Abs(a.dir); err == nil {
		return absolute
	}
	return a.dir
}

// openPipeline opens the project with its pipeline.
func (a *app) openPipeline() (*project.Project, *stages.Pipeline, error) {
	p, err := a.open()
	if err != nil {
		return nil, nil, err
	}
	pipeline, err := p.Pipeline()
	return p, pipeline, err
}

// say writes talk, which is not the command's result.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

// isTerminal reports whether results go to a terminal.
func (a *app) isTerminal() bool {
	file, isFile := a.out.(*os.File)
	return isFile && ui.IsTerminal(file)
}

// print writes a result.
func (a *app) print(format string, args ...any) {
	fmt.Fprintf(a.out, format+"\n", args...)
}

// sink returns the face that shows a run of so many stages at a time.
func (a *app) sink(jobs int) event.Sink {
	if a.json {
		return &ui.JSON{Out: a.out}
	}
	text := a.text()
	text.Names = jobs > 1 || jobs < 0
	return &text
}

func (a *app) text() ui.Text {
	return ui.Text{Out: a.out, Err: a.err, Style: ui.StyleFor(a.err), Quiet: a.quiet, Verbose: a.verbose, Live: ui.Width(a.err) > 0}
}

// screen is sink for a run that a person may watch on a terminal; close it when the run
// has ended. Where a stage reads what is typed, nothing is painted over that.
func (a *app) screen(e *engine.Engine, options engine.Options) (face event.Sink, close func()) {
	terminal, isFile := a.err.(*os.File)
	asks := func(stage *stages.Stage) bool { return stage.Stdin }
	if a.json || a.quiet || options.Dry || options.Confirm != nil || !isFile || !ui.CanPaint(terminal) || slices.ContainsFunc(e.Pipeline.Stages, asks) {
		return a.sink(options.Jobs), func() {}
	}
	text := a.text()
	text.Names = options.Jobs > 1 || options.Jobs < 0
	tty := ui.NewTTY(a.out, terminal, text)
	return tty, tty.Close
}

// The groups of commands in the help.
const (
	groupRun  = "run"
	groupSee  = "see"
	groupData = "data"
	groupEdit = "edit"
	groupSelf = "self"
)

// newRootCmd returns the command line, whose words these may be. Of the verbs that are not
// among them there is no more than the help of all tells: to make all that a verb can would
// take a command a tenth of its time.
func newRootCmd(a *app, words []string) *cobra.Command {
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
		return fmt.Errorf("%w\n  see: %s --help", err, cmd.CommandPath())
	})
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupSee, Title: "See and compare:"},
		&cobra.Group{ID: groupData, Title: "Data and cache:"},
		&cobra.Group{ID: groupEdit, Title: "Edit the pipeline:"},
		&cobra.Group{ID: groupSelf, Title: "flow itself:"},
	)
	root.Args = cobra.ArbitraryArgs
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownVerb(cmd, args[0])
		}
		return cmd.Help()
	}
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 {
			a.unknown = unknownVerb(cmd, words[0])
			return
		}
		help(cmd, args)
	})
	root.SetHelpCommandGroupID(groupSelf)
	root.SetCompletionCommandGroupID(groupSelf)
	for _, command := range commands {
		root.AddCommand(command.of(a, words))
	}
	return root
}

// command is one verb of the command line, as the help of all tells it.
type command struct {
	group string
	name  string
	also  string // another name; may be ""
	short string // what it does; "" for one that people don't type
	build func(*app) *cobra.Command
}

// of returns the verb, whole when it is among the words.
func (c *command) of(a *app, words []string) *cobra.Command {
	cmd := &cobra.Command{Use: c.name, Hidden: c.short == "", RunE: unmade}
	if slices.Contains(words, c.name) || c.also != "" && slices.Contains(words, c.also) {
		cmd = c.build(a)
		a.checkWords(cmd)
	}
	cmd.Short, cmd.GroupID = c.short, c.group
	return cmd
}

// unmade makes of a verb that is only named one that can run, as it is in completions.
func unmade(cmd *cobra.Command, _ []string) error {
	panic(cmd.Name() + " is not among the words")
}

// checkWords makes a wrong number of arguments and an unknown verb below a command
// mistakes in the command line, and notes when a command begins.
func (a *app) checkWords(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w\n  usage: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.started = true
			err := run(cmd, args)
			if a.project == nil {
				return err
			}
			a.project.Workspace.Close()
			if a.project.Root.Exists(project.State + "/tmp") { // it has been written to
				if wrong := a.project.Publish(cmd.Context()); wrong != nil && err == nil {
					a.note("%s", wrong) // what the command was for is done
				}
			}
			return err
		}
	}
	if cmd.HasSubCommands() {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return cmd.Help()
		}
	}
	for _, sub := range cmd.Commands() {
		a.checkWords(sub)
	}
}

// unknownVerb says which verb was likely meant.
func unknownVerb(cmd *cobra.Command, word string) error {
	var verbs []string
	for _, sub := range cmd.Commands() {
		verbs = append(verbs, sub.Name())
	}
	hint := fmt.Sprintf("see: %s --help", cmd.CommandPath())
	if meant := diag.Nearest(word, verbs); meant != "" {
		hint = fmt.Sprintf("did you mean %q?", cmd.CommandPath()+" "+meant)
	}
	return fmt.Errorf("%s has no command %q\n  %s", cmd.CommandPath(), word, hint)
}

// plainWords says what is wrong with the flags as a person would.
func plainWords(err error) error {
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "if any flags in the group"):
		_, both, _ := strings.Cut(text, "; [")
		both, _, _ = strings.Cut(both, "]")
		return fmt.Errorf("--%s can't go together", strings.ReplaceAll(both, " ", " and --"))
	case strings.HasPrefix(text, "required flag(s) "):
		missing := strings.TrimSuffix(strings.TrimPrefix(text, "required flag(s) "), " not set")
		return fmt.Errorf("--%s is missing", strings.ReplaceAll(strings.ReplaceAll(missing, `"`, ""), ", ", " and --"))
	}
	return err
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
	for _, set := range pipeline.Sets() {
		words = append(words, set.Name)
	}
	return words, cobra.ShellCompDirectiveDefault
}

// ready makes the project ready for a command that changes it: the state folder is
// there, and attempts that a crash cut short are ended. What is to be known of these
// is told, and returned.
func (a *app) ready(ctx context.Context, p *project.Project, e *engine.Engine) ([]event.Warning, error) {
	if err := p.Prepare(); err != nil {
		return nil, err
	}
	warnings, err := e.Recover(ctx)
	face := &ui.Text{Out: a.err, Err: a.err, Style: ui.StyleFor(a.err)}
	for _, warning := range warnings {
		face.Emit(warning)
	}
	return warnings, err
}
