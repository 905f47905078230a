package stages

import _ "embed"

//go:embed pipeline.schema.json
var schema string

// Schema returns the JSON Schema of pipeline.yaml, for editors. It is draft 07,
// which most of them read.
func Schema() string { return schema }
