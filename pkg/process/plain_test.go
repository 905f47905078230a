package process_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/process"
)

func TestPlain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows each script has a shell")
	}
	for script, words := range map[string][]string{
		"python train.py":                             {"python", "train.py"},
		" ./run.sh\t--lr=0.1  a,b:c@d%e+f \n":         {"./run.sh", "--lr=0.1", "a,b:c@d%e+f"},
		`python -c 'import sys; print("$x")' '' a""b`: {"python", "-c", `import sys; print("$x")`, "", "ab"},
		`cp "größe von x" out/'mit' ''`:               {"cp", "größe von x", "out/mit", ""},
		"python -c 'a\nb'":                            {"python", "-c", "a\nb"},
		"7z x":                                        {"7z", "x"},
		"../bin/x.sh":                                 {"../bin/x.sh"},
		"echoes if then":                              {"echoes", "if", "then"},
	} {
		got, plain := process.Plain(script, nil)
		require.True(t, plain, script)
		require.Equal(t, words, got, script)
	}
	for _, script := range []string{
		"", " ", "a\nb", "a;b", "a&", "a|b", "a>b", "a<b", "(a)", "a $b", `a "$b"`, "a `b`", `a \b`, `a "\b"`, "a *", "a b?", "a [b]", "a {b,c}", "a ~", "a x=~/b",
		"a #b", "! a", "a=b", "a=b c", "x+=1 c", "'a'", `a"b"`, "a 'b", `a "b`, "a größe", "a\rb", "a\x00", "a ^b", "a !b", `a "!b"`, "a '\x00'",
		"cd x", "echo x", "test -e x", ". x", ": x", "[ x ]", "exec a", "time a", "while", "true", "%1", "-x", "command a", "ulimit -n 1", "source x",
	} {
		_, plain := process.Plain(script, nil)
		require.False(t, plain, "%q", script)
	}
	for _, entry := range []string{"BASH_ENV=x", "BASH_FUNC_cp%%=() { echo; }", "SHELLOPTS=xtrace", "BASHOPTS=", "EXECIGNORE=*", "POSIXLY_CORRECT=1", "__BASH_FUNC<cp>()=() { echo; }", "PATH=/bin:~/bin", "SSH_CLIENT=::1 1 2"} {
		_, plain := process.Plain("cp a b", []string{"HOME=/", entry})
		require.False(t, plain, entry)
	}
}

// FuzzPlain: the words are those that each shell here makes, and the first is no command
// of the shell's own.
func FuzzPlain(f *testing.F) {
	var shells []string
	for _, name := range []string{"bash", "sh", "dash"} {
		if path, err := exec.LookPath(name); err == nil {
			shells = append(shells, path)
		}
	}
	if len(shells) == 0 {
		f.Skip("needs a shell: install bash")
	}
	for _, script := range []string{"cp a b", `x 'a b' "c" d=e`, "x a=~ {b,c} *", "echo", `x ""''a`, "\tx 1>2", "x\t-\n", "time x", "x ,:@%+=/."} {
		f.Add(script)
	}
	bin := f.TempDir()
	require.NoError(f, os.WriteFile(filepath.Join(bin, "args"), []byte("#!/bin/sh\nprintf '%s\\0' \"$@\" .\n"), 0o755))
	f.Fuzz(func(t *testing.T, script string) {
		words, plain := process.Plain(script, nil)
		if !plain || len(script) > 10_000 {
			return
		}
		trimmed := strings.TrimLeft(script, " \t\n")
		require.True(t, strings.HasPrefix(trimmed, words[0]))
		for _, shell := range shells {
			run := func(script string, args ...string) string {
				cmd := exec.Command(shell, append([]string{"-c", script}, args...)...)
				cmd.Dir, cmd.Env = bin, []string{"PATH=" + bin + ":/usr/bin:/bin"}
				var errs bytes.Buffer
				cmd.Stderr = &errs
				out, err := cmd.Output()
				require.NoError(t, err, "%s: %q: %s", shell, script, errs.String())
				return string(out)
			}
			made := strings.Split(run("args"+trimmed[len(words[0]):]), "\x00")
			require.Equal(t, words[1:], made[:len(made)-2], "%s: %q", shell, script)
			what := run(`command -v -- "$1" || :`, "_", words[0])
			require.True(t, what == "" || strings.Contains(what, "/"), "%s: %s is %s", shell, words[0], what)
		}
	})
}
