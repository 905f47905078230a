package engine

import (
	"flow/pkg/digest"
	"flow/pkg/lock"
)

// Contents returns all that a lock tells is needed: outs of stages, and data
// sources. Deps that no stage makes are in nobody's cache.
func Contents(locked *lock.File) []digest.Content {
	var contents []digest.Content
	for _, entry := range locked.Stages {
		for _, out := range entry.Outs {
			contents = append(contents, out.Content)
		}
	}
	for _, content := range locked.Data {
		contents = append(contents, content)
	}
	return contents
}
