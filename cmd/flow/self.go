package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/process"
	"flow/pkg/project"
	"flow/pkg/stages"
	"flow/pkg/ui"
)

// newRootDirCmd returns `flow root`.
func newRootDirCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "root",
		Short:   "Print the project's root, relative to the current folder",
		Example: "  cd \"$(flow root)\"",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			found, err := project.Find(a.dir)
			if err != nil {
				return err
			}
			here, err := filepath.Abs(a.dir)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(here, found)
			if err != nil {
				relative = found
			}
			a.print("%s", relative)
			return nil
		},
	}
}

// version is set by the release build.
var version = "dev"

// newVersionCmd returns `flow version`.
func newVersionCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print flow's version",
		Example: "  flow version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			told := versionInfo()
			if a.json {
				return ui.WriteJSON(a.out, told)
			}
			commit := ""
			if told.Commit != "" {
				commit = " (" + told.Commit[:min(12, len(told.Commit))] + ")"
			}
			a.print("flow %s%s %s/%s %s", told.Version, commit, told.OS, told.Arch, told.Go)
			return nil
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

type versionTold struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Go      string `json:"go"`
}

func versionInfo() versionTold {
	told := versionTold{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
	if info, found := debug.ReadBuildInfo(); found {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				told.Commit = setting.Value
			}
		}
	}
	return told
}

// newSchemaCmd returns `flow schema`.
func newSchemaCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of pipeline.yaml",
		Long: `Print the JSON Schema of pipeline.yaml, for editors: keep it in a file and name that in
the first line of pipeline.yaml:

  # yaml-language-server: $schema=.flow/schema.json`,
		Example: "  flow schema > .flow/schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.out, stages.Schema())
			return err
		},
	}
}

// newConfigCmd returns `flow config`.
func newConfigCmd(a *app) *cobra.Command {
	var list, unset, local, user, origin bool
	cmd := &cobra.Command{
		Use:   "config [KEY [VALUE]]",
		Short: "Read and write settings",
		Long:  configLong(),
		Example: `  flow config --list
  flow config cache.type hardlink,copy
  flow config --local cache.dir /mnt/shared/flow-cache`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			scope := project.Shared
			switch {
			case local:
				scope = project.Local
			case user:
				scope = project.User
			}
			switch {
			case list || len(args) == 0:
				return runConfigList(a, origin)
			case unset:
				return runConfigSet(a, scope, args[0], "")
			case len(args) == 1:
				return runConfigGet(a, args[0])
			case args[1] == "":
				return wordsError{fmt.Errorf("the value is empty; to remove the key: flow config --unset %s", args[0])}
			}
			return runConfigSet(a, scope, args[0], args[1])
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&list, "list", "l", false, "list all settings")
	flags.BoolVarP(&unset, "unset", "u", false, "remove the key")
	flags.BoolVar(&local, "local", false, "write .flow/config.local, on this machine only")
	flags.BoolVar(&user, "user", false, "write your own config, for all your projects")
	flags.BoolVar(&origin, "show-origin", false, "with --list, also the file that each stands in")
	cmd.MarkFlagsMutuallyExclusive("local", "user")
	a.jsonFlag(cmd)
	return cmd
}

func configLong() string {
	var b strings.Builder
	b.WriteString("Read and write settings. A value in .flow/config.local counts before one in\n.flow/config, which git shares, and that before your own.\n\nThe keys:\n")
	for _, key := range project.Keys() {
		fmt.Fprintf(&b, "  %-12s %s\n", key.Name, key.Desc)
	}
	return strings.TrimRight(b.String(), "\n")
}

func runConfigList(a *app, origin bool) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	settings := p.Config.All()
	if a.json {
		if settings == nil {
			settings = []project.Setting{}
		}
		return ui.WriteJSON(a.out, settings)
	}
	for _, setting := range settings {
		if origin {
			a.print("%s\t%s=%s", setting.Origin, setting.Key, setting.Value)
			continue
		}
		a.print("%s=%s", setting.Key, setting.Value)
	}
	return nil
}

func runConfigGet(a *app, key string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	setting, found := p.Config.Get(key)
	if !found {
		return diag.At(diag.Pos{}, "%s is not set", key).WithHint("`flow config --help` lists the keys")
	}
	if a.json {
		return ui.WriteJSON(a.out, setting)
	}
	a.print("%s", setting.Value)
	return nil
}

func runConfigSet(a *app, scope project.Scope, key, value string) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	if err := p.Config.Set(scope, key, value); err != nil {
		return err
	}
	a.say("%s is in %s", map[bool]string{true: "removed; what is left", false: "the setting"}[value == ""], p.Config.File(scope))
	return nil
}

// check is one line of what `flow doctor` finds.
type check struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	OK    bool   `json:"ok"`
	Hint  string `json:"hint,omitempty"`
}

// newDoctorCmd returns `flow doctor`.
func newDoctorCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at this machine and project, and say what is amiss",
		Long: `Say what flow finds on this machine and in this project: versions, the shell that
stages run in, git, the cache with its kinds of link and free space, and settings of
the repository that point outside it. It exits with 1 when something is amiss.`,
		Example: "  flow doctor --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd.Context(), a) },
	}
	a.jsonFlag(cmd)
	return cmd
}

func runDoctor(ctx context.Context, a *app) error {
	told := versionInfo()
	checks := []check{
		{Name: "flow", Value: told.Version + " " + told.OS + "/" + told.Arch, OK: true},
		{Name: "shell of stages", Value: strings.Join(process.Shell(), " "), OK: true},
		gitCheck(ctx),
	}
	p, err := a.open()
	if err != nil {
		checks = append(checks, check{Name: "project", Value: err.Error(), Hint: "start one: flow init"})
	} else {
		checks = append(checks, projectChecks(p)...)
	}
	healthy := true
	for _, c := range checks {
		healthy = healthy && c.OK
	}
	if a.json {
		err = ui.WriteJSON(a.out, checks)
	} else {
		printChecks(a, checks)
		err = nil
	}
	if err == nil && !healthy {
		return errSilent
	}
	return err
}

func printChecks(a *app, checks []check) {
	style := ui.StyleFor(a.out)
	for _, c := range checks {
		mark := style.Green("ok ")
		if !c.OK {
			mark = style.Red("BAD")
		}
		a.print("%s  %-18s %s", mark, c.Name, c.Value)
		if c.Hint != "" {
			a.print("     %-18s %s", "", c.Hint)
		}
	}
}

func gitCheck(ctx context.Context) check {
	out, err := exec.CommandContext(ctx, "git", "--version").Output()
	if err != nil {
		return check{Name: "git", Value: "not found", OK: true, Hint: "without it, revisions can't be compared"}
	}
	return check{Name: "git", Value: strings.TrimSpace(string(out)), OK: true}
}

func projectChecks(p *project.Project) []check {
	checks := []check{{Name: "project", Value: p.Root.Dir(), OK: true}}
	if pipeline, err := p.Pipeline(); err != nil {
		checks = append(checks, check{Name: "pipeline", Value: "can't be used", Hint: firstLine(err.Error())})
	} else {
		checks = append(checks, check{Name: "pipeline", OK: true,
			Value: fmt.Sprintf("%s, %s", ui.Count(len(pipeline.Commands()), "stage"), ui.Count(len(pipeline.Sources()), "data source"))})
	}
	if _, err := p.Ledger.Read(); err != nil {
		checks = append(checks, check{Name: "lock", Value: "can't be used", Hint: firstLine(err.Error())})
	}
	checks = append(checks, cacheCheck(p)...)
	if setting, found := p.Config.Get("cache.dir"); found && setting.Scope == project.Shared {
		if dir := p.CacheDir(); !strings.HasPrefix(dir, p.Root.Dir()+string(filepath.Separator)) {
			checks = append(checks, check{Name: "shared config", Value: "cache.dir points outside the project: " + dir, OK: true,
				Hint: "it came with the repository; keep it only if you trust that"})
		}
	}
	return checks
}

func cacheCheck(p *project.Project) []check {
	dir := p.CacheDir()
	var checks []check
	probe, err := os.CreateTemp(dir, ".flow-probe-")
	if err != nil {
		return append(checks, check{Name: "cache", Value: dir, Hint: "it can't be written: " + firstLine(err.Error())})
	}
	probe.Close()
	os.Remove(probe.Name())
	checks = append(checks, check{Name: "cache", Value: dir, OK: true})
	if free, err := disk.FreeSpace(dir); err == nil {
		checks = append(checks, check{Name: "free space", Value: ui.Bytes(int64(min(free, 1<<62))), OK: free > 100<<20})
	}
	return append(checks, check{Name: "links", Value: p.DescribeLinks(), OK: true})
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
