// Package difftest holds flow's behaviour against DVC's. Its tests make random
// projects, written for both tools with the same text, do the same to both, and
// compare which stages ran and every byte that they left. They need a Python with
// DVC, named by FLOW_DVC_PYTHON or found through the `dvc` on the PATH:
//
//	python3 -m venv /opt/flow-test-venv
//	/opt/flow-test-venv/bin/pip install dvc==3.67.1
//	FLOW_DVC_PYTHON=/opt/flow-test-venv/bin/python go test ./difftest
//
// FLOW_DIFF_CASES sets the number of projects, FLOW_DIFF_SEED the first seed, and
// FLOW_DIFF_BINARY a flow that is built already. A failure is made smaller and
// printed as what a person would type.
package difftest
