package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"flow/pkg/event"
	"flow/pkg/process"
)

func TestMain(m *testing.M) {
	process.Main() // this binary is flow, too: it watches over the stages of the scripts
	testscript.Main(m, map[string]func(){"flow": func() { os.Exit(Main()) }})
}

// TestScript runs every script below testdata/script: one behaviour each, written as
// a person would type it. With FLOW_UPDATE_SCRIPTS=1 the output that they expect is
// rewritten.
func TestScript(t *testing.T) {
	root := t.TempDir() // scripts reach above their own folders
	t.Cleanup(func() {
		_ = filepath.WalkDir(root, func(name string, entry fs.DirEntry, _ error) error {
			if entry != nil && entry.IsDir() {
				_ = os.Chmod(name, 0o700)
			}
			return nil
		})
	})
	testscript.Run(t, testscript.Params{
		WorkdirRoot:         root,
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       os.Getenv("FLOW_UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/home/.config")
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command of a build with -race sleeps a second at its end
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "A Person")
				env.Setenv("GIT_"+who+"_EMAIL", "person@example.org")
				env.Setenv("GIT_"+who+"_DATE", "2026-01-01T00:00:00Z")
			}
			return nil
		},
		Condition: func(condition string) (bool, error) { return condition == "unix" && runtime.GOOS != "windows", nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"steady":  steady,
			"cisteps": cisteps,
			"events":  events,
		},
	})
}

// exits runs a command and checks its exit code: exits 2 flow repro nothing.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = "?"
		if exit, is := err.(*exec.ExitError); is {
			code = strconv.Itoa(exit.ExitCode())
		}
	}
	if code != args[0] {
		ts.Fatalf("%s exited with %s, not %s", strings.Join(args[1:], " "), code, args[0])
	}
}

var durations = regexp.MustCompile(`\b\d+(\.\d+)?(ms|s)\b|\b\d+m\d\ds\b`)

// steady replaces what differs from run to run in a file by a word, so that it can
// be compared: times.
func steady(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		text := durations.ReplaceAllString(ts.ReadFile(name), "TIME")
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

// events checks that each line of files is an event as the schema says.
func events(ts *testscript.TestScript, neg bool, args []string) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(event.Schema()))
	ts.Check(err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	ts.Check(compiler.AddResource("event.json", doc))
	schema, err := compiler.Compile("event.json")
	ts.Check(err)
	for _, name := range args {
		for line := range strings.Lines(ts.ReadFile(name)) {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			ts.Check(err)
			if err := schema.Validate(value); err != nil {
				ts.Fatalf("%s is no event: %v", line, err)
			}
		}
	}
}

// TestHelp: every command has a sentence, an example, and flags that say what they
// are for.
func TestHelp(t *testing.T) {
	for _, command := range commands {
		cmd := command.of(&app{}, []string{command.name})
		require.Equal(t, command.name, cmd.Name())
		require.Equal(t, command.also, strings.Join(cmd.Aliases, " "))
		require.Equal(t, command.short == "", cmd.Hidden)
		require.NotEmpty(t, cmd.Example, "%s has no example", cmd.Name())
		for _, sub := range cmd.Commands() {
			require.NotEmpty(t, sub.Example, "%s %s has no example", cmd.Name(), sub.Name())
		}
	}
}
