package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadme types the commands of the README's tour, in a clone of this repository
// with the changes of the working tree, and compares what is printed with what the
// README shows, but for times. With FLOW_UPDATE_README=1 it rewrites the README.
func TestReadme(t *testing.T) {
	for _, program := range []string{"git", "sh", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			require.Empty(t, os.Getenv("FLOW_TEST_ALL"), "%s is missing", program)
			t.Skipf("%s is missing: install it", program)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	dir := cloneHere(t)
	var rewritten []string
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		rewritten = append(rewritten, lines[i])
		if lines[i] != "```console" {
			continue
		}
		end := i + 1
		for lines[end] != "```" {
			end++
		}
		shown := lines[i+1 : end]
		var printed []string
		for _, line := range shown {
			if command, is := strings.CutPrefix(line, "$ "); is {
				printed = append(printed, line)
				printed = append(printed, typed(t, dir, command)...)
			}
		}
		rewritten = append(rewritten, printed...)
		if os.Getenv("FLOW_UPDATE_README") == "" {
			require.Equal(t, steadyText(shown), steadyText(printed))
		}
		i = end - 1
	}
	if os.Getenv("FLOW_UPDATE_README") != "" {
		require.NoError(t, os.WriteFile(filepath.Join("..", "..", "README.md"), []byte(strings.Join(rewritten, "\n")), 0o644))
	}
}

// cloneHere makes a git repository of the files that git knows or would add.
func cloneHere(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = filepath.Join("..", "..")
	out, err := list.Output()
	require.NoError(t, err)
	for _, name := range strings.Split(strings.Trim(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join("..", "..", name))
		if os.IsNotExist(err) {
			continue // removed in the working tree
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
	}
	for _, command := range []string{"git init -q", "git add -A", "git -c user.name=a -c user.email=a@example.org commit -qm all"} {
		require.Empty(t, typed(t, dir, command))
	}
	return dir
}

// typed runs a command as a person would and returns the lines that it prints.
func typed(t *testing.T, dir, command string) []string {
	t.Helper()
	cmd := exec.Command("sh", "-c", "exec 2>&1; "+command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "XDG_CONFIG_HOME="+filepath.Join(dir, ".flow", "none"))
	out, err := cmd.Output()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		require.NoError(t, err)
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

func steadyText(lines []string) string {
	return durations.ReplaceAllString(strings.Join(lines, "\n"), "TIME")
}
