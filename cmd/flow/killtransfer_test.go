package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"flow/pkg/digest"
)

// A push or a pull that is killed at any moment leaves nothing half on the remote or in the
// cache, and the next one goes on.
func TestTransfer_killed(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the binary and kills it many times")
	}
	binary := filepath.Join(t.TempDir(), "flow")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	base := t.TempDir()
	flow := func(dir string, args ...string) *exec.Cmd {
		cmd := exec.Command(binary, args...)
		cmd.Dir = filepath.Join(base, dir)
		cmd.Env = append(os.Environ(), "HOME="+base, "XDG_CONFIG_HOME="+base)
		return cmd
	}
	must := func(dir string, args ...string) {
		out, err := flow(dir, args...).CombinedOutput()
		require.NoError(t, err, "flow %v: %s", args, out)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(base, "a", "data"), 0o755))
	for i := range 300 {
		require.NoError(t, os.WriteFile(filepath.Join(base, "a", "data", fmt.Sprint(i)), []byte(strings.Repeat(fmt.Sprint(i), 50)), 0o644))
	}
	for i := range 8 {
		require.NoError(t, os.WriteFile(filepath.Join(base, "a", "data", fmt.Sprint("large", i)), bytes.Repeat([]byte{byte(i)}, 2<<20), 0o644))
	}
	must("a", "init")
	must("a", "add", "data")
	must("a", "remote", "add", "store", "../store")
	require.NoError(t, os.MkdirAll(filepath.Join(base, "b", ".flow"), 0o755))
	for _, name := range []string{"pipeline.yaml", "pipeline.lock", ".flow/config"} {
		text, err := os.ReadFile(filepath.Join(base, "a", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(base, "b", name), text, 0o644))
	}
	killed := func(dir, verb string, most time.Duration) {
		cmd := flow(dir, verb)
		require.NoError(t, cmd.Start())
		time.Sleep(rand.N(most)) // when it is killed is what differs
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	for range 10 {
		killed("a", "push", 150*time.Millisecond)
		requireObjects(t, filepath.Join(base, "store", "objects"))
	}
	must("a", "push")
	for range 10 {
		killed("b", "pull", 300*time.Millisecond)
		requireObjects(t, filepath.Join(base, "b", ".flow", "cache", "objects"))
	}
	must("b", "pull")
	must("b", "fsck")
	must("b", "status", "-q")
}

// requireObjects checks that each object has the bytes of its name.
func requireObjects(t *testing.T, dir string) {
	folders, _ := filepath.Glob(filepath.Join(dir, "??"))
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, entry := range entries {
			id, err := digest.ParseHex(filepath.Base(folder) + entry.Name())
			if err != nil {
				continue // unfinished, under another name
			}
			got, _, err := digest.SumFile(filepath.Join(folder, entry.Name()))
			require.NoError(t, err)
			require.Equal(t, id, got)
		}
	}
}
