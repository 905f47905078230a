//go:build unix

package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/process"
)

// printed is what a command printed.
type printed struct{ out, err []string }

func (p *printed) line(stderr bool, line string) {
	if stderr {
		p.err = append(p.err, line)
	} else {
		p.out = append(p.out, line)
	}
}

func script(text string) process.Spec {
	return process.Spec{Argv: append(process.Shell(), text)}
}

func run(t *testing.T, spec process.Spec) (process.Result, printed) {
	t.Helper()
	var got printed
	result, err := process.Run(context.Background(), spec, got.line)
	require.NoError(t, err)
	return result, got
}

func TestRun_success(t *testing.T) {
	result, got := run(t, script("echo one; echo two >&2; printf three"))
	require.Zero(t, result.Code)
	require.Empty(t, result.Signal)
	require.Equal(t, printed{out: []string{"one", "three"}, err: []string{"two"}}, got)
	require.False(t, result.Stopped || result.TimedOut)
	require.Empty(t, result.Leftover)
}

func TestRun_exitCodes(t *testing.T) {
	for _, code := range []int{0, 1, 2, 126, 127, 255} {
		result, _ := run(t, script("exit "+strconv.Itoa(code)))
		require.Equal(t, code, result.Code)
		require.Empty(t, result.Signal)
	}
}

func TestRun_signals(t *testing.T) {
	for _, name := range []string{"TERM", "KILL", "SEGV"} {
		result, _ := run(t, script("ulimit -c 0; kill -"+name+" $$"))
		require.Equal(t, "SIG"+name, result.Signal)
		require.Greater(t, result.Code, 128)
	}
}

func TestRun_pipelineFails(t *testing.T) {
	result, got := run(t, script("false; echo not reached"))
	require.Equal(t, 1, result.Code)
	require.Empty(t, got.out)
	if process.Shell()[0] == "bash" {
		result, _ = run(t, script("false | cat"))
		require.Equal(t, 1, result.Code)
	}
}

func TestRun_couldNotStart(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	require.NoError(t, os.WriteFile(garbage, []byte("neither binary nor script"), 0o755))
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o644))
	for name, c := range map[string]struct {
		spec process.Spec
		want error
		says []string
	}{
		"no such program": {process.Spec{Argv: []string{"nosuchshell", "-c"}}, fs.ErrNotExist, []string{"nosuchshell"}},
		"no such path":    {process.Spec{Argv: []string{"./nosuch"}, Dir: dir}, fs.ErrNotExist, []string{"./nosuch"}},
		"not executable":  {process.Spec{Argv: []string{plain}}, fs.ErrPermission, []string{plain}},
		"a folder":        {process.Spec{Argv: []string{dir}}, fs.ErrPermission, []string{dir}},
		"not a program":   {process.Spec{Argv: []string{garbage}}, syscall.ENOEXEC, []string{garbage, "exec format"}},
		"no wdir":         {process.Spec{Argv: []string{"true"}, Dir: dir + "/gone"}, fs.ErrNotExist, []string{"true", dir + "/gone"}},
		"wdir is a file":  {process.Spec{Argv: []string{"true"}, Dir: plain}, nil, []string{"true", plain, "not a folder"}},
		"no words":        {process.Spec{}, nil, []string{"no program"}},
		"NUL in a word":   {process.Spec{Argv: []string{"echo", "a\x00b"}}, nil, []string{"echo", "NUL"}},
		"not in its PATH": {process.Spec{Argv: []string{"sh", "-c", ":"}, Env: []string{"PATH=" + dir}}, fs.ErrNotExist, []string{"sh"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := process.Run(context.Background(), c.spec, nil)
			var start *process.StartError
			require.ErrorAs(t, err, &start)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			for _, words := range c.says {
				require.ErrorContains(t, err, words)
			}
		})
	}
}

func TestRun_contextOverBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := process.Run(ctx, script("echo no"), func(bool, string) { t.Error("it ran") })
	require.ErrorIs(t, err, context.Canceled)
}

func TestRun_orderWithinAStream(t *testing.T) {
	_, got := run(t, script("seq 1 20000; seq 1 20000 >&2"))
	want := make([]string, 20000)
	for i := range want {
		want[i] = strconv.Itoa(i + 1)
	}
	require.Equal(t, want, got.out)
	require.Equal(t, want, got.err)
}

func TestRun_longLine(t *testing.T) {
	// What is measured is a process that runs the command, not this one.
	spec := process.Spec{Argv: os.Args[:1], Env: append(os.Environ(), "GORACE=atexit_sleep_ms=0", asParent+"=head -c 200000000 /dev/zero | tr '\\0' x")}
	longest, total := 0, 0
	result, err := process.Run(context.Background(), spec, func(_ bool, line string) {
		longest, total = max(longest, len(line)), total+len(line)
	})
	require.NoError(t, err)
	require.Equal(t, 200_000_000, total)
	require.Equal(t, 64<<10, longest)
	require.Less(t, result.MaxRSS, int64(200_000_000))
}

func TestRun_binaryBytes(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	file := filepath.Join(t.TempDir(), "all")
	require.NoError(t, os.WriteFile(file, all, 0o644))
	_, got := run(t, process.Spec{Argv: []string{"cat", file}})
	require.Equal(t, string(all), strings.Join(got.out, "\n"))
}

func TestRun_wordsThatAreNoText(t *testing.T) {
	_, got := run(t, process.Spec{Argv: []string{"printf", "%s\\n%s", "\xff\xfe", "a\nb"}})
	require.Equal(t, []string{"\xff\xfe", "a", "b"}, got.out)
}

func TestRun_stdinIsEmpty(t *testing.T) {
	_, got := run(t, script("cat; echo end"))
	require.Equal(t, []string{"end"}, got.out)
}

func TestRun_noTerminal(t *testing.T) {
	result, _ := run(t, script("(: < /dev/tty) 2>/dev/null"))
	require.NotZero(t, result.Code)
}

func TestRun_env(t *testing.T) {
	spec := process.Spec{Argv: []string{"env"}, Env: []string{"A=1", "PATH=" + os.Getenv("PATH"), "A=2", "B=\xff=x"}}
	_, got := run(t, spec)
	require.Equal(t, []string{"PATH=" + os.Getenv("PATH"), "A=2", "B=\xff=x"}, got.out)

	t.Setenv("FLOW_TEST_INHERITED", "yes")
	_, got = run(t, script("echo $FLOW_TEST_INHERITED"))
	require.Equal(t, []string{"yes"}, got.out)
}

func TestRun_largeEnv(t *testing.T) {
	env := []string{"PATH=" + os.Getenv("PATH")}
	for i := range 100 {
		env = append(env, fmt.Sprintf("K%d=%s", i, strings.Repeat("x", 10_000)))
	}
	spec := script("echo ${#K99}")
	spec.Env = env
	_, got := run(t, spec)
	require.Equal(t, []string{"10000"}, got.out)
}

func TestRun_wdir(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "here"), []byte("#!/bin/sh\npwd\nprintenv PWD\n"), 0o755))
	_, got := run(t, process.Spec{Argv: []string{"./here"}, Dir: dir})
	require.Equal(t, []string{dir, dir}, got.out)
}

func TestRun_pathOfItsEnv(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "my-shell"), []byte("#!/bin/sh\necho mine\n"), 0o755))
	_, got := run(t, process.Spec{Argv: []string{"my-shell"}, Env: []string{"PATH=" + dir}})
	require.Equal(t, []string{"mine"}, got.out)
}

func TestRun_measures(t *testing.T) {
	ballast := bytes.Repeat([]byte("x"), 256<<20) // this process's own peak is not the command's
	small, _ := run(t, script("true"))
	require.Less(t, small.MaxRSS, int64(64<<20))
	runtime.KeepAlive(ballast)

	large, _ := run(t, script("x=$(head -c 40000000 /dev/zero | tr '\\0' x); i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"))
	require.Greater(t, large.MaxRSS, int64(40_000_000))
	require.Positive(t, large.CPU)
	require.Positive(t, large.Wall)
}

func TestRun_descriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	direct, err := exec.Command("ls", "/proc/self/fd").Output() // this process may have inherited some itself
	require.NoError(t, err)
	_, got := run(t, process.Spec{Argv: []string{"ls", "/proc/self/fd"}})
	require.Equal(t, strings.Fields(string(direct)), got.out)
	_, got = run(t, script("grep flags /proc/self/fdinfo/1"))
	flags, err := strconv.ParseInt(strings.Fields(got.out[0])[1], 8, 64)
	require.NoError(t, err)
	require.Zero(t, flags&syscall.O_NONBLOCK)
}

func TestRun_ignoredSignalsAreDefault(t *testing.T) {
	// A background job of a shell without job control ignores SIGINT, and so does what it starts.
	got, err := parentCommand("kill -INT $$; echo survived", "sh", "-c", `"$0" & wait $!`, os.Args[0]).CombinedOutput()
	require.Empty(t, string(got))
	require.Error(t, err)
}

func TestRun_manyAtOnce(t *testing.T) {
	ended := make(chan error)
	for i := range 20 {
		go func() {
			result, err := process.Run(context.Background(), script(fmt.Sprintf("exit %d", i)), nil)
			if err == nil && result.Code != i {
				err = errors.New("wrong code")
			}
			ended <- err
		}()
	}
	for range 20 {
		require.NoError(t, <-ended)
	}
}

func TestShell(t *testing.T) {
	shell := process.Shell()
	if _, err := exec.LookPath("bash"); err == nil {
		require.Equal(t, []string{"bash", "-e", "-o", "pipefail", "-c"}, shell)
	}
	t.Setenv("PATH", t.TempDir())
	require.Equal(t, []string{"sh", "-e", "-c"}, process.Shell())
}

func TestMain_byHand(t *testing.T) {
	cmd := parentCommand("", os.Args[0], process.Arg)
	got, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(got), process.Arg)
	require.Equal(t, 2, cmd.ProcessState.ExitCode())
}

func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		result, err := process.Run(context.Background(), process.Spec{Argv: []string{"true"}}, nil)
		if err != nil || result.Code != 0 {
			b.Fatal(result, err)
		}
	}
}

func BenchmarkRunShell(b *testing.B) {
	for b.Loop() {
		if _, err := process.Run(context.Background(), script("true"), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutput is the way of 100 MB in lines of 100 bytes.
func BenchmarkOutput(b *testing.B) {
	spec := script("yes " + strings.Repeat("x", 99) + " | head -c 100000000")
	b.SetBytes(100_000_000)
	for b.Loop() {
		if _, err := process.Run(context.Background(), spec, func(bool, string) {}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDirect is what BenchmarkRun is measured against.
func BenchmarkDirect(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRun_prompt: what a command asks is seen before it is answered.
func TestRun_prompt(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	defer write.Close()
	spec := script(`printf 'name? '; read name; echo "hi $name"`)
	spec.Stdin = read
	spec.Timeout = time.Minute
	var lines []string
	result, err := process.Run(t.Context(), spec, func(_ bool, line string) {
		if lines = append(lines, line); line == "name? " {
			write.WriteString("Ada\n")
		}
	})
	require.NoError(t, err)
	require.False(t, result.TimedOut)
	require.Equal(t, []string{"name? ", "hi Ada"}, lines)
}
