package process_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"flow/pkg/process"
)

// asParent is the script that the test binary runs instead of tests.
const asParent = "FLOW_TEST_PARENT_OF"

func TestMain(m *testing.M) {
	process.Main()
	if script := os.Getenv(asParent); script != "" {
		os.Exit(parent(script))
	}
	os.Exit(m.Run())
}

// parent runs a script and prints what it prints. A file given as descriptor 3 is
// handed down as a lock.
func parent(script string) int {
	spec := process.Spec{Argv: append(process.Shell(), script)}
	if lock := os.NewFile(3, "lock"); os.Getenv("FLOW_TEST_LOCK") != "" {
		spec.Locks = []*os.File{lock}
	}
	result, err := process.Run(context.Background(), spec, func(_ bool, line string) { _, _ = os.Stdout.WriteString(line + "\n") })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return result.Code
}
