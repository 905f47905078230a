//go:build unix

package process_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"flow/pkg/process"
)

// hands runs a script by a crew and returns what it printed.
func hands(t *testing.T, crew *process.Crew, spec process.Spec) (process.Result, []string) {
	t.Helper()
	var got printed
	result, err := crew.Run(context.Background(), spec, got.line)
	require.NoError(t, err)
	return result, got.out
}

func TestCrew_usesASupervisorAgain(t *testing.T) {
	var crew process.Crew
	defer crew.Close()
	_, first := hands(t, &crew, script("echo $PPID"))
	result, second := hands(t, &crew, script("echo $PPID; exit 3"))
	require.Equal(t, 3, result.Code)
	require.Equal(t, first, second)
	_, third := hands(t, &crew, script("echo $PPID"))
	require.Equal(t, first, third)
	crew.Close()
	_, fourth := hands(t, &crew, script("echo $PPID"))
	require.NotEqual(t, first, fourth)
}

func TestCrew_measuresEachCommandByItself(t *testing.T) {
	var crew process.Crew
	defer crew.Close()
	large, _ := hands(t, &crew, script("x=$(head -c 80000000 /dev/zero | tr '\\0' x); i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"))
	require.Greater(t, large.MaxRSS, int64(80_000_000))
	small, _ := hands(t, &crew, script("true"))
	require.Less(t, small.MaxRSS, int64(60_000_000))
	require.Less(t, small.CPU, large.CPU)
}

func TestCrew_noSupervisorIsUsedAgainWhileSomethingIsLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what is left")
	}
	var crew process.Crew
	defer crew.Close()
	result, first := hands(t, &crew, script("echo $PPID; sleep 60 >/dev/null 2>&1 & true"))
	require.Len(t, result.Leftover, 1)
	left, err := os.FindProcess(result.Leftover[0])
	require.NoError(t, err)
	require.NoError(t, left.Kill())
	_, second := hands(t, &crew, script("echo $PPID"))
	require.NotEqual(t, first, second)
}

func TestCrew_takesItsLocksBackFromTheSupervisor(t *testing.T) {
	var crew process.Crew
	defer crew.Close()
	for range 2 { // a new supervisor, and one used again
		lock, err := os.Create(filepath.Join(t.TempDir(), "lock"))
		require.NoError(t, err)
		spec := script("echo $PPID")
		spec.Locks = []*os.File{lock}
		_, out := hands(t, &crew, spec)
		require.NoError(t, lock.Close())
		if runtime.GOOS == "linux" {
			fds, err := filepath.Glob("/proc/" + out[0] + "/fd/*")
			require.NoError(t, err)
			require.NotEmpty(t, fds)
			for _, fd := range fds {
				target, _ := os.Readlink(fd)
				require.NotEqual(t, lock.Name(), target)
			}
		}
	}
}

func BenchmarkCrew(b *testing.B) {
	var crew process.Crew
	defer crew.Close()
	for b.Loop() {
		if result, err := crew.Run(context.Background(), process.Spec{Argv: []string{"true"}}, nil); err != nil || result.Code != 0 {
			b.Fatal(result, err)
		}
	}
}

// TestBySignal: all holds as well where a supervisor learns of the end of its command by
// SIGCHLD, as on systems that have no descriptors of processes.
func TestBySignal(t *testing.T) {
	again := exec.Command(os.Args[0], "-test.run", "^TestRun_|^TestCrew_")
	again.Env = append(os.Environ(), process.TestBySignal+"=1")
	out, err := again.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
