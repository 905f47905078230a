//go:build unix

package process_test

import (
	"bufio"
	"bytes"
	"context"
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

// deadline is when a test gives up; nothing takes nearly as long.
const deadline = 20 * time.Second

// background is a script's way to leave its group and the pipes.
const background = `setsid sh -c 'exec sleep 1000' >/dev/null 2>&1 </dev/null & echo $!; `

// alive tells whether a process runs; a zombie doesn't.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return runtime.GOOS != "linux"
	}
	return !bytes.Contains(stat, []byte(") Z "))
}

func requireDead(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return !alive(pid) }, deadline, 5*time.Millisecond, "process %d lives", pid)
}

// parentCommand makes the test binary a program that runs a script.
func parentCommand(script string, argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), asParent+"="+script)
	return cmd
}

// whenReady calls back at the first line of output, with the pid that it holds.
func whenReady(then func(pid int)) func(bool, string) {
	called := false
	return func(_ bool, line string) {
		if pid, err := strconv.Atoi(line); err == nil && !called {
			called = true
			then(pid)
		}
	}
}

func TestRun_cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	child := 0
	spec := script("sleep 1000 & echo $!; sleep 1000") // what a shell starts in the background ignores SIGINT
	spec.Grace = 50 * time.Millisecond
	result, err := process.Run(ctx, spec, whenReady(func(pid int) {
		child = pid
		cancel()
	}))
	require.NoError(t, err)
	require.True(t, result.Stopped)
	requireDead(t, child)
}

func TestRun_cancelIsPolite(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var got printed
	result, err := process.Run(ctx, script("trap 'echo saved; exit 7' INT; echo 0; while :; do sleep 0.01 || :; done"), func(stderr bool, line string) {
		got.line(stderr, line)
		cancel()
	})
	require.NoError(t, err)
	require.Equal(t, []string{"0", "saved"}, got.out)
	require.Equal(t, 7, result.Code)
	require.True(t, result.Stopped)
	require.False(t, result.TimedOut)
}

func TestRun_cancelOfOneThatTrapsInt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	spec := script("trap '' INT; echo 0; while :; do sleep 0.01 || :; done")
	spec.Grace = 50 * time.Millisecond
	result, err := process.Run(ctx, spec, whenReady(func(int) { cancel() }))
	require.NoError(t, err)
	require.Equal(t, "SIGKILL", result.Signal)
	require.True(t, result.Stopped)
}

func TestRun_cancelWithoutGrace(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	spec := script("trap 'exit 7' INT; echo 0; while :; do sleep 0.01 || :; done")
	spec.Grace = -1
	result, err := process.Run(ctx, spec, whenReady(func(int) { cancel() }))
	require.NoError(t, err)
	require.Equal(t, "SIGKILL", result.Signal)
}

func TestRun_secondCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	kill := make(chan struct{})
	spec := script("trap 'echo still here' INT; echo 0; while :; do sleep 0.01 || :; done")
	spec.Grace, spec.Kill = time.Hour, kill
	result, err := process.Run(ctx, spec, func(_ bool, line string) {
		if line == "0" {
			cancel()
		} else {
			close(kill)
		}
	})
	require.NoError(t, err)
	require.Equal(t, "SIGKILL", result.Signal)
	require.True(t, result.Stopped)
}

func TestRun_cancelWaitsForChildrenOfTheShell(t *testing.T) {
	// The shell dies of SIGINT at once; the child that saves its work has the grace.
	ctx, cancel := context.WithCancel(context.Background())
	saved := filepath.Join(t.TempDir(), "saved")
	spec := process.Spec{Argv: []string{"sh", "-c", `sh -c 'trap "sleep 0.1; echo yes > ` + saved + `; exit" INT; echo 0; while :; do sleep 0.01 || :; done'; :`}}
	result, err := process.Run(ctx, spec, whenReady(func(int) { cancel() }))
	require.NoError(t, err)
	require.True(t, result.Stopped)
	require.FileExists(t, saved)
}

func TestRun_cancelOfSuspended(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	spec := script("echo $$; kill -STOP $$")
	spec.Grace = time.Hour
	result, err := process.Run(ctx, spec, whenReady(func(pid int) { cancel() }))
	require.NoError(t, err)
	require.True(t, result.Stopped)
	require.Equal(t, "SIGINT", result.Signal)
}

func TestRun_timeout(t *testing.T) {
	spec := script("echo start; sleep 1000")
	spec.Timeout = 100 * time.Millisecond
	result, _ := run(t, spec)
	require.True(t, result.TimedOut)
	require.False(t, result.Stopped)
	require.NotZero(t, result.Code)

	spec = script("exit 3")
	spec.Timeout = time.Hour
	result, _ = run(t, spec)
	require.False(t, result.TimedOut)
	require.Equal(t, 3, result.Code)
}

func TestRun_daemonDiesWithAStop(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux adopts daemons")
	}
	ctx, cancel := context.WithCancel(context.Background())
	daemon := 0
	// The shell tells of the daemon when it has no child: one that ends well would make it overlook SIGINT.
	spec := script("daemon=$(" + background + "); echo $daemon; sleep 1000")
	spec.Grace = time.Hour // it is not waited for: it got no signal
	result, err := process.Run(ctx, spec, whenReady(func(pid int) {
		daemon = pid
		cancel()
	}))
	require.NoError(t, err)
	require.True(t, result.Stopped)
	require.Empty(t, result.Leftover)
	requireDead(t, daemon)
}

func TestRun_daemonIsTold(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux adopts daemons")
	}
	result, got := run(t, script("("+background+"); echo end"))
	daemon, err := strconv.Atoi(got.out[0])
	require.NoError(t, err)
	defer syscall.Kill(daemon, syscall.SIGKILL)
	require.Zero(t, result.Code)
	require.Equal(t, []int{daemon}, result.Leftover)
	require.True(t, alive(daemon))
}

func TestRun_failureLeavesNothing(t *testing.T) {
	t.Parallel()
	result, got := run(t, script("sleep 1000 & echo $!; exit 3"))
	require.Equal(t, 3, result.Code)
	require.Empty(t, result.Leftover)
	child, err := strconv.Atoi(got.out[0])
	require.NoError(t, err)
	requireDead(t, child)
}

func TestRun_backgroundThatEndsIsNoLeftover(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux adopts daemons")
	}
	result, got := run(t, script("(sleep 0.1; echo late) & echo early"))
	require.Equal(t, []string{"early", "late"}, got.out)
	require.Empty(t, result.Leftover)
}

func TestRun_pipeKeptOpen(t *testing.T) {
	t.Parallel()
	result, got := run(t, script("setsid sleep 1000 & echo $!"))
	require.Zero(t, result.Code)
	child, err := strconv.Atoi(got.out[0])
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(child, syscall.SIGKILL))
}

// startParent starts a process that runs a script, and returns the numbers on
// the first line that the script prints.
func startParent(t *testing.T, script string, lock *os.File) (*exec.Cmd, []int) {
	t.Helper()
	cmd := parentCommand(script, os.Args[0])
	if lock != nil {
		cmd.Env = append(cmd.Env, "FLOW_TEST_LOCK=1")
		cmd.ExtraFiles = []*os.File{lock}
	}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	var pids []int
	for _, word := range strings.Fields(line) {
		pid, err := strconv.Atoi(word)
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return cmd, pids
}

func TestRun_parentKilled(t *testing.T) {
	for name, script := range map[string]string{
		"polite":           `sleep 1000 & echo $$ $!; sleep 1000`,
		"traps signals":    `trap '' INT TERM HUP; sh -c 'trap "" INT TERM HUP; sleep 1000; sleep 1000' & echo $$ $!; while :; do sleep 0.1; done`,
		"a flow in a flow": asParent + `='sleep 1000 & echo $$ $!; sleep 1000' ` + os.Args[0],
		"left the group":   `setsid sleep 1000 & echo $$ $!; sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			if name == "left the group" && runtime.GOOS != "linux" {
				t.Skip("only Linux adopts daemons")
			}
			cmd, pids := startParent(t, script, nil)
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			for _, pid := range pids {
				requireDead(t, pid)
			}
		})
	}
}

func TestRun_supervisorKilled(t *testing.T) {
	child := 0
	_, err := process.Run(context.Background(), script("sleep 1000 & echo $!; kill -KILL $PPID; sleep 1000"), whenReady(func(pid int) { child = pid }))
	require.ErrorContains(t, err, "supervisor")
	requireDead(t, child)
}

func TestRun_orphanHoldsTheLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	file, err := os.Create(name)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	// Both die at once, so that nobody is left to kill what left the group.
	cmd, pids := startParent(t, `setsid sleep 1000 & echo $! $PPID; sleep 1000`, file)
	require.NoError(t, file.Close())
	require.NoError(t, syscall.Kill(pids[1], syscall.SIGSTOP))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.NoError(t, syscall.Kill(pids[1], syscall.SIGKILL))
	requireDead(t, pids[1])

	again, err := os.Open(name)
	require.NoError(t, err)
	defer again.Close()
	require.True(t, alive(pids[0]))
	free := func() bool { return syscall.Flock(int(again.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil }
	require.False(t, free())
	require.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
	require.Eventually(t, free, deadline, 5*time.Millisecond)
}

func TestRun_lockIsFreedAtTheEnd(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	spec := script("exec 3>&1; echo hello >&3") // what scripts do with low descriptors doesn't touch it
	spec.Locks = []*os.File{file}
	_, got := run(t, spec)
	require.Equal(t, []string{"hello"}, got.out)
	require.NoError(t, file.Close())
	again, err := os.Open(file.Name())
	require.NoError(t, err)
	defer again.Close()
	require.NoError(t, syscall.Flock(int(again.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
}
