//go:build unix

package process

import "os"

// TestBySignal is set where the tests run as on systems that have no descriptors of processes.
const TestBySignal = "FLOW_TEST_BY_SIGNAL"

func init() {
	if os.Getenv(TestBySignal) != "" {
		supervisorEnv = append(supervisorEnv, bySignal+"=1")
	}
}
