package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"flow/pkg/disk"
	"flow/pkg/project"
	"flow/pkg/stages"
)

// newInitCmd returns `flow init`.
func newInitCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "init [FOLDER]",
		Long: `Make a folder a flow project: an empty pipeline.yaml, and .flow/ for flow's own
files, of which only .flow/config belongs in git: it marks the project's root. What is
there already is left as it is.`,
		Example: "  flow init\n  flow init my-project",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := a.dir
			if len(args) == 1 {
				dir = filepath.Join(dir, args[0])
			}
			return runInit(a, dir)
		},
	}
}

const firstPipeline = `# What flow repro runs. Add a stage here, or with: flow stage add --help
stages:
`

const firstConfig = `# Settings of this project: flow config --help
`

func runInit(a *app, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the project's folder: %w", err)
	}
	root, err := disk.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := root.Lstat(stages.File); errors.Is(err, fs.ErrNotExist) {
		if err := root.Replace(stages.File, []byte(firstPipeline), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", stages.File, err)
		}
	}
	_, before := root.Lstat(project.State + "/.gitignore")
	if err := root.MkdirAll(project.State, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", project.State, err)
	}
	if _, err := root.Lstat(project.ConfigFile); errors.Is(err, fs.ErrNotExist) {
		if err := root.Replace(project.ConfigFile, []byte(firstConfig), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", project.ConfigFile, err)
		}
	}
	p, err := project.Open(dir)
	if err != nil {
		return err
	}
	if err := p.Prepare(); err != nil {
		return err
	}
	if before == nil {
		a.say("%s is a flow project already", root.Dir())
		return nil
	}
	a.say("%s is a flow project", root.Dir())
	if !p.Git {
		a.say("  keep it in git:         git init   (before the first run: flow keeps data out of git)")
	}
	a.say("  declare a first stage:  flow stage add -n hello -o hello.txt 'echo hello > hello.txt'")
	a.say("  then run it:            flow repro")
	return nil
}
