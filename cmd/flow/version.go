package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"flow/pkg/ui"
)

// version is set by the release build.
var version = "dev"

// newVersionCmd returns `flow version`.
func newVersionCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
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
