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
		for _, list := range Lists(entry) {
			contents = append(contents, list.Content)
		}
	}
	for _, content := range locked.Data {
		contents = append(contents, content)
	}
	return contents
}

// Lists returns the lists of the files of a map stage, each as a file: not what it names.
// The entry may be nil.
func Lists(entry *lock.Entry) []lock.Item {
	if entry == nil {
		return nil
	}
	var lists []lock.Item
	for _, dep := range entry.Deps {
		if dep.Mode == digest.Dir && glob.HasMeta(dep.Path) {
			lists = append(lists, lock.Item{Path: dep.Path, Content: digest.Content{ID: dep.ID, Mode: digest.File}})
		}
	}
	return lists
}
