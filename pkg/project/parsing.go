package project

import (
	"slices"
	"strings"

	"flow/pkg/diag"
	"flow/pkg/stages"
)

// Parsing returns how pipelines are read: the parsing.* settings.
func (c *Config) Parsing() stages.Options {
	bools, _ := c.Get("parsing.bool")
	lists, _ := c.Get("parsing.list")
	return stages.Options{Flags: stages.FlagStyle{
		Negate: bools.Value == "boolean_optional",
		Repeat: lists.Value == "append",
	}}
}

// wrongWord says what is wrong with a value, where a key knows the values it may have.
func wrongWord(name, value string) *diag.Error {
	for _, key := range Keys() {
		if key.Name == name && key.Words != nil && !slices.Contains(key.Words, value) {
			return diag.At(diag.Pos{}, "%s can't be %q", name, value).WithHint("it is one of %s", strings.Join(key.Words, ", "))
		}
		if key.Name == name && key.Check != nil && value != "" {
			if wrong := key.Check(value); wrong != "" {
				return diag.At(diag.Pos{}, "%s can't be %q", name, value).WithHint("%s", wrong)
			}
		}
	}
	return nil
}
