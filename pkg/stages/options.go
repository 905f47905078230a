package stages

import "flow/pkg/document"

// Options says how a pipeline is read. The zero value is the default.
type Options struct {
	Flags FlagStyle
}

// FlagStyle says how a mapping that is filled into a cmd becomes options of it.
type FlagStyle struct {
	Negate bool // what is false is --no-name; by default it is left out
	Repeat bool // each item of a list has the option before it; by default only the first
}

// ParseWith is Parse with options.
func ParseWith(options Options, file string, text []byte, read Files) (*Pipeline, error) {
	pipeline, _, err := parse(options, file, text, read)
	return pipeline, err
}

// ExpandWith is Expand with options.
func ExpandWith(options Options, file string, text []byte, read Files) (*document.Node, error) {
	_, root, err := parse(options, file, text, read)
	return root, err
}
