package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clones is projects of several people, beside each other in one folder.
type clones struct {
	t            *testing.T
	base, binary string
	env          []string
}

func newClones(t *testing.T) *clones {
	t.Helper()
	c := &clones{t: t, base: t.TempDir(), binary: filepath.Join(t.TempDir(), "flow")}
	out, err := exec.Command("go", "build", "-o", c.binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return c
}

func (c *clones) command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(c.binary, args...)
	cmd.Dir = filepath.Join(c.base, dir)
	cmd.Env = append(append(os.Environ(), "HOME="+c.base, "XDG_CONFIG_HOME="+c.base), c.env...)
	return cmd
}

func (c *clones) flow(dir string, args ...string) string {
	c.t.Helper()
	cmd := c.command(dir, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(c.t, err, "flow %v in %s: %s%s", args, dir, out, stderr.String())
	return string(out)
}

func (c *clones) write(name, text string) {
	c.t.Helper()
	name = filepath.Join(c.base, name)
	require.NoError(c.t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(c.t, os.WriteFile(name, []byte(text), 0o644))
}

// told is what flow runs list --json says of a run, as far as it is looked at.
type told struct {
	ID      string
	Note    string
	Tags    []string
	Metrics map[string]float64
}

func (c *clones) list(dir string) []told {
	c.t.Helper()
	var all []told
	require.NoError(c.t, json.Unmarshal([]byte(c.flow(dir, "runs", "list", "--json")), &all))
	return all
}

const travelling = `stages:
  train:
    cmd: mkdir -p model && cat params.yaml code.txt > model/all && cp code.txt model/copy && echo "{\"acc\":$(grep -o '[0-9]*' params.yaml)}" > m.json && echo trained
    deps: [code.txt]
    params: [lr]
    outs: [model]
    metrics: [{m.json: {cache: false}}]
`

// project makes a project that has made some runs, and one that only knows the remote.
func (c *clones) project(remote ...string) {
	c.t.Helper()
	c.write("a/pipeline.yaml", travelling)
	c.write("b/.flow/config", "")
	for _, dir := range []string{"a", "b"} {
		c.flow(dir, append([]string{"remote", "add", "store"}, remote...)...)
	}
	for i := range 4 {
		c.write("a/params.yaml", fmt.Sprintf("lr: %d\n", i))
		c.write("a/code.txt", strings.Repeat(fmt.Sprintf("line %d\n", i), 1<<15))
		c.flow("a", "repro", "-q")
	}
}

// requireHad checks that each run that b sees can be had back there, as a had it.
func (c *clones) requireHad() int {
	c.t.Helper()
	all := c.list("b")
	for _, run := range all {
		c.flow("b", "runs", "fetch", run.ID)
		c.flow("b", "runs", "apply", run.ID)
		text, err := os.ReadFile(filepath.Join(c.base, "b/params.yaml"))
		require.NoError(c.t, err)
		require.Equal(c.t, fmt.Sprintf("lr: %v\n", run.Metrics["acc"]), string(text))
		require.Contains(c.t, c.flow("b", "logs", "--run", run.ID), "trained")
	}
	return len(all)
}

// A push of runs that is killed at any moment leaves only runs there that can be had back,
// and the next one goes on.
func TestRuns_pushKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the binary and kills it many times")
	}
	c := newClones(t)
	c.project("../store")
	for range 8 {
		cmd := c.command("a", "runs", "push", "-j", "2")
		require.NoError(t, cmd.Start())
		time.Sleep(rand.N(60 * time.Millisecond)) // when it is killed is what differs
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		c.flow("b", "runs", "fetch")
		c.requireHad()
	}
	c.flow("a", "runs", "push")
	c.flow("b", "runs", "fetch")
	require.Equal(t, 4, c.requireHad())
}

// What lies on a remote is refused when it isn't what it says, and keeps nothing else from
// coming.
func TestRuns_hostileRemote(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the binary")
	}
	c := newClones(t)
	c.project("../store")
	c.flow("a", "runs", "push")
	records, err := filepath.Glob(filepath.Join(c.base, "store/runs/*/*.run"))
	require.NoError(t, err)
	require.Len(t, records, 4)
	text, err := os.ReadFile(records[0])
	require.NoError(t, err)
	require.NoError(t, os.Chmod(records[0], 0o644))
	require.NoError(t, os.WriteFile(records[0], bytes.Replace(text, []byte(`"ok"`), []byte(`"no"`), 1), 0o644))
	huge, err := os.Create(filepath.Join(c.base, "store/runs", filepath.Base(filepath.Dir(records[1])), strings.Repeat("0", 64)+".run"))
	require.NoError(t, err)
	require.NoError(t, huge.Truncate(1<<40)) // first by its digest
	require.NoError(t, huge.Close())
	c.write("store/runs/20261126-120000-0000/"+strings.Repeat("1", 64)+".run", "{}")
	c.write("store/runs/x/y/z", "somebody else's")
	cmd := c.command("b", "runs", "fetch")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, 3, strings.Count(string(out), "did not come along"), "%s", out)
	require.Equal(t, 2, c.requireHad())
}

// The same on a server that speaks S3: two people, their tags, and one that is removed.
func TestRuns_s3(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	moto, err := exec.LookPath(firstOf(os.Getenv("FLOW_MOTO_SERVER"), "moto_server"))
	if err != nil {
		t.Skip("moto_server is missing: pip install 'moto[s3,server]'")
	}
	endpoint := serveMoto(t, moto)
	c := newClones(t)
	c.env = []string{"FLOW_REMOTE_STORE_ACCESS_KEY_ID=AKAKAKAK", "FLOW_REMOTE_STORE_SECRET_ACCESS_KEY=SKSKSKSK", "FLOW_REMOTE_STORE_ENDPOINT=" + endpoint}
	request, err := http.NewRequest(http.MethodPut, endpoint+"/flow-runs", nil) // this server checks no signatures
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	c.project("s3://flow-runs/x")
	c.flow("a", "runs", "tag", "latest", "best")
	require.Contains(t, c.flow("a", "runs", "push"), "4 runs pushed to store")
	require.Contains(t, c.flow("b", "runs", "fetch"), "4 runs fetched from store")
	require.Equal(t, 4, c.requireHad())
	c.flow("b", "runs", "note", "best", "seen by b")
	c.flow("b", "runs", "push")
	c.flow("a", "runs", "fetch")
	require.Equal(t, "seen by b", c.list("a")[0].Note)
	c.flow("a", "runs", "rm", "best", "--cloud")
	c.flow("b", "runs", "fetch")
	for _, run := range c.list("b") {
		require.NotContains(t, run.Tags, "best")
	}
}

func firstOf(words ...string) string {
	for _, word := range words {
		if word != "" {
			return word
		}
	}
	return ""
}

// serveMoto starts a server that ends with the test, and returns its address.
func serveMoto(t *testing.T, program string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	listener.Close()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, time.Minute, 50*time.Millisecond)
	return "http://" + address
}
