// Package crashtest kills flow, starves it, races it and damages what it keeps, with
// the real binary and real processes, and looks whether the next command still
// works. It has tests only.
//
// Besides killing at random moments it kills just before a call to the kernel, each in
// turn: the test binary traces flow for that, see tracer_test.go.
//
// FLOW_CRASH_ROUNDS says how many rounds the random tests go (20 by default),
// FLOW_CRASH_SEED repeats those of an earlier run, FLOW_BIN tests a binary that is
// built already, and FLOW_TEST_ALL=1 fails what a machine
// can't test.
package crashtest
