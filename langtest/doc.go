// Package langtest holds flow's template language against DVC's. Each file of
// testdata is a small pipeline with the files that it needs; both tools load it, and
// what they resolve it to is compared. The first line says what is expected:
//
//	# both: …      both take it and make the same stages of it
//	# neither: …   both refuse it
//	# flow: …      flow takes it where DVC does not
//	# dvc: …       DVC takes it where flow does not
//	# differ: …    both take it and make other stages of it
//
// The tests need a Python with DVC, named by FLOW_DVC_PYTHON or found through the
// `dvc` on the PATH.
package langtest
