package event

import _ "embed"

//go:embed event.schema.json
var schema string

// Schema returns the JSON Schema of the lines that `flow repro --json` writes: one
// definition for each event, under the name that the line's field "event" has. It is
// draft 07.
func Schema() string { return schema }
