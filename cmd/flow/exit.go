package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"flow/pkg/bucket"
	"flow/pkg/diag"
	"flow/pkg/disk"
	"flow/pkg/engine"
	"flow/pkg/store"
	"flow/pkg/workspace"
)

// The exit codes, as the README lists them.
const (
	exitFine        = 0
	exitFailed      = 1 // a stage or an operation failed; or stale, where that was asked
	exitWords       = 2 // the command line, the config or the pipeline is wrong
	exitData        = 3 // data is missing or corrupt
	exitBusy        = 4 // another process is at it
	exitEnvironment = 5 // disk, permissions, network
	exitBug         = 70
)

// errSilent is a failure that has been told already.
var errSilent = errors.New("told already")

// wordsError is a mistake in the command line.
type wordsError struct{ error }

func (e wordsError) Unwrap() error { return e.error }

// exitCode maps an error to the code that scripts rely on.
func exitCode(err error) int {
	var (
		stage   *engine.StageError
		corrupt *store.CorruptError
		busy    *disk.BusyError
		mistake *diag.Error
		list    diag.List
		words   wordsError
		escape  *workspace.EscapeError
		special *workspace.SpecialError
		path    *fs.PathError
		link    *os.LinkError
		errno   syscall.Errno
		place   *bucket.Error
	)
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &busy):
		return exitBusy
	case errors.Is(err, engine.ErrMissing), errors.As(err, &corrupt), errors.Is(err, store.ErrAbsent):
		return exitData
	case errors.As(err, &stage):
		if stage.Outcome == nil && (errors.As(stage.Err, &errno) || errors.As(stage.Err, &path)) {
			return exitEnvironment
		}
		return exitFailed
	case errors.As(err, &words), errors.As(err, &mistake), errors.As(err, &list), errors.As(err, &escape), errors.As(err, &special):
		return exitWords
	case errors.As(err, &path), errors.As(err, &link), errors.As(err, &errno), errors.As(err, &place):
		return exitEnvironment
	}
	return exitFailed
}
