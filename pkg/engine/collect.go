package engine

import (
	"flow/pkg/digest"
	"flow/pkg/glob"
	"flow/pkg/lock"
)

// Contents returns all that a lock tells is needed: outs of stages, and data
// sources, and the lists of the files of map stages. Other deps that no stage makes are
// in nobody's cache.
func Contents(locked *lock.File) []digest.Content {
	var contents []digest.Content
	for _, entry := range locked.Stages {
		for _, out := range entry.Outs {
			contents = append(contents, out.Content)
		}
		for _, dep := range entry.Deps {
			if dep.Mode == digest.Dir && glob.HasMeta(dep.Path) {
				contents = append(contents, digest.Content{ID: dep.ID, Mode: digest.File}) // the list, not what it names
			}
		}
	}
	for _, content := range locked.Data {
		contents = append(contents, content)
	}
	return contents
}
