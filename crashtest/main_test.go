//go:build unix

package crashtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// binary is the flow that is tested.
var binary string

func TestMain(m *testing.M) {
	traceIfAsked()
	flag.Parse()
	if set := flag.Lookup("test.parallel"); set != nil && set.Value.String() == set.DefValue {
		_ = set.Value.Set("4") // most of the time is spent waiting
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "flow-crashtest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bases.dir = dir
	if binary = os.Getenv("FLOW_BIN"); binary == "" {
		binary = filepath.Join(dir, "flow")
		build := exec.Command("go", "build", "-o", binary, "flow/cmd/flow")
		if said, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build flow: %v\n%s", err, said)
			return 1
		}
	}
	return m.Run()
}

// rounds returns how often a random test tries.
func rounds(standard int) int {
	if n, err := strconv.Atoi(os.Getenv("FLOW_CRASH_ROUNDS")); err == nil {
		return max(1, n*standard/20)
	}
	return standard
}

// random returns a source of chance, and tells how to have the same one again.
func random(t *testing.T) *rand.Rand {
	seed, err := strconv.ParseUint(os.Getenv("FLOW_CRASH_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again: FLOW_CRASH_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// lacking ends a test that needs what this machine doesn't have.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("FLOW_TEST_ALL") == "1" {
		t.Fatalf("FLOW_TEST_ALL is set, and this test lacks %s", what)
	}
	t.Skipf("this test lacks %s", what)
}
