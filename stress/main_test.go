//go:build unix

package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRounds(t *testing.T) {
	o := options{time: time.Hour, rounds: 1, stages: 12, jobs: 2, kills: 5, seed: rand.Uint64()}
	if os.Getenv("FLOW_TEST_ALL") != "" && !testing.Short() {
		o.rounds, o.stages, o.kills = 5, 30, 30
	}
	t.Logf("seed %d", o.seed)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	o.binary = filepath.Join(dir, "flow")
	out, err := exec.Command("go", "build", "-o", o.binary, "flow/cmd/flow").CombinedOutput()
	require.NoError(t, err, "%s", out)
	total, err := rounds(o, dir)
	require.NoError(t, err)
	require.Equal(t, o.rounds, total.Rounds)
	require.Positive(t, total.Kills+total.Ended)
	t.Logf("%+v", total)
}

// What compare is for: a project that lost something is found out.
func TestCompare_findsLosses(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	o := options{stages: 6, jobs: 1, kills: 1, binary: filepath.Join(dir, "flow")}
	out, err := exec.Command("go", "build", "-o", o.binary, "flow/cmd/flow").CombinedOutput()
	require.NoError(t, err, "%s", out)
	w := newWorld(o, rand.New(rand.NewPCG(1, 1)))
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, project := range []string{a, b} {
		require.NoError(t, w.write(project))
		require.NoError(t, o.settle(project))
	}
	require.NoError(t, w.compare(o, a, b))
	lost := filepath.Join(a, w.stages[0].out(0))
	require.NoError(t, os.RemoveAll(lost))
	require.ErrorContains(t, w.compare(o, a, b), "is lost")
	require.NoError(t, o.settle(a))
	require.NoError(t, w.compare(o, a, b))
	require.NoError(t, os.WriteFile(filepath.Join(a, "litter"), nil, 0o644))
	require.ErrorContains(t, w.compare(o, a, b), "litter is left over")
}
