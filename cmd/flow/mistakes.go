package main

import (
	"os"
	"path"
	"path/filepath"

	"flow/pkg/diag"
	"flow/pkg/project"
)

// addLines adds the text of their lines to the mistakes in an error that know only their
// places, as those do that show when the pipeline is compared with the files. Lines of
// the config are not shown: there may be a credential in them.
func (a *app) addLines(err error) {
	root, findErr := project.Find(a.dir)
	if findErr != nil {
		return
	}
	texts := map[string]*diag.Lines{}
	eachMistake(err, func(mistake *diag.Error) {
		file := mistake.Pos.File
		if mistake.Line != "" || mistake.Pos.Line == 0 || !filepath.IsLocal(file) || path.Dir(file) == project.State {
			return
		}
		if texts[file] == nil {
			text, _ := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
			texts[file] = diag.NewLines(text)
		}
		texts[file].Show(mistake)
	})
}

// eachMistake goes through the mistakes that an error holds.
func eachMistake(err error, do func(*diag.Error)) {
	if mistake, ok := err.(*diag.Error); ok {
		do(mistake)
		return
	}
	switch wrapped := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range wrapped.Unwrap() {
			eachMistake(inner, do)
		}
	case interface{ Unwrap() error }:
		if inner := wrapped.Unwrap(); inner != nil {
			eachMistake(inner, do)
		}
	}
}
