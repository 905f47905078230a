package disk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A process of a test is this binary with one of these jobs in its environment.
const (
	jobVar = "FLOW_DISK_TEST_JOB"
	dirVar = "FLOW_DISK_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch job := os.Getenv(jobVar); job {
	case "":
		os.Exit(m.Run())
	case "hold", "hold and leave a child", "count":
		if err := work(job); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "linger": // has a descriptor of the lock and doesn't know
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	}
}

// work does a job and says "ready" when the lock is held; it ends with its stdin.
func work(job string) error {
	root, err := OpenRoot(os.Getenv(dirVar))
	if err != nil {
		return err
	}
	if job == "count" {
		return count(root)
	}
	lock, err := root.Lock(context.Background(), "lock", Exclusive, "pid "+strconv.Itoa(os.Getpid()), nil)
	if err != nil {
		return err
	}
	if job == "hold and leave a child" {
		child := again("linger", root.Dir())
		child.Stdin, child.Stdout = os.Stdin, os.Stdout
		child.ExtraFiles = []*os.File{lock.File()}
		if err := child.Start(); err != nil {
			return err
		}
	} else {
		fmt.Println("ready")
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// count adds to a number in a file, which is only right under a lock.
func count(root *Root) error {
	for range 25 {
		lock, err := root.Lock(context.Background(), "lock", Exclusive, "", nil)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(root.Path("number"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		number, _ := strconv.Atoi(string(text))
		if err := os.WriteFile(root.Path("number"), []byte(strconv.Itoa(number+1)), 0o644); err != nil {
			return err
		}
		if err := lock.Unlock(); err != nil {
			return err
		}
	}
	return nil
}

func again(job, dir string) *exec.Cmd {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), jobVar+"="+job, dirVar+"="+dir)
	return command
}

// start starts a job and waits until it, or its child, is ready. What it returns
// ends when the function it returns is called.
func start(t *testing.T, job string, root *Root) (*exec.Cmd, func()) {
	command := again(job, root.Dir())
	// Not StdinPipe and StdoutPipe, whose ends Wait closes: a child may outlive the command.
	theirInput, input, err := os.Pipe()
	require.NoError(t, err)
	output, theirOutput, err := os.Pipe()
	require.NoError(t, err)
	command.Stdin, command.Stdout = theirInput, theirOutput
	require.NoError(t, command.Start())
	theirInput.Close()
	theirOutput.Close()
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err, line)
	require.Equal(t, "ready\n", line)
	var once sync.Once
	end := func() {
		once.Do(func() {
			input.Close()
			io.Copy(io.Discard, output) // until the last that has it is gone
			output.Close()
		})
	}
	t.Cleanup(func() {
		end()
		command.Process.Kill()
		command.Wait()
	})
	return command, end
}

func requireBusy(t *testing.T, root *Root, mode LockMode, owner string) {
	t.Helper()
	_, err := root.TryLock("lock", mode, "me")
	var busy *BusyError
	require.ErrorAs(t, err, &busy)
	require.Equal(t, BusyError{Name: "lock", Owner: owner}, *busy)
}

func TestTryLock_modes(t *testing.T) {
	root := open(t)
	first, err := root.TryLock("lock", Shared, "one")
	require.NoError(t, err)
	second, err := root.TryLock("lock", Shared, "two")
	require.NoError(t, err)
	requireBusy(t, root, Exclusive, "two")
	require.NoError(t, first.Unlock())
	requireBusy(t, root, Exclusive, "two")
	require.NoError(t, second.Unlock())
	third, err := root.TryLock("lock", Exclusive, "a longer owner")
	require.NoError(t, err)
	requireBusy(t, root, Shared, "a longer owner")
	require.NoError(t, third.Unlock())
	fourth, err := root.TryLock("lock", Exclusive, "short")
	require.NoError(t, err)
	requireBusy(t, root, Exclusive, "short")
	require.NoError(t, fourth.Unlock())
	require.True(t, root.Exists("lock"), "lock files stay")
}

func TestLock_killedProcessFreesIt(t *testing.T) {
	root := open(t)
	holder, _ := start(t, "hold", root)
	requireBusy(t, root, Shared, fmt.Sprint("pid ", holder.Process.Pid))
	require.NoError(t, holder.Process.Kill())
	holder.Wait()
	lock, err := root.TryLock("lock", Exclusive, "me")
	require.NoError(t, err)
	require.NoError(t, lock.Unlock())
}

func TestLock_orphanKeepsIt(t *testing.T) {
	root := open(t)
	holder, endChild := start(t, "hold and leave a child", root)
	require.NoError(t, holder.Process.Kill())
	holder.Wait()
	requireBusy(t, root, Exclusive, fmt.Sprint("pid ", holder.Process.Pid))
	if holders := root.Holders("lock"); holders != nil {
		require.Len(t, holders, 1)
		require.NotEqual(t, holder.Process.Pid, holders[0])
	}
	endChild()
	lock, err := root.Lock(t.Context(), "lock", Exclusive, "me", nil)
	require.NoError(t, err)
	require.NoError(t, lock.Unlock())
}

func TestLock_waitsAndTellsForWhom(t *testing.T) {
	root := open(t)
	holder, end := start(t, "hold", root)
	var told []string
	lock, err := root.Lock(t.Context(), "lock", Exclusive, "me", func(holder string) {
		told = append(told, holder)
		end()
	})
	require.NoError(t, err)
	require.Equal(t, []string{fmt.Sprint("pid ", holder.Process.Pid)}, told)
	require.NoError(t, lock.Unlock())
}

func TestLock_endsWithItsContext(t *testing.T) {
	root := open(t)
	held, err := root.TryLock("lock", Exclusive, "one")
	require.NoError(t, err)
	defer held.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	_, err = root.Lock(ctx, "lock", Exclusive, "two", func(string) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	var busy *BusyError
	require.ErrorAs(t, err, &busy)
	require.Equal(t, "one", busy.Owner)
}

func TestLock_fileReplacedMeanwhile(t *testing.T) {
	root := open(t)
	held, err := root.TryLock("lock", Exclusive, "one")
	require.NoError(t, err)
	defer held.Unlock()
	require.NoError(t, root.Remove("lock")) // somebody tidied up
	second, err := root.TryLock("lock", Exclusive, "two")
	require.NoError(t, err)
	defer second.Unlock()
	requireBusy(t, root, Exclusive, "two")
}

func TestLock_manyProcesses(t *testing.T) {
	root := open(t)
	var all []*exec.Cmd
	var outputs []*strings.Builder
	for range 8 {
		command, output := again("count", root.Dir()), &strings.Builder{}
		command.Stdout, command.Stderr = output, output
		require.NoError(t, command.Start())
		all, outputs = append(all, command), append(outputs, output)
	}
	for i, command := range all {
		require.NoError(t, command.Wait(), outputs[i])
	}
	number, err := root.Read("number")
	require.NoError(t, err)
	require.Equal(t, "200", string(number))
}
