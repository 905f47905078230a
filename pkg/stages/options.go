package stages

import (
	"flow/pkg/document"
	"flow/pkg/values"
)

// Options says how a pipeline is read. The zero value is the default.
type Options struct {
	Flags   FlagStyle
	Partial bool             // what is wrong with a stage, or with one of several files, only takes that out
	Set     []values.Setting // made in params files and vars, before templates are filled in
}

// FlagStyle says how a mapping that is filled into a cmd becomes options of it.
type FlagStyle struct {
	Negate bool // what is false is --no-name; by default it is left out
	Repeat bool // each item of a list has the option before it; by default only the first
}

// Source is one file of a pipeline; its name is relative to the project's root.
type Source struct {
	File string
	Text []byte
}

// ParseAll is ParseWith for a pipeline of several files, of which there is at least one.
// The stages of a file that is not at the root have its name and a colon before theirs,
// as in sub/pipeline.yaml:train. Paths may lead from one file's stages to another's.
func ParseAll(options Options, files []Source, read Files) (*Pipeline, error) {
	pipeline, _, err := parse(options, files, read)
	return pipeline, err
}

// ParseWith is Parse with options.
func ParseWith(options Options, file string, text []byte, read Files) (*Pipeline, error) {
	return ParseAll(options, []Source{{file, text}}, read)
}

// ExpandWith is Expand with options.
func ExpandWith(options Options, file string, text []byte, read Files) (*document.Node, error) {
	_, roots, err := parse(options, []Source{{file, text}}, read)
	if err != nil {
		return nil, err
	}
	return roots[0], nil
}
