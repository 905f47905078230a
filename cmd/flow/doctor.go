package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"flow/pkg/disk"
	"flow/pkg/process"
	"flow/pkg/project"
	"flow/pkg/ui"
)

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
		Use: "doctor",
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
	return append(checks, remoteChecks(p)...)
}

// remoteChecks tells of the remotes without asking them anything.
func remoteChecks(p *project.Project) []check {
	var checks []check
	for _, info := range p.Config.Remotes() {
		c := check{Name: "remote " + info.Name, Value: info.URL, OK: true}
		if program := map[string]string{"sftp": "ssh", "rclone": "rclone"}[info.Kind]; program != "" {
			if _, err := exec.LookPath(program); err != nil {
				c.OK, c.Hint = false, "the program "+program+", which reaches it, is not on PATH"
			}
		}
		if info.Scope == project.Shared {
			c.Value += " (from the shared config)"
		}
		checks = append(checks, c)
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
